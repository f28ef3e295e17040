// SPDX-License-Identifier: Apache-2.0
/**
 * One message in the hands of one handler, until it is acknowledged.
 *
 * A handler that rejects is reported and called again after a pause, which doubles.
 *
 * @module
 */

import type { MessageHandler, Received } from '@waxwing/core'

/** What a handler is given. */
export interface Parcel {
  readonly address: string
  /** Copied for each call of a handler. */
  readonly payload: Uint8Array
  readonly retained: boolean
  readonly redelivered: boolean
}

/** How a delivery goes about it. */
export interface DeliveryTerms {
  readonly retryHandlerMs: number
  readonly report: (error: unknown) => void
}

/** Who is told of a delivery. */
export interface DeliveryEvents {
  /** Tells the broker, where there is something to tell. Never rejects. */
  acknowledged(): Promise<void>
  /** It was acknowledged, or nobody wants to know any more. Called once, at once. */
  over(delivery: Delivery): void
}

const EMPTY = new Uint8Array(0)
/** The longest pause is so many times the first. */
const MAX_GROWTH = 64

export class Delivery {
  #parcel: Parcel
  readonly #handler: MessageHandler
  readonly #terms: DeliveryTerms
  readonly #events: DeliveryEvents
  readonly #over = Promise.withResolvers<void>()
  #acknowledging: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #pauseMs: number
  #isOver = false

  constructor(
    parcel: Parcel,
    handler: MessageHandler,
    terms: DeliveryTerms,
    events: DeliveryEvents,
  ) {
    this.#parcel = parcel
    this.#handler = handler
    this.#terms = terms
    this.#pauseMs = terms.retryHandlerMs
    this.#events = events
    // Not before the caller knows this delivery: the handler may acknowledge at once.
    queueMicrotask(() => void this.#call(parcel.redelivered))
  }

  /** What is or was handed over; without its bytes, once it is over: others may remember it for long. */
  get parcel(): Parcel {
    return this.#parcel
  }

  /** Resolves when the message was acknowledged, or nobody wants to know any more. */
  get over(): Promise<void> {
    return this.#over.promise
  }

  get isOver(): boolean {
    return this.#isOver
  }

  get isAcknowledged(): boolean {
    return this.#acknowledging !== undefined
  }

  /** Whether the handler rejected, and is to be called again. */
  get hasFailed(): boolean {
    return this.#timer !== undefined && !this.#isOver
  }

  /** Ends it unacknowledged: what the handler says from now on changes nothing. */
  cancel(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#parcel = { ...this.#parcel, payload: EMPTY }
    clearTimeout(this.#timer)
    this.#over.resolve()
    this.#events.over(this)
  }

  async #call(redelivered: boolean): Promise<void> {
    if (this.#isOver) return
    try {
      await this.#handler(this.#received(redelivered))
    } catch (error) {
      this.#terms.report(error)
      if (!this.#isOver) this.#callAgain()
    }
  }

  #callAgain(): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#call(true)
    }, this.#pauseMs)
    this.#pauseMs = Math.min(2 * this.#pauseMs, MAX_GROWTH * this.#terms.retryHandlerMs)
  }

  #received(redelivered: boolean): Received {
    const { address, payload, retained } = this.#parcel
    return {
      address,
      payload: new Uint8Array(payload), // `slice` of a Buffer would not copy
      properties: {},
      retained,
      redelivered,
      acknowledge: () => this.#acknowledge(),
    }
  }

  #acknowledge(): Promise<void> {
    if (this.#acknowledging !== undefined) return this.#acknowledging
    if (this.#isOver) return Promise.resolve() // it comes again, if anybody still listens
    this.#acknowledging = Promise.resolve()
    this.cancel()
    this.#acknowledging = this.#events.acknowledged()
    return this.#acknowledging
  }
}
