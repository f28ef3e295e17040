// SPDX-License-Identifier: Apache-2.0
/**
 * At what time signed statements are judged by a device that may not know the time
 * (`docs/spec/06-identity.md` Section 6.2): then none lies in the future, because whoever signed it
 * knew better; whether it has expired is judged by what is known to have passed.
 *
 * @module
 */

import { nowSeconds, type Runtime } from '../runtime.js'

type Timed = Pick<Runtime, 'time'>

/** Seconds since 1970; `undefined` where the time is unknown. */
export function knownSeconds(runtime: Timed): number | undefined {
  return runtime.time.known ? nowSeconds(runtime) : undefined
}

/**
 * The time to judge a statement at, in seconds since 1970.
 *
 * @param issued - When it was issued; and the credential of its author, where both are judged.
 */
export function judgedSeconds(runtime: Timed, ...issued: readonly number[]): number {
  return knownSeconds(runtime) ?? Math.max(nowSeconds(runtime), ...issued)
}
