// SPDX-License-Identifier: Apache-2.0
/**
 * RabbitMQ before 4.0, with its plugin for AMQP 1.0 (`docs/spec/09-bindings.md` Section 9.6.6).
 *
 * Messages go to an exchange, with the routing key as their subject: one link for all addresses. They come
 * from the queues that 0-9-1 has, so endpoints of both versions meet, and one session may be
 * gone on with by the other version. The plugin itself can only make queues that have no name, are never
 * removed and are lost to a link that is made again; so queues are made by 0-9-1, over a
 * connection of its own to the same port.
 *
 * @module
 */

import type { Channel, ChannelModel } from 'amqplib'
import { WaxwingError } from '@waxwing/core'
import {
  filterMatches,
  isControlFilter,
  unshared,
  type Parcel,
  inTime,
} from '@waxwing/transport-kit'
import { closeChannel, onChannelOfItsOwn, openConfirmChannel } from '../amqp-0-9-1/channels.js'
import { Connection } from '../amqp-0-9-1/connection.js'
import type { Resolved091 } from '../amqp-0-9-1/options.js'
import { REASON_HEADER } from '../amqp-0-9-1/properties.js'
import { inboxPlan, inboxQueueOf, queueFor, type QueuePlan } from '../amqp-0-9-1/queues.js'
import { ACCESS_REFUSED, refusalCode, sendFailed, subscribeFailed } from '../amqp-0-9-1/refusals.js'
import { prepareControl } from '../amqp-0-9-1/topology.js'
import { addressOf, routingKeyOf } from '../names.js'
import type { Incoming } from './message.js'
import { otherBroker, type Destination, type Naming, type Rejection } from './nodes.js'

/** Inboxes whose queues were made ready over the present connection, and are not asked for again. */
const MAX_READY_INBOXES = 10_000

export class RabbitmqNodes implements Naming {
  readonly #options: Resolved091
  readonly #report: (error: unknown) => void
  readonly #plans = new Map<string, QueuePlan>()
  readonly #readyInboxes = new Set<string>()
  #connection: Connection | undefined
  /** Why there will be no connection. */
  #refusal: WaxwingError | undefined

  constructor(options: Resolved091, report: (error: unknown) => void) {
    this.#options = { ...options, retainedStream: undefined, history: undefined }
    this.#report = report
  }

  destination(address: string): Destination {
    const { exchange, controlExchange } = this.#options
    const name = isControlFilter(address) ? controlExchange : exchange.name
    return { node: `/exchange/${escaped(name)}`, subject: routingKeyOf(address) }
  }

  /** What is sent to an inbox waits there for a reader that never connected. */
  prepare(address: string): Promise<void> | undefined {
    const inbox = inboxQueueOf(address)
    if (inbox === undefined || this.#readyInboxes.has(inbox.principal)) {
      return isControlFilter(address) && this.#connection === undefined
        ? this.#withChannel(() => Promise.resolve())
        : undefined
    }
    return this.#prepareInbox(inbox.principal).catch((error: unknown) => {
      throw error instanceof WaxwingError ? error : sendFailed(address, error)
    })
  }

  async source(filter: string): Promise<string> {
    const plan = this.#plans.get(filter) ?? queueFor(filter, this.#options)
    this.#plans.set(filter, plan)
    try {
      await this.#withChannel((channel) => declare(channel, plan))
    } catch (error) {
      if (refusalCode(error) === undefined) throw error
      throw subscribeFailed(filter, error)
    }
    return `/amq/queue/${escaped(plan.queue)}`
  }

  addressOf(filter: string, { subject }: Incoming): string | undefined {
    const address = subject === undefined ? undefined : addressOf(subject)
    return address !== undefined && filterMatches(unshared(filter), address) ? address : undefined
  }

  wasDelivered({ firstAcquirer, deliveryCount }: Incoming): boolean {
    return firstAcquirer === false || deliveryCount > 0
  }

  get rejection(): Rejection {
    if (this.#options.deadLetters === undefined) return 'none'
    return (parcel, reason) => this.#bury(parcel, reason)
  }

  check(product: string, version: string): void {
    if (product !== 'RabbitMQ') throw otherBroker(`this is no RabbitMQ: ${product || 'no name'}`)
    if (!/^[0-3]\./.test(version)) {
      throw otherBroker(`RabbitMQ ${version} names its nodes in another way: give functions`)
    }
  }

  async release(filter: string): Promise<void> {
    const plan = this.#plans.get(filter)
    this.#plans.delete(filter)
    if (plan?.isOwn !== true) return
    const removed = this.#withChannel(async (channel) => {
      if (!this.#plans.has(filter)) await remove(channel, plan)
    })
    removed.catch(() => undefined)
    // While the broker is away it is not waited for: the queue goes when it is back, or expires.
    if (this.#connection?.model !== undefined) await inTime(removed, this.#options.closeTimeoutMs)
  }

  async close(): Promise<void> {
    const passing = [...this.#plans.values()].filter(({ isLasting }) => !isLasting)
    if (this.#connection?.model !== undefined && passing.length > 0) {
      const removed = this.#withChannel(async (channel) => {
        for (const plan of passing) await remove(channel, plan)
      })
      await inTime(removed, this.#options.closeTimeoutMs) // or they expire
    }
    await this.#connection?.end()
  }

  /** A rejected message loses its reason at the plugin: a copy of it goes where dead letters are. */
  async #bury({ address, payload, properties }: Parcel, reason: string): Promise<void> {
    const { 'content-type': contentType, ...headers } = properties
    const published = {
      persistent: true,
      mandatory: true,
      headers: { ...headers, [REASON_HEADER]: reason },
      ...(contentType === undefined ? {} : { contentType }),
    }
    const exchange = this.#options.deadLetters?.exchange ?? ''
    const model = await this.#model()
    const channel = await openConfirmChannel(model, () => undefined)
    let hasReturned = false
    channel.on('return', () => {
      hasReturned = true
    })
    try {
      channel.publish(exchange, routingKeyOf(address), Buffer.from(payload), published)
      await channel.waitForConfirms()
      if (hasReturned) throw new Error('no queue takes what is sent there')
    } catch (error) {
      throw sendFailed(exchange, error)
    } finally {
      void closeChannel(channel)
    }
  }

  async #prepareInbox(principal: string): Promise<void> {
    const plan = inboxPlan(principal, this.#options)
    try {
      await this.#withChannel((channel) => declare(channel, plan))
    } catch (error) {
      if (refusalCode(error) !== ACCESS_REFUSED) throw error
      await this.#withChannel((channel) => channel.checkQueue(plan.queue)) // its owner has made it
    }
    if (this.#readyInboxes.size >= MAX_READY_INBOXES) this.#readyInboxes.clear()
    this.#readyInboxes.add(principal)
  }

  /** Does something that may be done twice: where the connection breaks, over the next one. */
  async #withChannel(errand: (channel: Channel) => Promise<unknown>): Promise<void> {
    for (;;) {
      const model = await this.#model()
      try {
        await onChannelOfItsOwn(model, errand)
        return
      } catch (error) {
        const isThere = this.#connection?.model === model
        if (isThere || refusalCode(error) !== undefined) throw error
      }
    }
  }

  async #model(): Promise<ChannelModel> {
    if (this.#refusal !== undefined) throw this.#refusal
    this.#connection ??= this.#connect()
    return this.#connection.ready()
  }

  #connect(): Connection {
    return new Connection(this.#options, 'control', {
      prepare: (model) => prepareControl(model, this.#options),
      connected: () => this.#readyInboxes.clear(), // a broker that was away may have lost them
      disconnected: () => undefined,
      denied: (error) => this.#report(error),
      refused: (error) => {
        this.#refusal = error
        void this.#connection?.end(error)
      },
      report: (error) => this.#report(error),
    })
  }
}

async function declare(channel: Channel, plan: QueuePlan): Promise<void> {
  await channel.assertQueue(plan.queue, plan.declaration)
  await channel.bindQueue(plan.queue, plan.exchange, plan.bindingKey, plan.bindingArguments)
}

/** Bound no more first: what goes to a queue while it is deleted is refused, to whoever sent it. */
async function remove(channel: Channel, plan: QueuePlan): Promise<void> {
  await channel.unbindQueue(plan.queue, plan.exchange, plan.bindingKey, plan.bindingArguments)
  await channel.deleteQueue(plan.queue)
}

/** In an address of the plugin `/` separates, and nothing else can be escaped. */
function escaped(name: string): string {
  return name.replaceAll('/', '%2F')
}
