// SPDX-License-Identifier: Apache-2.0
/**
 * What all parts of an endpoint share: cryptography, store, time, timers and the way events go out.
 *
 * @module
 */

import type { CryptoProvider, Store } from '@waxwing/core'
import type { WaxwingEvent } from './events.js'
import type { TimeKeeper } from './time-keeper.js'
import type { Timers } from './timers.js'

export interface Runtime {
  readonly crypto: CryptoProvider
  readonly store: Store
  readonly time: TimeKeeper
  readonly timers: Timers
  emit(event: WaxwingEvent): void
  /** Reports what failed in the background: nobody waits for it, and it must not get lost. */
  report(error: unknown): void
}

/** The current time in whole seconds since 1970. */
export function nowSeconds(runtime: Pick<Runtime, 'time'>): number {
  return Math.floor(runtime.time.now() / 1000)
}
