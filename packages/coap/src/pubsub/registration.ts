// SPDX-License-Identifier: Apache-2.0
/**
 * One call of `subscribe`: a filter, its handler, and what the handler has and did not acknowledge.
 *
 * @module
 */

import type { MessageHandler } from '@waxwing/core'
import { Delivery, type DeliveryTerms, type Parcel } from './delivery.js'
import { addressMatcher } from './topics.js'

/** How registrations go about it. */
export interface RegistrationTerms extends DeliveryTerms {
  readonly maxUnacknowledged: number
}

export class Registration {
  readonly filter: string
  /** Tells which addresses the filter takes. */
  readonly takes: (address: string) => boolean
  readonly #handler: MessageHandler
  readonly #terms: RegistrationTerms
  readonly #open = new Set<Delivery>()
  readonly #whenRoom = new Set<() => void>()
  #beganAtMs = Infinity
  #isClosed = false

  constructor(filter: string, handler: MessageHandler, terms: RegistrationTerms) {
    this.filter = filter
    this.takes = addressMatcher(filter)
    this.#handler = handler
    this.#terms = terms
  }

  /** Since when what is found is live, by `performance.now()`: not while the subscription is made. */
  get beganAtMs(): number {
    return this.#beganAtMs
  }

  /** The subscription is made: what is found from now on was sent since. */
  began(): void {
    this.#beganAtMs = performance.now()
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Whether the handler may have a further message. */
  get hasRoom(): boolean {
    return !this.#isClosed && this.#open.size < this.#terms.maxUnacknowledged
  }

  /** Calls back whenever there is room again. @returns What ends it. */
  onRoom(listener: () => void): () => void {
    this.#whenRoom.add(listener)
    return () => void this.#whenRoom.delete(listener)
  }

  /**
   * Hands a message over; the caller looked whether there is room.
   *
   * @param onAcknowledged - Tells the broker. Never rejects.
   */
  hand(parcel: Parcel, onAcknowledged: () => Promise<void>): Delivery {
    const delivery = new Delivery(parcel, this.#handler, this.#terms, {
      acknowledged: onAcknowledged,
      over: (ended) => this.#release(ended),
    })
    this.#open.add(delivery)
    return delivery
  }

  /** Calls the handler no more. */
  close(): void {
    this.#isClosed = true
    this.#whenRoom.clear()
    for (const delivery of this.#open) delivery.cancel()
  }

  #release(delivery: Delivery): void {
    const wasFull = !this.hasRoom
    this.#open.delete(delivery)
    if (wasFull && this.hasRoom) for (const listener of this.#whenRoom) listener()
  }
}
