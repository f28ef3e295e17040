// SPDX-License-Identifier: Apache-2.0
/**
 * Work that was begun and is to be finished before a reader is closed.
 *
 * @module
 */

export class PendingWork {
  readonly #pending = new Set<Promise<unknown>>()
  /** Of what says itself when it ends. */
  #begun = 0
  #whenEnded: (() => void)[] = []

  get count(): number {
    return this.#pending.size + this.#begun
  }

  /** Something begins that will call {@link end}, whatever becomes of it. Cheaper than `track`. */
  begin(): void {
    this.#begun++
  }

  end(): void {
    this.#begun--
    if (this.#begun === 0) for (const wake of this.#whenEnded.splice(0)) wake()
  }

  /** Remembers work until it is done. Returns it. */
  track<T>(work: Promise<T>): Promise<T> {
    this.#pending.add(work)
    const forget = (): void => void this.#pending.delete(work)
    work.then(forget, forget)
    return work
  }

  /** Resolves when what is tracked so far is done. Never rejects. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#pending)
  }

  /** Resolves when nothing is pending any more. Never rejects. */
  async idle(): Promise<void> {
    while (this.count > 0) {
      await this.settled()
      if (this.#begun > 0) await new Promise<void>((resolve) => this.#whenEnded.push(resolve))
    }
  }
}
