// SPDX-License-Identifier: Apache-2.0
/**
 * Confirmable messages to one peer: sent again until they are acknowledged or rejected (RFC 7252
 * Section 4.2), no more than NSTART of them at once (Section 4.7) and none waiting for longer than one
 * can be on its way.
 *
 * Invariant: each message is settled once or cancelled, and has no timer afterwards.
 *
 * @module
 */

import type { Peer } from '../handler.js'
import type { AddressBudget } from './address-budget.js'
import { stampMessageId } from './datagram.js'
import type { Medium } from './medium.js'
import type { TransmissionParameters } from './parameters.js'

/** How the sending of a confirmable message ended. */
export type Outcome = 'acknowledged' | 'rejected' | 'timeout'

/** A confirmable message, as whoever sends it describes it. */
export interface Consignment {
  /** With any message id: it gets its own when it is sent. */
  readonly datagram: Buffer
  /** Whether a request of the peer made us send it, so that its bytes count. */
  readonly isCounted: boolean
  /** Whether it waits for responses alone. */
  readonly isResponse?: boolean
  settled(outcome: Outcome): void
  /**
   * Called before a retransmission: a message to be sent in place of the one before (RFC 7641
   * Section 4.5.2).
   */
  newer?(): Buffer | undefined
}

/** Messages of which one waits for another. */
interface Lane {
  inFlightCount: number
  waiting: Transmission[]
}

/** One confirmable message on its way. */
export interface Transmission {
  readonly consignment: Consignment
  readonly lane: Lane
  datagram: Buffer
  /** `undefined` before it is sent. */
  messageId: number | undefined
  timeoutMs: number
  retransmissionCount: number
  timer: ReturnType<typeof setTimeout> | undefined
}

export interface OutboxPeer {
  readonly peer: Peer
  readonly budget: AddressBudget
}

/** So many different first timeouts: Node keeps a list of timers for each duration. */
const JITTER_STEPS = 16
const MAX_TIMER_MS = 2 ** 31 - 1

export class Outbox {
  readonly #medium: Medium
  readonly #peer: OutboxPeer
  readonly #inFlight = new Map<number, Transmission>()
  /** Requests and notifications. */
  readonly #begun: Lane = { inFlightCount: 0, waiting: [] }
  /**
   * RFC 7641 Section 4.5.1 has responses wait for notifications. But a client may acknowledge one when it
   * is done with it, and need a response for that.
   */
  readonly #responses: Lane = { inFlightCount: 0, waiting: [] }
  #nextMessageId: number
  readonly #longestWaitMs: number

  constructor(medium: Medium, peer: OutboxPeer) {
    this.#medium = medium
    this.#longestWaitMs = maxTransmitWaitMs(medium.transmission)
    this.#peer = peer
    this.#nextMessageId = medium.randomBytes(2).readUInt16BE()
  }

  /** Confirmable messages that are not settled. */
  get size(): number {
    return this.#inFlight.size + this.#begun.waiting.length + this.#responses.waiting.length
  }

  /** An id that no message on its way has. */
  newMessageId(): number {
    let messageId: number
    do {
      messageId = this.#nextMessageId
      this.#nextMessageId = (messageId + 1) & 0xffff
    } while (this.#inFlight.has(messageId))
    return messageId
  }

  /** Sends now, or as soon as those before it are settled. */
  send(consignment: Consignment): Transmission {
    const lane = consignment.isResponse === true ? this.#responses : this.#begun
    const transmission: Transmission = {
      consignment,
      lane,
      datagram: consignment.datagram,
      messageId: undefined,
      timeoutMs: this.#firstTimeoutMs(),
      retransmissionCount: 0,
      timer: undefined,
    }
    if (this.#hasRoom(lane)) this.#begin(transmission)
    else this.#wait(transmission)
    return transmission
  }

  /** What was sent with this message id and is not settled. */
  inFlight(messageId: number): Transmission | undefined {
    return this.#inFlight.get(messageId)
  }

  /** Ends the sending of a message, and says so to whoever sent it. */
  settle(transmission: Transmission, outcome: Outcome): void {
    if (!this.#remove(transmission)) return
    transmission.consignment.settled(outcome)
    this.#sendNext(transmission.lane)
  }

  /** Ends the sending of a message without a word. */
  cancel(transmission: Transmission): void {
    if (this.#remove(transmission)) this.#sendNext(transmission.lane)
  }

  /** Cancels all. */
  clear(): void {
    for (const { timer } of this.#inFlight.values()) clearTimeout(timer)
    this.#inFlight.clear()
    for (const lane of [this.#begun, this.#responses]) {
      for (const { timer } of lane.waiting) clearTimeout(timer)
      lane.waiting = []
      lane.inFlightCount = 0
    }
  }

  #hasRoom({ inFlightCount }: Lane): boolean {
    return inFlightCount < this.#medium.transmission.nstart
  }

  #sendNext(lane: Lane): void {
    while (this.#hasRoom(lane)) {
      const next = lane.waiting.shift()
      if (next === undefined) return
      this.#begin(next)
    }
  }

  /** Behind a peer that is gone, no queue grows that each timeout would make shorter by one. */
  #wait(transmission: Transmission): void {
    transmission.lane.waiting.push(transmission)
    transmission.timer = setTimeout(() => this.settle(transmission, 'timeout'), this.#longestWaitMs)
  }

  #begin(transmission: Transmission): void {
    clearTimeout(transmission.timer)
    transmission.lane.inFlightCount++
    this.#stamp(transmission)
    this.#write(transmission)
  }

  #stamp(transmission: Transmission): void {
    const messageId = this.newMessageId()
    transmission.messageId = messageId
    stampMessageId(transmission.datagram, messageId)
    this.#inFlight.set(messageId, transmission)
  }

  #write(transmission: Transmission): void {
    const { datagram, consignment } = transmission
    const { peer, budget } = this.#peer
    if (!consignment.isCounted || budget.spend(datagram.length)) this.#medium.send(datagram, peer)
    transmission.timer = setTimeout(() => this.#timedOut(transmission), transmission.timeoutMs)
  }

  #timedOut(transmission: Transmission): void {
    if (transmission.retransmissionCount >= this.#medium.transmission.maxRetransmit) {
      this.settle(transmission, 'timeout')
      return
    }
    transmission.retransmissionCount++
    transmission.timeoutMs = Math.min(2 * transmission.timeoutMs, MAX_TIMER_MS)
    const newer = transmission.consignment.newer?.()
    if (newer !== undefined) {
      this.#inFlight.delete(transmission.messageId!)
      transmission.datagram = newer
      this.#stamp(transmission)
    }
    this.#write(transmission)
  }

  #remove(transmission: Transmission): boolean {
    clearTimeout(transmission.timer)
    const { messageId, lane } = transmission
    if (messageId !== undefined) {
      if (this.#inFlight.get(messageId) !== transmission) return false
      lane.inFlightCount--
      return this.#inFlight.delete(messageId)
    }
    const at = lane.waiting.indexOf(transmission)
    if (at >= 0) lane.waiting.splice(at, 1)
    return at >= 0
  }

  #firstTimeoutMs(): number {
    const { ackTimeoutMs, ackRandomFactor } = this.#medium.transmission
    const step = Math.floor(Math.random() * (JITTER_STEPS + 1)) / JITTER_STEPS
    return Math.ceil(ackTimeoutMs * (1 + (ackRandomFactor - 1) * step))
  }
}

/** MAX_TRANSMIT_WAIT (Section 4.8.2). */
function maxTransmitWaitMs(parameters: TransmissionParameters): number {
  const { ackTimeoutMs, ackRandomFactor, maxRetransmit } = parameters
  return Math.min(ackTimeoutMs * (2 ** (maxRetransmit + 1) - 1) * ackRandomFactor, MAX_TIMER_MS)
}
