// SPDX-License-Identifier: Apache-2.0
/**
 * The pauses between attempts: each is twice the one before, up to a longest one, and somewhat shorter
 * by chance, so that many clients of one broker do not come back all at once.
 *
 * @module
 */

const MAX_DOUBLINGS = 30

export class Pauses {
  readonly #shortestMs: number
  readonly #longestMs: number
  #attempts = 0

  constructor(shortestMs: number, longestMs: number) {
    this.#shortestMs = shortestMs
    this.#longestMs = longestMs
  }

  /** The next pause in milliseconds: between half of what is due and all of it. */
  next(): number {
    const due = this.#shortestMs * 2 ** Math.min(this.#attempts++, MAX_DOUBLINGS)
    return Math.min(due, this.#longestMs) * (0.5 + Math.random() / 2)
  }

  /** It worked: the next pause is the shortest again. */
  reset(): void {
    this.#attempts = 0
  }
}
