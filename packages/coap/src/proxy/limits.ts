// SPDX-License-Identifier: Apache-2.0
/**
 * Limits and durations: those that a caller may choose, and that of a message.
 *
 * @module
 */

import { type CoapOption, encodeCoap } from '@waxwing/oscore'
import { assertCount } from '../blockwise/settings.js'

/** Longer ones end at once. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1

/** What options may take of a datagram, beside the block of a body that they go with. */
const MAX_OPTIONS_BYTES = 1_100

/**
 * What was given, with defaults for the rest. Names of durations end with `Ms`.
 *
 * @throws {RangeError} If one is no integer above 0, or longer than a timer can be.
 */
export function limitsOf<Name extends string>(
  given: { readonly [name in NoInfer<Name>]?: number | undefined },
  defaults: Readonly<Record<Name, number>>,
): Readonly<Record<Name, number>> {
  const limits: Record<Name, number> = { ...defaults }
  for (const name of Object.keys(defaults) as Name[]) {
    const value = given[name] ?? defaults[name]
    assertCount(name, value)
    if (name.endsWith('Ms') && value > MAX_TIMER_MS) {
      throw new RangeError(`${name} must be at most ${MAX_TIMER_MS}, got ${value}`)
    }
    limits[name] = value
  }
  return limits
}

/** Whether no message holds these options: proxies add to what they are given. */
export function areTooLong(options: readonly CoapOption[]): boolean {
  return encodeCoap({ code: 0, options, payload: new Uint8Array(0) }).length > MAX_OPTIONS_BYTES
}
