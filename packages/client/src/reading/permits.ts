// SPDX-License-Identifier: Apache-2.0
/**
 * Back pressure: at most so many messages are handed over or queued and not yet acknowledged. Who
 * wants to hand over one more waits, first come, first served.
 *
 * @module
 */

export class Permits {
  #free: number
  #waiting: ((granted: boolean) => void)[] = []
  #closed = false

  constructor(count: number) {
    this.#free = count
  }

  /** Takes a permit if there is one and nobody waits for it. */
  tryAcquire(): boolean {
    if (this.#free === 0 || this.#closed) return false
    this.#free--
    return true
  }

  /** Waits for a permit. Resolves to `false`, without one, once this is closed. */
  acquire(): Promise<boolean> {
    if (this.#closed) return Promise.resolve(false)
    if (this.tryAcquire()) return Promise.resolve(true)
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
    })
  }

  /** Gives a permit back: to who waits longest, if anybody does. */
  release(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free++
    else next(true)
  }

  /** Sends everybody away who waits. */
  close(): void {
    this.#closed = true
    for (const leave of this.#waiting.splice(0)) leave(false)
  }
}
