// SPDX-License-Identifier: Apache-2.0
/**
 * The sliding window over received sequence numbers (RFC 8613 Sections 3.2.2 and 7.4).
 *
 * @module
 */

/** Default size, in messages (RFC 8613 Section 3.2.2). One bit each of an unsigned 32. */
const WINDOW_SIZE = 32

/** What a window has to remember, to be stored. */
export interface ReplayWindowState {
  /** The highest number that was accepted; -1 before any was. */
  readonly highest: number
  /** Bit i is set if `highest - i` was accepted. */
  readonly accepted: number
}

/**
 * Remembers which of the latest 32 sequence numbers were accepted.
 *
 * Call {@link isFresh} before decrypting, to shed replays cheaply, and {@link accept} after the tag
 * has verified. `accept` checks again: Section 7.4 wants check and update to be one step.
 */
export class ReplayWindow {
  #highest: number
  #accepted: number

  constructor({ highest, accepted }: ReplayWindowState = { highest: -1, accepted: 0 }) {
    this.#highest = highest
    this.#accepted = accepted
  }

  get state(): ReplayWindowState {
    return { highest: this.#highest, accepted: this.#accepted }
  }

  isFresh(sequenceNumber: number): boolean {
    if (sequenceNumber > this.#highest) return true
    const age = this.#highest - sequenceNumber
    return age < WINDOW_SIZE && ((this.#accepted >>> age) & 1) === 0
  }

  /** @returns `false`, with nothing changed, if the number is a replay or older than the window. */
  accept(sequenceNumber: number): boolean {
    if (!this.isFresh(sequenceNumber)) return false
    const advance = sequenceNumber - this.#highest
    if (advance <= 0) {
      this.#accepted = (this.#accepted | (1 << -advance)) >>> 0
      return true
    }
    // `x << 32` is `x` in JavaScript: a long jump has to clear the window explicitly.
    const shifted = advance < WINDOW_SIZE ? this.#accepted << advance : 0
    this.#accepted = (shifted | 1) >>> 0
    this.#highest = sequenceNumber
    return true
  }
}
