// SPDX-License-Identifier: Apache-2.0
/**
 * Work that was begun and is to be finished before a reader is closed.
 *
 * @module
 */

export class PendingWork {
  readonly #pending = new Set<Promise<unknown>>()

  get count(): number {
    return this.#pending.size
  }

  /** Remembers work until it is done. Returns it. */
  track<T>(work: Promise<T>): Promise<T> {
    this.#pending.add(work)
    const forget = (): void => void this.#pending.delete(work)
    work.then(forget, forget)
    return work
  }

  /** Resolves when what was begun so far is done. Never rejects. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#pending)
  }

  /** Resolves when nothing is pending any more. Never rejects. */
  async idle(): Promise<void> {
    while (this.#pending.size > 0) await this.settled()
  }
}
