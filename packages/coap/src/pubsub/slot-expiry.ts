// SPDX-License-Identifier: Apache-2.0
/**
 * Removes the slots that this sender filled, when their lifetime is over: nobody else may be there to do
 * it. What is left when the process ends is removed by whoever listens.
 *
 * @module
 */

import type { Broker } from './broker.js'
import type { Path } from './topics.js'

interface Filled {
  readonly path: Path
  /** By `performance.now()`. */
  readonly dueAtMs: number
}

/** So many are remembered; the oldest go early when there are more, so that a broker is not filled up. */
const MAX_REMEMBERED = 4_096

export class SlotExpiry {
  readonly #broker: Broker
  readonly #lifetimeMs: number
  readonly #signal: AbortSignal
  readonly #report: (error: unknown) => void
  readonly #filled: Filled[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(
    broker: Broker,
    lifetimeMs: number,
    signal: AbortSignal,
    report: (error: unknown) => void,
  ) {
    this.#broker = broker
    this.#lifetimeMs = lifetimeMs
    this.#signal = signal
    this.#report = report
    signal.addEventListener('abort', () => clearTimeout(this.#timer), { once: true })
  }

  add(path: Path): void {
    if (this.#signal.aborted) return
    this.#filled.push({ path, dueAtMs: performance.now() + this.#lifetimeMs })
    if (this.#timer === undefined) this.#wait(this.#lifetimeMs)
    else if (this.#filled.length > MAX_REMEMBERED) void this.#removeFirst()
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(() => void this.#removeDue(), ms)
  }

  async #removeDue(): Promise<void> {
    while ((this.#filled[0]?.dueAtMs ?? Infinity) <= performance.now()) await this.#removeFirst()
    this.#timer = undefined
    const [next] = this.#filled
    if (next !== undefined && !this.#signal.aborted) this.#wait(next.dueAtMs - performance.now())
  }

  async #removeFirst(): Promise<void> {
    const path = this.#filled.shift()?.path
    if (path === undefined) return
    try {
      await this.#broker.remove(path, this.#signal)
    } catch (error) {
      if (!this.#signal.aborted) this.#report(error)
    }
  }
}
