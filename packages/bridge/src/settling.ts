// SPDX-License-Identifier: Apache-2.0
/**
 * The time after the start in which both sides tell what they have retained. Nobody says when that is all, so
 * it is over when nothing more of it came for a while, or when there is too much of it to hold.
 *
 * @module
 */

const MAX_HELD_BYTES = 32 * 1024 * 1024
const MAX_ROUNDS = 60

export class Settling {
  readonly #quietMs: number
  readonly #settled: () => void
  #timer: ReturnType<typeof setTimeout> | undefined
  #isQuiet = true
  #isOver = false

  constructor(quietMs: number, settled: () => void) {
    this.#quietMs = quietMs
    this.#settled = settled
  }

  /** All subscriptions are granted: from now on it is waited for quiet. */
  begin(): void {
    if (!this.#isOver) this.#wait(MAX_ROUNDS)
  }

  /** Something came; so many bytes are held. */
  held(byteCount: number): void {
    this.#isQuiet = false
    if (byteCount > MAX_HELD_BYTES) this.end()
  }

  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#settled()
  }

  #wait(rounds: number): void {
    this.#isQuiet = true
    this.#timer = setTimeout(() => {
      if (this.#isQuiet || rounds === 0) this.end()
      else this.#wait(rounds - 1)
    }, this.#quietMs)
  }
}
