// SPDX-License-Identifier: Apache-2.0
/**
 * Control messages that could not be dealt with for a reason of our own, such as a store that was
 * busy: unacknowledged at the transport, and each tried again after a pause of its own that doubles up
 * to a minute.
 *
 * Bounded in number and bytes. Where it is full, random messages give way; they are left to the
 * transport, which brings them again when it connects anew.
 *
 * @module
 */

import type { Runtime } from '../runtime.js'
import { IntakeQueue, type Item } from './intake-queue.js'

const FIRST_PAUSE_MS = 1000
const LAST_PAUSE_MS = 60_000
const LIMITS = { messages: 1024, bytes: 16_777_216 } as const

interface Waiting {
  readonly item: Item
  readonly payload: Uint8Array
  /** When its pause is over, in monotonic milliseconds. */
  readonly dueAt: number
}

export class IntakeRetries {
  readonly #runtime: Pick<Runtime, 'time' | 'timers'>
  readonly #again: (item: Item) => void
  readonly #waiting = new IntakeQueue<Waiting>(LIMITS)
  #cancelTimer: (() => void) | undefined
  #timerAt = Infinity

  /** @param again - Takes each message whose pause is over. */
  constructor(runtime: Pick<Runtime, 'time' | 'timers'>, again: (item: Item) => void) {
    this.#runtime = runtime
    this.#again = again
  }

  /**
   * Has a message wait for its next try.
   *
   * @param random - A random integer from 0 to `below - 1`.
   * @returns Those that had to give way.
   */
  add(item: Item, random: (below: number) => number): readonly Item[] {
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** item.tries, LAST_PAUSE_MS)
    const dueAt = this.#runtime.time.monotonic() + pauseMs
    const next = { ...item, tries: item.tries + 1 }
    const victims = this.#waiting.push({ item: next, payload: item.payload, dueAt }, random)
    this.#schedule(dueAt)
    return victims.map((victim) => victim.item)
  }

  /** Tries nothing again, and takes all that wait. */
  clear(): readonly Item[] {
    this.#cancelTimer?.()
    this.#timerAt = Infinity
    return this.#waiting.clear().map(({ item }) => item)
  }

  #schedule(atMs: number): void {
    if (atMs >= this.#timerAt) return
    this.#cancelTimer?.()
    this.#timerAt = atMs
    const delayMs = Math.max(1, atMs - this.#runtime.time.monotonic())
    this.#cancelTimer = this.#runtime.timers.after(delayMs, () => this.#tryDue())
  }

  /** What is not due yet waits on, however many others fail. */
  #tryDue(): void {
    this.#timerAt = Infinity
    const nowMs = this.#runtime.time.monotonic()
    const due = this.#waiting.takeWhere(({ dueAt }) => dueAt <= nowMs)
    this.#schedule(this.#waiting.least(({ dueAt }) => dueAt))
    for (const { item } of due) this.#again(item)
  }
}
