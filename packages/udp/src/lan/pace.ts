// SPDX-License-Identifier: Apache-2.0
/**
 * How fast bytes may go: so many in a second, and as many as a tenth of a second has at once. Nobody
 * acknowledges what is sent to a group, so nobody else could slow a sender down (RFC 8085 Section 4.1.1).
 *
 * @module
 */

const LEAST_BURST_BYTES = 65_536

export class Pace {
  readonly #bytesPerMs: number
  readonly #burstBytes: number
  readonly #now: () => number
  #credit: number
  #at: number

  /** @param now - A clock that never goes back, in milliseconds. */
  constructor(bytesPerSecond: number, now: () => number = () => performance.now()) {
    this.#bytesPerMs = bytesPerSecond / 1_000
    this.#burstBytes = Math.max(LEAST_BURST_BYTES, bytesPerSecond / 10)
    this.#now = now
    this.#credit = this.#burstBytes
    this.#at = now()
  }

  /** Spends so many bytes. @returns How many milliseconds to wait before they go. */
  spend(bytes: number): number {
    const now = this.#now()
    this.#credit += (now - this.#at) * this.#bytesPerMs
    this.#credit = Math.min(this.#credit, this.#burstBytes) - bytes
    this.#at = now
    return this.#credit >= 0 ? 0 : Math.ceil(-this.#credit / this.#bytesPerMs)
  }

  /** Spends them if they may go at once. */
  take(bytes: number): boolean {
    if (this.spend(bytes) === 0) return true
    this.#credit += bytes
    return false
  }
}
