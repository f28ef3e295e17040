// SPDX-License-Identifier: Apache-2.0
/**
 * One establishing of keys for all who wait for it.
 *
 * @module
 */

import { unlessAborted } from '../abortable.js'

/** Runs once. It ends early when the last who waits for it gives up, and not before. */
export class Establishing<T> {
  readonly #abort = new AbortController()
  readonly #outcome: Promise<T>
  #waiting = 0

  /** @param onEnd - Called when it is over, before anybody who waits is told. */
  constructor(run: (signal: AbortSignal) => Promise<T>, onEnd: () => void) {
    this.#outcome = run(this.#abort.signal)
    // Who waits is told; that nobody does is no failure.
    this.#outcome.then(onEnd, onEnd)
  }

  /** Whether everybody gave up. */
  get isAbandoned(): boolean {
    return this.#abort.signal.aborted
  }

  /** Waits for the outcome. @throws The reason of the signal, or whatever the run threw. */
  async join(signal: AbortSignal): Promise<T> {
    this.#waiting++
    try {
      return await unlessAborted(this.#outcome, signal)
    } finally {
      if (--this.#waiting === 0) this.#abort.abort()
    }
  }
}
