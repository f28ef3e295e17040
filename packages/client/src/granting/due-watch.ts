// SPDX-License-Identifier: Apache-2.0
/**
 * Waits for a time of day, which is not the same as for a while: the clock may be put right, be lost
 * and found. So it is looked at whenever it jumps, and at least every minute.
 *
 * @module
 */

import { nowSeconds, type Runtime } from '../runtime.js'

const CHECK_MS = 60_000

export class DueWatch {
  readonly #runtime: Pick<Runtime, 'time' | 'timers'>
  readonly #run: () => void
  readonly #unwatch: () => void
  #dueSeconds = Infinity
  #cancel: (() => void) | undefined

  /** @param run - Called once for each time that was waited for. */
  constructor(runtime: Pick<Runtime, 'time' | 'timers'>, run: () => void) {
    this.#runtime = runtime
    this.#run = run
    this.#unwatch = runtime.time.onChange(() => this.#arm())
  }

  /** Waits for a time, in seconds since 1970, in place of the one before; `Infinity`: for nothing. */
  waitFor(dueSeconds: number): void {
    this.#dueSeconds = dueSeconds
    this.#arm()
  }

  close(): void {
    this.#unwatch()
    this.waitFor(Infinity)
  }

  #arm(): void {
    const { time, timers } = this.#runtime
    const restMs = this.#dueSeconds * 1000 - time.now()
    this.#cancel?.()
    this.#cancel = undefined
    if (restMs === Infinity) return
    const delayMs = Math.min(Math.max(restMs, 0), CHECK_MS)
    this.#cancel = timers.after(delayMs, () => this.#look())
  }

  #look(): void {
    if (nowSeconds(this.#runtime) < this.#dueSeconds) {
      this.#arm()
      return
    }
    this.#dueSeconds = Infinity
    this.#run()
  }
}
