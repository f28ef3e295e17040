// SPDX-License-Identifier: Apache-2.0
/**
 * Objects that could not be settled because the store failed, or not be looked up because it is
 * damaged: unacknowledged at the transport, and tried again after a pause that doubles up to a minute
 * while it goes on failing. They have no place in the order: nothing waits for them. What has one
 * waits in a `StoreLine`.
 *
 * @module
 */

import type { Runtime } from '../runtime.js'
import type { Arrival } from './arrival.js'

const FIRST_PAUSE_MS = 1000
const LAST_PAUSE_MS = 60_000
/** More are left to the transport, which brings them again when it connects anew. */
const MAX_WAITING = 1024

export class RetryList {
  readonly #runtime: Runtime
  readonly #retry: (arrival: Arrival) => void
  #waiting: Arrival[] = []
  #pauseMs = FIRST_PAUSE_MS
  #cancelTimer: (() => void) | undefined
  #closed = false

  constructor(runtime: Runtime, retry: (arrival: Arrival) => void) {
    this.#runtime = runtime
    this.#retry = retry
  }

  add(arrival: Arrival): void {
    if (this.#closed || this.#waiting.length >= MAX_WAITING) return
    this.#waiting.push(arrival)
    this.#cancelTimer ??= this.#runtime.timers.after(this.#pauseMs, () => this.#retryAll())
  }

  /** The store works: the next failure is a new one. */
  succeeded(): void {
    this.#pauseMs = FIRST_PAUSE_MS
  }

  close(): void {
    this.#closed = true
    this.#cancelTimer?.()
    this.#waiting = []
  }

  #retryAll(): void {
    this.#cancelTimer = undefined
    this.#pauseMs = Math.min(2 * this.#pauseMs, LAST_PAUSE_MS)
    for (const arrival of this.#waiting.splice(0)) this.#retry(arrival)
  }
}
