// SPDX-License-Identifier: Apache-2.0
/**
 * Messages from their arrival to their acknowledgement (`docs/spec/09-bindings.md`).
 *
 * A message with QoS 1 or 2 is acknowledged to the broker (PUBACK, PUBREC) when every handler that
 * got it has acknowledged it, and never earlier: what a crash interrupts comes again. An
 * acknowledgement is worth something only on the network connection that the message came on;
 * later ones fail, and the broker delivers again.
 *
 * - A handler that rejects is called again after a pause, with `redelivered`.
 * - A message that no subscription wants, from a session that is older than this transport, waits
 *   unacknowledged for the subscription to be made.
 * - Memory is bounded: while too many data messages are unacknowledged, the connection is not read;
 *   control messages over the bound are left to the broker, because reading must go on.
 *
 * @module
 */

import type { IPublishPacket } from 'mqtt'
import { closedError, limitError, transportError } from '@waxwing/transport-kit'
import type { Connection } from './connection.js'
import type { ResolvedOptions } from './options.js'
import { afterThisTurn } from './after-this-turn.js'
import { acknowledgementOf, receivedFrom } from './packets.js'
import type { Registration, Subscriptions } from './subscriptions.js'

/** One PUBLISH packet until it is acknowledged. */
interface Delivery {
  readonly packet: IPublishPacket
  /** The network connection on which it came. */
  readonly network: object | undefined
  /** Who has not acknowledged it. */
  readonly waiting: Set<Registration>
  readonly retries: Set<ReturnType<typeof setTimeout>>
  runningCount: number
  offerCount: number
  wasAcknowledged: boolean
  isConfirmed: boolean
}

export interface InboundPort {
  readonly connection: Pick<Connection, 'network' | 'write' | 'ping'>
  readonly subscriptions: Subscriptions
  readonly options: ResolvedOptions
  /** Reading may stop: data. It may not: control. */
  readonly mayStall: boolean
  readonly report: (error: unknown) => void
}

/** Times `maxUnacknowledged`: what is kept of messages that must not stop the reading. */
const OVERFLOW_FACTOR = 4
const MAX_RETRY_MS = 60_000
/** When to say that messages wait for a subscription that nobody makes. */
const UNCLAIMED_REPORT_MS = 10_000

export class Inbound {
  readonly #port: InboundPort
  readonly #unfinished = new Set<Delivery>()
  readonly #unclaimed = new Set<Delivery>()
  /** QoS 2 messages that are acknowledged and not yet released (MQTT 5.0 Section 4.3.3). */
  readonly #unreleased = new Set<number>()
  #readOn: (() => void) | undefined
  #pinger: ReturnType<typeof setInterval> | undefined
  #unclaimedTimer: ReturnType<typeof setTimeout> | undefined
  #isClosed = false

  constructor(port: InboundPort) {
    this.#port = port
  }

  /** Whether nothing is read, no answer of the broker either, until messages are acknowledged. */
  get isStalled(): boolean {
    return this.#readOn !== undefined
  }

  /** A PUBLISH came. Nothing is read from this connection until `next` is called. */
  arrived(packet: IPublishPacket, next: () => void): void {
    const { mayStall, options } = this.#port
    const isFull = !this.#isClosed && this.#unfinished.size >= options.maxUnacknowledged
    if (isFull && mayStall) {
      this.#stall(() => this.arrived(packet, next))
      return
    }
    if (isFull) {
      // What came in one piece is handed on in one go: handlers get a turn before it is too much.
      const { connection } = this.#port
      const { network } = connection
      afterThisTurn(() => {
        // Of a connection that is gone it comes again.
        if (connection.network === network) this.#takeAndGoOn(packet, next)
      })
      return
    }
    this.#takeAndGoOn(packet, next)
  }

  /** Hands over what waited for this subscription. */
  claim(registration: Registration): void {
    for (const delivery of this.#unclaimed) {
      const takers = this.#port.subscriptions.takersOf(delivery.packet)
      if (!takers.includes(registration)) continue
      this.#unclaimed.delete(delivery)
      this.#offer(delivery, [registration])
    }
  }

  /** Calls this subscription no more; what it did not acknowledge waits for another one. */
  release(registration: Registration): void {
    for (const delivery of this.#unfinished) {
      if (!delivery.waiting.delete(registration) || delivery.waiting.size > 0) continue
      if (delivery.wasAcknowledged) this.#confirm(delivery)
      else this.#keepUnclaimed(delivery)
      this.#unfinished.delete(delivery)
    }
    this.#readOnIfRoom()
  }

  /** The broker may send this packet identifier for another message now. */
  released(messageId: number): void {
    this.#unreleased.delete(messageId)
  }

  answered(sessionPresent: boolean): void {
    if (!sessionPresent) this.#unreleased.clear()
  }

  /** What is not acknowledged comes again, if there is a session. */
  disconnected(): void {
    for (const delivery of this.#unfinished) this.#forgetIfLost(delivery)
    this.#unclaimed.clear()
    clearTimeout(this.#unclaimedTimer)
    this.#unclaimedTimer = undefined
    clearInterval(this.#pinger)
    this.#readOn = undefined // of a connection that is gone
  }

  /** Calls no handler any more. Acknowledgements still go out while the connection is there. */
  close(): void {
    this.#isClosed = true
    clearTimeout(this.#unclaimedTimer)
    for (const { retries } of this.#unfinished) for (const timer of retries) clearTimeout(timer)
    this.#unfinished.clear()
    this.#readOnIfRoom() // the farewell needs a stream that flows
  }

  #takeAndGoOn(packet: IPublishPacket, next: () => void): void {
    if (!this.#isClosed) this.#take(packet)
    next()
  }

  #take(packet: IPublishPacket): void {
    const { connection, subscriptions, options, mayStall, report } = this.#port
    const delivery = newDelivery(packet, connection.network)
    if (packet.qos === 2 && this.#unreleased.has(packet.messageId ?? 0)) {
      this.#confirm(delivery) // our PUBREC was lost, the message was not
      return
    }
    if (packet.payload.length > options.maxPayloadBytes) {
      report(
        limitError(`a message of ${packet.payload.length} bytes is dropped`, 'maxPayloadBytes'),
      )
      this.#confirm(delivery)
      return
    }
    const takers = subscriptions.takersOf(packet)
    if (takers.length === 0) this.#keepUnclaimed(delivery)
    else if (!mayStall && this.#isOverflowing(this.#unfinished)) this.#leaveToBroker(delivery)
    else this.#offer(delivery, takers)
  }

  #offer(delivery: Delivery, takers: readonly Registration[]): void {
    this.#unfinished.add(delivery)
    delivery.offerCount++
    for (const taker of takers) {
      delivery.waiting.add(taker)
      taker.met.resolve()
    }
    for (const taker of takers) void this.#call(delivery, taker, 0)
  }

  async #call(delivery: Delivery, registration: Registration, attempt: number): Promise<void> {
    const { packet } = delivery
    const redelivered = packet.dup || delivery.offerCount > 1 || attempt > 0
    let acknowledged: Promise<void> | undefined
    const acknowledge = (): Promise<void> =>
      (acknowledged ??= this.#acknowledge(delivery, registration))
    const isLost = (): boolean => !this.#isLive(delivery)
    delivery.runningCount++
    try {
      await registration.handler(receivedFrom(packet, redelivered, { acknowledge, isLost }))
    } catch (error) {
      if (!this.#isClosed) this.#port.report(error)
      this.#callAgainLater(delivery, registration, attempt + 1)
    }
    delivery.runningCount--
    this.#forgetIfLost(delivery)
  }

  #callAgainLater(delivery: Delivery, registration: Registration, attempt: number): void {
    if (this.#isClosed || !delivery.waiting.has(registration)) return
    if (delivery.packet.qos === 0) {
      delivery.waiting.delete(registration) // at most once
      this.#finish(delivery)
      return
    }
    const pause = this.#port.options.retryHandlerMs * 2 ** Math.min(attempt - 1, 30)
    const timer = setTimeout(
      () => {
        delivery.retries.delete(timer)
        if (!delivery.waiting.has(registration) || !this.#isLive(delivery)) return
        void this.#call(delivery, registration, attempt)
      },
      Math.min(pause, MAX_RETRY_MS),
    )
    delivery.retries.add(timer)
  }

  async #acknowledge(delivery: Delivery, registration: Registration): Promise<void> {
    if (!this.#isLive(delivery)) {
      if (this.#isClosed) throw closedError()
      throw transportError('the connection broke before the acknowledgement; it will come again')
    }
    delivery.wasAcknowledged = true
    delivery.waiting.delete(registration)
    this.#finish(delivery)
  }

  #finish(delivery: Delivery): void {
    if (delivery.waiting.size > 0) return
    this.#confirm(delivery)
    this.#unfinished.delete(delivery)
    this.#unclaimed.delete(delivery)
    this.#readOnIfRoom()
  }

  /** Tells the broker, once, and never on a network connection where the number means another. */
  #confirm(delivery: Delivery): void {
    const { packet } = delivery
    if (packet.qos === 0 || delivery.isConfirmed || !this.#isLive(delivery)) return
    delivery.isConfirmed = true
    this.#port.connection.write(acknowledgementOf(packet))
    if (packet.qos === 2) this.#unreleased.add(packet.messageId ?? 0)
  }

  #isLive({ packet, network }: Delivery): boolean {
    return packet.qos === 0 || (network !== undefined && network === this.#port.connection.network)
  }

  /** A handler that still runs keeps its place, so that many reconnections start no crowd of them. */
  #forgetIfLost(delivery: Delivery): void {
    if (this.#isLive(delivery)) return
    for (const timer of delivery.retries) clearTimeout(timer)
    if (delivery.runningCount > 0 || !this.#unfinished.delete(delivery)) return
    this.#readOnIfRoom()
  }

  #keepUnclaimed(delivery: Delivery): void {
    if (delivery.packet.qos === 0 || !this.#isLive(delivery)) return
    if (this.#isOverflowing(this.#unclaimed)) {
      this.#leaveToBroker(delivery)
      return
    }
    this.#unclaimed.add(delivery)
    this.#unclaimedTimer ??= setTimeout(() => this.#reportUnclaimed(), UNCLAIMED_REPORT_MS)
  }

  #reportUnclaimed(): void {
    this.#unclaimedTimer = undefined
    const [first] = this.#unclaimed
    if (first === undefined) return
    const what = `${this.#unclaimed.size} messages of the session, the first to ${first.packet.topic}`
    this.#port.report(transportError(`${what}, wait for a subscription that was not made`))
  }

  #isOverflowing(deliveries: ReadonlySet<Delivery>): boolean {
    return deliveries.size >= this.#port.options.maxUnacknowledged * OVERFLOW_FACTOR
  }

  /** Not acknowledged, so with QoS 1 or 2 it comes again with the next connection. */
  #leaveToBroker({ packet }: Delivery): void {
    const fate = packet.qos === 0 ? 'is dropped' : 'waits in the broker until the next connection'
    this.#port.report(limitError(`a message to ${packet.topic} ${fate}`, 'maxUnacknowledged'))
  }

  #stall(readOn: () => void): void {
    this.#readOn = readOn
    this.#port.subscriptions.meetAll()
    const { keepAliveSeconds } = this.#port.options
    if (keepAliveSeconds === 0) return
    clearInterval(this.#pinger)
    this.#pinger = setInterval(() => this.#port.connection.ping(), keepAliveSeconds * 500)
  }

  #readOnIfRoom(): void {
    if (this.#unfinished.size >= this.#port.options.maxUnacknowledged) return
    clearInterval(this.#pinger)
    const readOn = this.#readOn
    this.#readOn = undefined
    readOn?.()
  }
}

function newDelivery(packet: IPublishPacket, network: object | undefined): Delivery {
  return {
    packet,
    network,
    waiting: new Set(),
    retries: new Set(),
    runningCount: 0,
    offerCount: 0,
    wasAcknowledged: false,
    isConfirmed: false,
  }
}
