// SPDX-License-Identifier: Apache-2.0
/**
 * Notifications of which only the first block comes by itself (RFC 7959 Section 2.6).
 *
 * Invariant: notifications are handed on in their order, each whole; what is out of date before it is
 * whole is passed over.
 *
 * @module
 */

import { type CoapMessage, optionValue } from '@waxwing/oscore'
import { codeClass } from '../codes.js'
import type { NotificationListener } from '../handler.js'
import { OPTION } from '../options.js'

/** What notifications are completed with. */
export interface NotificationSource {
  /** Fetches the rest of a notification. */
  readonly complete: (first: CoapMessage, signal: AbortSignal) => Promise<CoapMessage>
  /** Ends the observation. */
  readonly abandon: () => void
}

/** Stands before a listener that wants whole notifications. */
export class CollectedNotifications implements NotificationListener {
  readonly #source: NotificationSource
  readonly #listener: NotificationListener
  /** Aborted when a newer notification came. */
  #collecting = new AbortController()
  #hasEnded = false

  constructor(listener: NotificationListener, source: NotificationSource) {
    this.#source = source
    this.#listener = listener
  }

  async next(notification: CoapMessage): Promise<void> {
    if (this.#hasEnded) return
    this.#collecting.abort()
    this.#collecting = new AbortController()
    const { signal } = this.#collecting
    try {
      const isWhole = optionValue(notification, OPTION.block2) === undefined
      const whole = isWhole ? notification : await this.#source.complete(notification, signal)
      if (signal.aborted) return
      await this.#listener.next(whole)
      // The rest is not there any more: an error in its place is the last (RFC 7641 Section 4.2).
      if (!isWhole && codeClass(whole.code) !== 2) this.#fail()
    } catch (error) {
      if (!signal.aborted) this.#fail(error as Error)
    }
  }

  end(error?: Error): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#collecting.abort()
    this.#listener.end(error)
  }

  /** The observation is over; of a state that could not be fetched nobody would learn otherwise. */
  #fail(error?: Error): void {
    this.end(error)
    this.#source.abandon()
  }
}
