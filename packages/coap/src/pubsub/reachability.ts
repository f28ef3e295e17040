// SPDX-License-Identifier: Apache-2.0
/**
 * Whether the broker answers. CoAP over UDP has no connection: what there is to know is whether the last
 * request was answered. A light request asks again after a time in which nothing else did, and, while
 * nothing is answered, at growing intervals, so that nobody else need keep trying. It asks as well when a
 * request was not answered: a broker may be there, and leave that one alone.
 *
 * @module
 */

import type { TransportStatus } from '@waxwing/core'

/** What {@link Reachability} needs. */
export interface ReachabilityInputs {
  /** Asks the broker anything; its outcome comes by `answered` or `unanswered`. Never rejects. */
  readonly probe: () => Promise<void>
  readonly renewMs: number
  readonly retryMinMs: number
  readonly retryMaxMs: number
}

export class Reachability {
  readonly #inputs: ReachabilityInputs
  readonly #listeners = new Set<(status: TransportStatus) => void>()
  readonly #returns = new Set<() => void>()
  #state: 'unknown' | 'up' | 'doubted' | 'down' = 'unknown'
  #isProbing = false
  #wait = Promise.withResolvers<void>()
  #timer: NodeJS.Timeout | undefined
  #retryMs: number
  #isClosed = false

  constructor(inputs: ReachabilityInputs) {
    this.#inputs = inputs
    this.#retryMs = inputs.retryMinMs
  }

  /** Adds a listener; returns what removes it. */
  listen(listener: (status: TransportStatus) => void): () => void {
    const own = (status: TransportStatus): void => listener(status)
    this.#listeners.add(own)
    return () => void this.#listeners.delete(own)
  }

  /** Calls back whenever the broker answers again after it did not. */
  onReturn(listener: () => void): void {
    this.#returns.add(listener)
  }

  /** Resolves once there is reason to believe that a request will be answered; or at the end. */
  async whenUp(): Promise<void> {
    const isWaiting = this.#state === 'down' || this.#state === 'doubted'
    if (isWaiting && !this.#isClosed) await this.#wait.promise
  }

  /** A response came, whatever it says. */
  answered(): void {
    if (this.#isClosed) return
    const before = this.#state
    this.#state = 'up'
    this.#wait.resolve()
    if (before === 'up' || before === 'doubted') {
      this.#timer?.refresh()
      return
    }
    this.#retryMs = this.#inputs.retryMinMs
    this.#probeAfter(this.#inputs.renewMs)
    this.#tell({ state: 'connected' })
    if (before === 'unknown') return
    for (const listener of this.#returns) listener()
  }

  /** No response came; `why` is what the network says. */
  unanswered(why: unknown): void {
    if (this.#isClosed || this.#state === 'down' || this.#state === 'doubted') return
    this.#wait = Promise.withResolvers()
    if (this.#state === 'up' && !this.#isProbing) void this.#doubt(why)
    else this.#fall(why)
  }

  /** Something failed that no caller waits for. */
  report(error: unknown): void {
    this.#tell({ state: 'error', error })
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#wait.resolve()
  }

  async #doubt(why: unknown): Promise<void> {
    this.#state = 'doubted'
    await this.#inputs.probe()
    if (!this.#isClosed && this.#isDoubted) this.#fall(why)
  }

  get #isDoubted(): boolean {
    return this.#state === 'doubted'
  }

  #fall(why: unknown): void {
    const before = this.#state
    this.#state = 'down'
    if (before !== 'unknown') this.#tell({ state: 'disconnected' })
    this.report(why)
    this.#probeAfter(this.#retryMs)
  }

  #probeAfter(delayMs: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#probe(), delayMs)
  }

  async #probe(): Promise<void> {
    this.#isProbing = true
    await this.#inputs.probe()
    this.#isProbing = false
    if (this.#isClosed || this.#state !== 'down') return
    const { retryMaxMs } = this.#inputs
    this.#retryMs = Math.min(2 * this.#retryMs, retryMaxMs)
    // Spread: many clients lost the same broker at the same moment.
    this.#probeAfter(this.#retryMs * (0.5 + Math.random() / 2))
  }

  #tell(status: TransportStatus): void {
    for (const listener of this.#listeners) {
      try {
        listener(status)
      } catch (error) {
        // The application's bug must not stop the delivery of messages, and must be seen.
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}
