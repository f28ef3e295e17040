// SPDX-License-Identifier: Apache-2.0
/**
 * Watches one resource by observing it (RFC 7641), for as long as it is there: registers, and registers
 * anew after a time, after the broker was away, and when the broker ended the observation. A broker that
 * offers no observation is asked again at the same interval.
 *
 * @module
 */

import type { CoapMessage } from '@waxwing/oscore'
import { RESPONSE } from '../codes.js'
import type { Response } from '../handler.js'
import type { Broker } from './broker.js'
import type { Path } from './topics.js'

/** Takes what happens to the resource. */
export interface WatchEvents {
  /**
   * Its representation, at each registration, and when it changed. The notification is acknowledged to
   * the broker when this resolved. Never rejects.
   */
  value(payload: Uint8Array, isNotification: boolean): Promise<void>
  /** It is not there, or may not be observed: the watch is over. */
  gone(): void
  report(error: unknown): void
}

/** How a watch goes about it. */
export interface WatchTerms {
  readonly renewMs: number
  /** The pause after an observation that the broker ended. */
  readonly retryMs: number
}

export class Watch {
  readonly #broker: Broker
  readonly #path: Path
  readonly #terms: WatchTerms
  readonly #events: WatchEvents
  readonly #registered = Promise.withResolvers<void>()
  #cycle = new AbortController()
  #endCycle: () => void = () => undefined
  /** Somebody asked while the registration was under way: what it brings may be old. */
  #mustRenew = false
  #isClosed = false

  /** Begins at once. */
  constructor(broker: Broker, path: Path, terms: WatchTerms, events: WatchEvents) {
    this.#broker = broker
    this.#path = path
    this.#terms = terms
    this.#events = events
    void this.#run()
  }

  /** Resolves when the first registration was answered, whatever the answer, or the watch is over. */
  get registered(): Promise<void> {
    return this.#registered.promise
  }

  /** Registers anew: the broker may have forgotten. */
  renew(): void {
    this.#mustRenew = true
    this.#endCycle()
  }

  close(): void {
    this.#isClosed = true
    this.#cycle.abort()
    this.#endCycle()
    this.#registered.resolve()
  }

  async #run(): Promise<void> {
    try {
      while (!this.#isClosed && (await this.#once()));
    } catch (error) {
      if (!this.#isClosed) this.#events.report(error)
    }
    if (!this.#isClosed) this.#events.gone()
    this.close()
  }

  /** One registration, until it is to be made anew. @returns Whether the resource is there. */
  async #once(): Promise<boolean> {
    const cycle = new AbortController()
    this.#cycle = cycle
    this.#mustRenew = false
    const response = await this.#broker.observe(this.#path, cycle.signal)
    if (response === undefined || this.#isClosed) return false
    const over = this.#untilRenewal()
    void this.#events.value(response.payload, false)
    this.#registered.resolve()
    if (this.#mustRenew) this.#endCycle()
    else this.#listen(response, cycle.signal)
    await over
    cycle.abort()
    return true
  }

  #untilRenewal(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#terms.renewMs)
      this.#endCycle = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  #listen({ notifications }: Response, signal: AbortSignal): void {
    notifications?.({
      next: async (notification: CoapMessage) => {
        if (signal.aborted) return
        // An error is the last notification (RFC 7641 Section 3.2); registering tells what it means.
        if (notification.code === RESPONSE.content)
          await this.#events.value(notification.payload, true)
      },
      end: () => {
        if (signal.aborted) return
        const timer = setTimeout(() => this.#endCycle(), this.#terms.retryMs)
        signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
      },
    })
  }
}
