// SPDX-License-Identifier: Apache-2.0
/**
 * A client's session in the memory broker (MQTT 5.0 Section 4.1): its subscriptions, with what
 * waits in them and what was delivered but not yet acknowledged.
 *
 * Control messages have a lane of their own and no limit, so they are never stuck behind data. In
 * the data lane at most `receiveMaximum` messages are unacknowledged at a time.
 *
 * @module
 */

import { isControlAddress } from '@waxwing/core'
import type { MessageHandler, Received } from '@waxwing/core'
import type { Carried } from './faults.js'
import { matchesFilter } from './topic-filter.js'

/** What sessions ask of the broker that they belong to. */
export interface SessionHost {
  /** Marks the begin and the end of something that the broker's `idle` waits for. */
  begin(): void
  end(): void
  isExpired(message: Carried): boolean
  /** The retained messages that match. */
  retainedFor(filter: string): Iterable<Carried>
  /** Whether messages can be rejected. */
  readonly deadLetters: boolean
  setAside(message: Carried, reason: string): void
  passOn(group: string, left: readonly Delivery[]): void
}

/** One connection of a transport, from its making to its breaking. */
export interface Connection {
  readonly receiveMaximum: number
  readonly onError: (error: unknown) => void
}

/** One message on its way to one subscription. */
export interface Delivery {
  readonly message: Carried
  readonly retained: boolean
  redelivered: boolean
}

/** The longest reason that a message is rejected for, in bytes. */
const MAX_REASON_BYTES = 255

/** First in, first out, without moving everything at each step. */
class Fifo<T> {
  #items: T[] = []
  #head = 0

  get isEmpty(): boolean {
    return this.#head === this.#items.length
  }

  push(item: T): void {
    this.#items.push(item)
  }

  shift(): T | undefined {
    const item = this.#items[this.#head]
    if (item === undefined) return undefined
    this.#head++
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }

  takeAll(): readonly T[] {
    const all = this.#items.slice(this.#head)
    this.#items = []
    this.#head = 0
    return all
  }

  /** Puts items back before all others. */
  unshift(items: Iterable<T>): void {
    this.#items = [...items, ...this.#items.slice(this.#head)]
    this.#head = 0
  }
}

/** One lane of a subscription. */
class Lane {
  readonly waiting: Fifo<Delivery> = new Fifo()
  readonly unacknowledged: Set<Delivery> = new Set()

  /** What was delivered and not acknowledged comes again, first. */
  putBack(): void {
    for (const delivery of this.unacknowledged) delivery.redelivered = true
    this.waiting.unshift(this.unacknowledged)
    this.unacknowledged.clear()
  }
}

export class MemorySubscription {
  /** As the client gave it: with `$share/` and the group's name, where it is shared. */
  readonly filter: string
  /** Names the group of a shared subscription. */
  readonly group: string | undefined
  readonly topicFilter: string
  readonly #broker: SessionHost
  readonly #control: Lane = new Lane()
  readonly #data: Lane = new Lane()
  #target: { readonly handler: MessageHandler; readonly connection: Connection } | undefined
  #isScheduled = false

  constructor(broker: SessionHost, filter: string) {
    this.#broker = broker
    this.filter = filter
    const shared = /^\$share\/[^/]+\/(.+)$/.exec(filter)
    this.topicFilter = shared?.[1] ?? filter
    this.group = shared ? filter : undefined
  }

  /** Whether somebody is there to deliver to. */
  get isAttached(): boolean {
    return this.#target !== undefined
  }

  attach(handler: MessageHandler, connection: Connection): void {
    this.#target = { handler, connection }
    this.#schedule()
  }

  /** Stops delivering; what is not acknowledged comes again after the next `attach`. */
  detach(): void {
    this.#target = undefined
    this.#control.putBack()
    this.#data.putBack()
  }

  /** Stops for good. What a group's member leaves goes to another one. */
  end(): void {
    this.detach()
    const left = [...this.#control.waiting.takeAll(), ...this.#data.waiting.takeAll()]
    if (this.group !== undefined && left.length > 0) this.#broker.passOn(this.group, left)
  }

  enqueue(message: Carried, retained: boolean): void {
    this.take({ message, retained, redelivered: false })
  }

  take(delivery: Delivery): void {
    const lane = isControlAddress(delivery.message.address) ? this.#control : this.#data
    lane.waiting.push(delivery)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#broker.begin()
    queueMicrotask(() => {
      this.#isScheduled = false
      this.#pump(this.#control, Infinity)
      this.#pump(this.#data, this.#target?.connection.receiveMaximum ?? 0)
      this.#broker.end()
    })
  }

  #pump(lane: Lane, window: number): void {
    while (this.#target && !lane.waiting.isEmpty && lane.unacknowledged.size < window) {
      const delivery = lane.waiting.shift()!
      if (this.#broker.isExpired(delivery.message)) continue
      lane.unacknowledged.add(delivery)
      const { handler, connection } = this.#target
      void this.#deliver(handler, this.#received(lane, delivery, connection), connection)
    }
  }

  async #deliver(
    handler: MessageHandler,
    received: Received,
    connection: Connection,
  ): Promise<void> {
    this.#broker.begin()
    try {
      await handler(received)
    } catch (error) {
      connection.onError(error)
    } finally {
      this.#broker.end()
    }
  }

  #received(lane: Lane, delivery: Delivery, connection: Connection): Received {
    const { message, retained, redelivered } = delivery
    const settle = (): boolean => {
      if (this.#target?.connection !== connection) return false // too late: it comes again
      const isFirst = lane.unacknowledged.delete(delivery)
      if (isFirst) this.#schedule()
      return isFirst
    }
    const reject = async (reason: string): Promise<void> => {
      if (settle()) this.#broker.setAside(message, cut(reason))
    }
    return {
      address: message.address,
      payload: message.payload.slice(),
      properties: { ...message.properties },
      retained,
      redelivered,
      acknowledge: async () => void settle(),
      isLost: () => this.#target?.connection !== connection,
      ...(this.#broker.deadLetters && { reject }),
    }
  }
}

export class MemorySession {
  /** Whether it outlives its connections. */
  readonly isPersistent: boolean
  /** The transport that uses it; a later one takes it over (MQTT 5.0 Section 3.1.4). */
  owner: { disconnect(): void } | undefined
  readonly #broker: SessionHost
  readonly #subscriptions: Set<MemorySubscription> = new Set()

  constructor(broker: SessionHost, isPersistent: boolean) {
    this.#broker = broker
    this.isPersistent = isPersistent
  }

  *matching(address: string): Iterable<MemorySubscription> {
    for (const subscription of this.#subscriptions) {
      if (matchesFilter(subscription.topicFilter, address)) yield subscription
    }
  }

  /** Goes on with what an earlier connection left of the same filter, or begins anew. */
  subscribe(filter: string, handler: MessageHandler, connection: Connection): MemorySubscription {
    const left = [...this.#subscriptions].find((one) => one.filter === filter && !one.isAttached)
    const subscription = left ?? new MemorySubscription(this.#broker, filter)
    this.#subscriptions.add(subscription)
    subscription.attach(handler, connection)
    return subscription
  }

  /** Queues what the broker retains; shared subscriptions get none (MQTT 5.0 Section 4.8.2). */
  sendRetained(subscription: MemorySubscription): void {
    if (subscription.group !== undefined) return
    for (const message of this.#broker.retainedFor(subscription.topicFilter)) {
      subscription.enqueue(message, true)
    }
  }

  unsubscribe(subscription: MemorySubscription): void {
    this.#subscriptions.delete(subscription)
    subscription.end()
  }

  *inGroup(group: string): Iterable<MemorySubscription> {
    for (const subscription of this.#subscriptions) {
      if (subscription.group === group) yield subscription
    }
  }

  /** The connection is gone. What cannot be waited for by anybody is forgotten. */
  suspend(): void {
    for (const subscription of this.#subscriptions) {
      if (this.isPersistent) subscription.detach()
      else this.unsubscribe(subscription)
    }
  }
}

function cut(reason: string): string {
  const buffer = new Uint8Array(MAX_REASON_BYTES)
  const { read } = new TextEncoder().encodeInto(reason, buffer)
  return reason.slice(0, read)
}
