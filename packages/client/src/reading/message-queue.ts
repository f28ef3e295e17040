// SPDX-License-Identifier: Apache-2.0
/**
 * Messages that are ready, until somebody asks for them. Bounded by the permits that each one holds; what was
 * taken is let go of at once, also where the queue is never empty.
 *
 * @module
 */

import type { InFlight } from './seen-session.js'

export class MessageQueue {
  #ready: (InFlight | undefined)[] = []
  #head = 0
  #takers: ((entry: InFlight | undefined) => void)[] = []
  #closed = false
  #failure: { readonly error: unknown } | undefined

  push(entry: InFlight): void {
    if (this.#closed) return
    const taker = this.#takers.shift()
    if (taker === undefined) {
      this.#ready.push(entry)
      return
    }
    entry.state = 'handed-over'
    taker(entry)
  }

  /** Takes the next message, if one is ready. */
  take(): InFlight | undefined {
    const entry = this.#ready[this.#head]
    if (entry === undefined) return undefined
    this.#ready[this.#head++] = undefined
    if (this.#head * 2 >= this.#ready.length) {
      this.#ready = this.#ready.slice(this.#head)
      this.#head = 0
    }
    entry.state = 'handed-over'
    return entry
  }

  /**
   * Waits for the next message; `undefined` once the queue is closed.
   *
   * @throws {unknown} What it was closed with.
   */
  async wait(): Promise<InFlight | undefined> {
    if (!this.#closed) {
      const entry = await new Promise<InFlight | undefined>((resolve) => {
        this.#takers.push(resolve)
      })
      if (entry !== undefined) return entry
    }
    if (this.#failure !== undefined) throw this.#failure.error
    return undefined
  }

  /** Takes one message out of its turn. Returns whether it was here. */
  withdraw(entry: InFlight): boolean {
    const at = this.#ready.indexOf(entry, this.#head)
    if (at === -1) return false
    this.#ready.splice(at, 1)
    return true
  }

  /** Ends with an error: nothing will ever come. */
  fail(error: unknown): void {
    this.#failure = { error }
    this.close()
  }

  /** Forgets what nobody took: it comes again. */
  close(): void {
    this.#closed = true
    this.#ready = []
    this.#head = 0
    for (const leave of this.#takers.splice(0)) leave(undefined)
  }
}
