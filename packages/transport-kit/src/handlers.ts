// SPDX-License-Identifier: Apache-2.0
/**
 * The handlers of one filter, and messages in their hands until they are settled with the
 * intermediary.
 *
 * - A message is settled when every handler that got it has settled it, and never earlier: acknowledged
 *   if one of them acknowledged it, else rejected if one rejected it, else given back.
 * - A handler that throws is reported, and called again after a pause, with `redelivered`.
 * - What is settled after the connection was lost fails: the message comes again.
 *
 * How many messages are out at once is the intermediary's matter (prefetch, credit), and so memory is
 * bounded by what the transport asked it for. Handlers that still run for what was lost keep their
 * places, so that many broken connections start no crowd of them.
 *
 * @module
 */

import type { MessageHandler, Received } from '@waxwing/core'
import { closedError, lostError } from './errors.js'

/** A message as a transport has it. */
export interface Parcel {
  readonly address: string
  /** Not changed by anyone; each handler gets a copy of its own where `mustCopy` says so. */
  readonly payload: Uint8Array
  readonly properties: Readonly<Record<string, string>>
  readonly retained: boolean
  readonly redelivered: boolean
}

/** What the intermediary is told of a message: one of these, once. */
export interface Settlement {
  /** It is safe here. @throws {WaxwingError} If the intermediary could not be told. */
  acknowledge(): Promise<void> | undefined
  /** It is of no use to anybody here. Left out where the intermediary has no place for such. */
  reject?(reason: string): Promise<void> | undefined
  /** Nobody here wants it any more, and nobody had it: another consumer may. */
  giveBack(): void
}

export interface HandlingTerms {
  /** How many messages the intermediary has out at once at the most. */
  readonly maxUnacknowledged: number
  /** The pause before a handler that threw is called again; it doubles, 64 times the first at the most. */
  readonly retryHandlerMs: number
  readonly report: (error: unknown) => void
}

const DONE: Promise<void> = Promise.resolve()
const MAX_GROWTH = 64
const MAX_REASON_BYTES = 255

/** Who wants the messages of one filter. */
export class Handlers {
  readonly #terms: HandlingTerms
  readonly #handlers = new Set<{ readonly handler: MessageHandler }>()
  readonly #deliveries = new Set<Delivery>()
  /** Calls that still run, of messages that are nobody's any more. */
  #lingering = 0
  /** Offers that wait for such calls to return. */
  #waiting: (readonly [Parcel, Settlement])[] = []

  readonly #settled = (delivery: Delivery): void => {
    this.#deliveries.delete(delivery)
    if (this.#waiting.length > 0) this.#handWaiting()
  }

  constructor(terms: HandlingTerms) {
    this.#terms = terms
  }

  /** How many handlers there are. */
  get size(): number {
    return this.#handlers.size
  }

  /** How many messages are not settled yet. */
  get unsettled(): number {
    return this.#deliveries.size + this.#waiting.length
  }

  /** Adds a handler; the same one may be added twice. Returns what removes it, safe to call twice. */
  add(handler: MessageHandler): () => void {
    const taker = { handler }
    this.#handlers.add(taker)
    return () => {
      if (!this.#handlers.delete(taker)) return
      for (const delivery of this.#deliveries) delivery.removed(taker)
    }
  }

  /** Hands a message to all handlers there are; given back at once if there are none. */
  offer(parcel: Parcel, settlement: Settlement): void {
    if (this.#lingering === 0 && this.#waiting.length === 0) this.#hand(parcel, settlement)
    else {
      this.#waiting.push([parcel, settlement])
      this.#handWaiting()
    }
  }

  /** The connection is gone: no handler is called again for what came over it. */
  lost(): void {
    this.#waiting = []
    for (const delivery of this.#deliveries) this.#lose(delivery, lostError)
    this.#deliveries.clear()
  }

  /** Calls no handler any more; what is unsettled is given back. */
  close(): void {
    this.#handlers.clear()
    for (const delivery of this.#deliveries) {
      this.#lose(delivery, closedError)
      delivery.giveBack()
    }
    this.#deliveries.clear()
    for (const [, settlement] of this.#waiting.splice(0)) settlement.giveBack()
  }

  #hand(parcel: Parcel, settlement: Settlement): void {
    if (this.#handlers.size === 0) {
      settlement.giveBack()
      return
    }
    const delivery = new Delivery(parcel, settlement, this.#terms, this.#settled)
    this.#deliveries.add(delivery)
    const mustCopy = this.#handlers.size > 1
    for (const taker of this.#handlers) delivery.add(taker, mustCopy)
    delivery.start()
  }

  #handWaiting(): void {
    const { maxUnacknowledged } = this.#terms
    while (this.#deliveries.size + this.#lingering < maxUnacknowledged) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      this.#hand(...next)
    }
  }

  #lose(delivery: Delivery, why: () => Error): void {
    this.#lingering += delivery.end(why, () => {
      this.#lingering--
      this.#handWaiting()
    })
  }
}

type Taker = { readonly handler: MessageHandler }
type Outcome = 'acknowledged' | 'rejected'

/** One message, until it is settled. */
class Delivery {
  readonly parcel: Parcel
  readonly terms: HandlingTerms
  readonly #settlement: Settlement
  readonly #settled: (delivery: Delivery) => void
  readonly #waiting = new Map<Taker, Handling>()
  #outcome: Outcome | undefined
  #reason = ''
  #why: (() => Error) | undefined

  constructor(
    parcel: Parcel,
    settlement: Settlement,
    terms: HandlingTerms,
    settled: (delivery: Delivery) => void,
  ) {
    this.parcel = parcel
    this.#settlement = settlement
    this.terms = terms
    this.#settled = settled
  }

  /** Nothing can be settled any more. */
  get isLost(): boolean {
    return this.#why !== undefined
  }

  get canReject(): boolean {
    return this.#settlement.reject !== undefined
  }

  add(taker: Taker, mustCopy: boolean): void {
    this.#waiting.set(taker, new Handling(this, taker, mustCopy))
  }

  /** Calls all handlers, once all are known: the first may settle it before the second is called. */
  start(): void {
    for (const [taker, handling] of this.#waiting) {
      if (this.isWaitingFor(taker)) handling.call(this.parcel.redelivered)
    }
  }

  /** Whether this handler is still to settle it. */
  isWaitingFor(taker: Taker): boolean {
    return this.#why === undefined && this.#waiting.has(taker)
  }

  settled(taker: Taker, outcome: Outcome, reason: string): Promise<void> {
    if (this.#why !== undefined) return Promise.reject(this.#why())
    if (!this.#waiting.delete(taker)) return Promise.reject(lostError()) // given back meanwhile
    if (this.#outcome !== 'acknowledged') {
      this.#outcome = outcome
      this.#reason = reason
    }
    return this.#settleIfAll()
  }

  removed(taker: Taker): void {
    const handling = this.#waiting.get(taker)
    if (handling === undefined) return
    handling.cancel()
    this.#waiting.delete(taker)
    this.#settleIfAll().catch((error: unknown) => this.terms.report(error))
  }

  /**
   * What is settled from now on fails.
   *
   * @param returned - Called whenever a call that still runs has returned.
   * @returns How many do.
   */
  end(why: () => Error, returned: () => void): number {
    this.#why = why
    let running = 0
    for (const handling of this.#waiting.values()) if (handling.cancel(returned)) running++
    return running
  }

  giveBack(): void {
    this.#settlement.giveBack()
  }

  #settleIfAll(): Promise<void> {
    if (this.#waiting.size > 0) return DONE
    this.#settled(this)
    const settlement = this.#settlement
    if (this.#outcome === 'acknowledged') return settlement.acknowledge() ?? DONE
    if (this.#outcome === 'rejected') return settlement.reject?.(this.#reason) ?? DONE
    settlement.giveBack()
    return DONE
  }
}

/** One message in the hands of one handler. */
class Handling {
  readonly #delivery: Delivery
  readonly #taker: Taker
  readonly #mustCopy: boolean
  #pauseMs: number
  #timer: ReturnType<typeof setTimeout> | undefined
  #settling: Promise<void> | undefined
  #isRunning = false
  #returned: (() => void) | undefined

  constructor(delivery: Delivery, taker: Taker, mustCopy: boolean) {
    this.#delivery = delivery
    this.#taker = taker
    this.#mustCopy = mustCopy
    this.#pauseMs = delivery.terms.retryHandlerMs
  }

  call(redelivered: boolean): void {
    this.#isRunning = true
    void this.#run(redelivered)
  }

  /**
   * The handler is not called again.
   *
   * @param returned - Called once a call that still runs has returned.
   * @returns Whether one does.
   */
  cancel(returned?: () => void): boolean {
    clearTimeout(this.#timer)
    this.#returned = returned
    return this.#isRunning
  }

  async #run(redelivered: boolean): Promise<void> {
    try {
      await this.#taker.handler(this.#received(redelivered))
    } catch (error) {
      this.#failed(error)
    }
    this.#isRunning = false
    this.#returned?.()
  }

  #failed(error: unknown): void {
    const { terms } = this.#delivery
    terms.report(error)
    if (!this.#delivery.isWaitingFor(this.#taker)) return
    this.#timer = setTimeout(() => this.call(true), this.#pauseMs)
    this.#pauseMs = Math.min(2 * this.#pauseMs, MAX_GROWTH * terms.retryHandlerMs)
  }

  #received(redelivered: boolean): Received {
    const { address, payload, properties, retained } = this.#delivery.parcel
    const received: Received & { reject?: Received['reject'] } = {
      address,
      payload: this.#mustCopy ? new Uint8Array(payload) : payload,
      properties,
      retained,
      redelivered,
      acknowledge: () => this.#settle('acknowledged', ''),
      isLost: () => this.#delivery.isLost,
    }
    if (this.#delivery.canReject) {
      received.reject = (reason) => this.#settle('rejected', cutReason(reason))
    }
    return received
  }

  #settle(outcome: Outcome, reason: string): Promise<void> {
    this.#settling ??= this.#delivery.settled(this.#taker, outcome, reason)
    return this.#settling
  }
}

/** Its first 255 bytes, between two characters. */
function cutReason(reason: string): string {
  const { read } = new TextEncoder().encodeInto(reason, new Uint8Array(MAX_REASON_BYTES))
  return reason.slice(0, read)
}
