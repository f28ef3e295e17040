// SPDX-License-Identifier: Apache-2.0
/**
 * Waiting for something for a while, and not longer: neither than that, nor than the endpoint is open.
 *
 * @module
 */

import type { Timers } from '../timers.js'

export class Patience {
  readonly #timers: Timers
  readonly #lose = new Set<() => void>()
  #closed = false

  constructor(timers: Timers) {
    this.#timers = timers
  }

  /**
   * Waits for work; it goes on by itself when the patience is lost.
   *
   * @returns Its result, or `undefined` if it was not done in time.
   * @throws What the work throws in time.
   */
  async inTime<T>(
    work: Promise<T>,
    patienceMs: number,
  ): Promise<{ readonly value: T } | undefined> {
    let lose = (): void => undefined
    const lost = new Promise<undefined>((resolve) => {
      lose = () => resolve(undefined)
    })
    this.#lose.add(lose)
    if (this.#closed) lose()
    const cancel = this.#timers.after(patienceMs, lose)
    try {
      return await Promise.race([work.then((value) => ({ value })), lost])
    } finally {
      cancel()
      this.#lose.delete(lose)
    }
  }

  /** Nothing is waited for any more. */
  close(): void {
    this.#closed = true
    for (const lose of this.#lose) lose()
  }
}
