// SPDX-License-Identifier: Apache-2.0
/**
 * Waiting for other processes without blocking this one: SQLite's own busy handler sleeps on the
 * thread, and a thread that sleeps serves no transport.
 *
 * @module
 */

import { setTimeout } from 'node:timers/promises'
import { isBusy, storeError } from './sqlite-error.js'

/** Between two attempts: short, and not in step with whoever waits as well. */
const MIN_PAUSE_MS = 2
const PAUSE_RANGE_MS = 16

export class BusyRetry {
  readonly #limitMs: number

  /** `limitMs` is the longest wait before `ERR_STORE_BUSY` reaches the caller. */
  constructor(limitMs: number) {
    this.#limitMs = limitMs
  }

  /** Runs `attempt` until it meets nobody, mapping SQLite's errors. At least once. */
  async run<T>(attempt: () => T): Promise<T> {
    const deadline = performance.now() + this.#limitMs
    for (;;) {
      try {
        return attempt()
      } catch (error) {
        const mapped = storeError(error)
        if (!isBusy(mapped) || performance.now() >= deadline) throw mapped
      }
      await setTimeout(MIN_PAUSE_MS + Math.random() * PAUSE_RANGE_MS)
    }
  }
}
