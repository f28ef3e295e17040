// SPDX-License-Identifier: Apache-2.0
/**
 * How often keys are established anew because an answer without protection says that they are lost:
 * anybody can forge one.
 *
 * @module
 */

const BURST = 4
const REFILL_MS = 10_000

/** A few at once, then one for each ten seconds. */
export class RecoveryBudget {
  readonly #monotonic: () => number
  #left = BURST
  #since: number

  /** @param monotonic - Milliseconds that never go back. */
  constructor(monotonic: () => number) {
    this.#monotonic = monotonic
    this.#since = monotonic()
  }

  /** Takes one, if there is one. */
  take(): boolean {
    const now = this.#monotonic()
    const refilled = Math.floor((now - this.#since) / REFILL_MS)
    this.#left = Math.min(BURST, this.#left + refilled)
    this.#since += refilled * REFILL_MS
    if (this.#left === 0) return false
    this.#left--
    return true
  }
}
