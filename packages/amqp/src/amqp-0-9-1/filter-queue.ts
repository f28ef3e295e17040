// SPDX-License-Identifier: Apache-2.0
/**
 * The queue of one filter, and its consumer: declared, bound and read over a channel of its own, and
 * again whenever that channel, the queue or the connection is lost.
 *
 * A message is settled with the broker when the handlers of the filter have settled it, over the channel
 * on which it came, and never over another: there its number means something else.
 *
 * @module
 */

import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib'
import type { MessageHandler, WaxwingError } from '@waxwing/core'
import {
  filterMatcher,
  groupOf,
  Handlers,
  limitError,
  Pauses,
  transportError,
  unshared,
  type HandlingTerms,
} from '@waxwing/transport-kit'
import { addressOf } from '../names.js'
import { Acknowledgements } from './acknowledgements.js'
import {
  boundBodies,
  closeChannel,
  lengthLeftOut,
  onChannelOfItsOwn,
  openChannel,
  queueExists,
} from './channels.js'
import type { Resolved091 } from './options.js'
import { propertiesOf } from './properties.js'
import { queueFor, type QueuePlan } from './queues.js'
import { isRefusal, subscribeFailed } from './refusals.js'
import { readRetained, retainedStreamOf } from './retained.js'
import { RetainedHandOver } from './retained-hand-over.js'
import { settlementOf, type Bury, type Reading } from './settlement.js'

export interface FilterQueuePort {
  readonly options: Resolved091
  readonly report: (error: unknown) => void
  /** Puts a copy where dead letters are; left out where there is no such place. */
  readonly bury?: Bury | undefined
}

export class FilterQueue {
  readonly filter: string
  readonly #port: FilterQueuePort
  readonly #plan: QueuePlan
  readonly #matches: (address: string) => boolean
  readonly #terms: HandlingTerms
  readonly #handlers: Handlers
  readonly #pauses: Pauses
  readonly #first = Promise.withResolvers<void>()
  #model: ChannelModel | undefined
  #reading: Reading | undefined
  /** The attempt under way, or the last one. */
  #starting: Promise<void> | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  readonly #handOvers = new Set<RetainedHandOver>()
  #wasRead = false
  #isClosed = false

  /** @throws {WaxwingError | TypeError} If no queue can serve the filter. */
  constructor(filter: string, port: FilterQueuePort) {
    const { options, report } = port
    this.filter = filter
    this.#port = port
    this.#plan = queueFor(filter, options)
    this.#matches = filterMatcher(unshared(filter))
    const { retryHandlerMs, maxUnacknowledged } = options
    this.#terms = { retryHandlerMs, maxUnacknowledged, report }
    this.#handlers = new Handlers(this.#terms)
    this.#pauses = new Pauses(options.reconnectMinMs, options.reconnectMaxMs)
    this.#first.promise.catch(() => undefined)
  }

  /** How many handlers there are. */
  get size(): number {
    return this.#handlers.size
  }

  /** Adds a handler; returns what removes it. One that comes late gets what is retained all the same. */
  add(handler: MessageHandler): () => void {
    const remove = this.#handlers.add(handler)
    const model = this.#model
    if (!this.#wasRead || model === undefined) return remove
    const alone = new Handlers(this.#terms)
    alone.add(handler)
    this.#handRetained(model, alone).catch((error: unknown) => this.#port.report(error))
    return () => {
      alone.close()
      remove()
    }
  }

  /** Resolves once the queue is read. @throws {WaxwingError} `ERR_TRANSPORT` if the broker refused. */
  async read(): Promise<void> {
    await this.#first.promise
  }

  connected(model: ChannelModel): void {
    if (model === this.#model || this.#isClosed) return
    this.#model = model
    this.#starting = this.#start(model)
  }

  disconnected(): void {
    this.#model = undefined
    clearTimeout(this.#timer)
    this.#over()
  }

  /** Calls no handler any more; what is unsettled is given back. */
  stop(error: WaxwingError): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#first.reject(error)
    for (const handOver of this.#handOvers) handOver.end()
    // What is unsettled goes back with the channel: given back one by one it would come again at once.
    if (this.#reading !== undefined) this.#reading.isOver = true
    this.#handlers.close()
  }

  /** Lets the broker remove the queue, which could not be told when it was left. */
  async remove(model: ChannelModel): Promise<void> {
    await onChannelOfItsOwn(model, (channel) => this.#delete(channel))
  }

  /** Whether the queue stays at the broker, for nobody, where it cannot be told. */
  get staysBehind(): boolean {
    return this.#plan.isOwn && this.#plan.isLasting
  }

  /** Tells the broker goodbye. @param forGood - Nobody will go on with this queue: it goes. */
  async leave(forGood: boolean): Promise<void> {
    await this.#starting // else it would read the queue for nobody
    const reading = this.#reading
    this.#reading = undefined
    const { isOwn, isLasting } = this.#plan
    const mustGo = isOwn && (forGood || !isLasting)
    if (reading === undefined) {
      if (mustGo && this.#model !== undefined) await this.remove(this.#model).catch(() => undefined)
      return
    }
    reading.acknowledgements.flush()
    if (mustGo) await this.#delete(reading.channel).catch(() => undefined) // or it expires
    await closeChannel(reading.channel)
  }

  /** Bound no more first: what goes to a queue while it is deleted is refused, to whoever sent it. */
  async #delete(channel: Channel): Promise<void> {
    const { queue, exchange, bindingKey, bindingArguments } = this.#plan
    await channel.unbindQueue(queue, exchange, bindingKey, bindingArguments)
    await channel.deleteQueue(queue)
  }

  async #start(model: ChannelModel): Promise<void> {
    let reading: Reading | undefined
    try {
      const isGone = this.#wasRead && !(await queueExists(model, this.#plan.queue))
      if (this.#isClosed) return
      if (isGone) this.#port.report(this.#lostMessages())
      reading = await this.#open(model)
      if (this.#isClosed) return
      await this.#declare(reading.channel)
      if (this.#isClosed) return
      if (isGone || !this.#wasRead) await this.#handRetained(model, this.#handlers)
      await this.#consume(reading)
      this.#wasRead = true
      this.#pauses.reset()
      this.#first.resolve()
    } catch (error) {
      if (reading !== undefined && reading === this.#reading) this.#over()
      if (reading !== undefined) void closeChannel(reading.channel)
      this.#failed(model, error)
    }
  }

  #lostMessages(): WaxwingError {
    const { queue } = this.#plan
    return transportError(`the queue ${queue} was gone: what was in it is lost, and is bound anew`)
  }

  async #open(model: ChannelModel): Promise<Reading> {
    const channel = await openChannel(model, (why) => this.#channelLost(model, reading, why))
    const acknowledgements = new Acknowledgements(channel)
    const reading: Reading = { model, channel, acknowledgements, isOver: this.#isClosed }
    boundBodies(channel, this.#port.options.maxPayloadBytes)
    this.#reading = reading
    return reading
  }

  async #declare(channel: Channel): Promise<void> {
    const { queue, declaration, exchange, bindingKey, bindingArguments } = this.#plan
    await channel.prefetch(this.#port.options.maxUnacknowledged)
    await channel.assertQueue(queue, declaration)
    await channel.bindQueue(queue, exchange, bindingKey, bindingArguments)
  }

  /** Before anything live, so that what is newer comes after. */
  async #handRetained(model: ChannelModel, handlers: Handlers): Promise<void> {
    const { options, report } = this.#port
    const stream = retainedStreamOf(this.filter, options)
    if (stream === undefined || groupOf(this.filter) !== undefined) return
    const handOver = new RetainedHandOver(handlers, options.maxUnacknowledged)
    this.#handOvers.add(handOver)
    const { maxPayloadBytes } = options
    try {
      const reading = { model, stream, filter: this.filter, maxPayloadBytes, report }
      await handOver.run(readRetained(reading))
    } finally {
      this.#handOvers.delete(handOver)
    }
  }

  async #consume(reading: Reading): Promise<void> {
    const { queue } = this.#plan
    await reading.channel.consume(queue, (message) => {
      if (message === null) this.#cancelled(reading)
      else this.#arrived(reading, message)
    })
  }

  #arrived(reading: Reading, message: ConsumeMessage): void {
    if (reading.isOver) return // it goes back with the channel
    const { acknowledgements, channel } = reading
    acknowledgements.delivered(message)
    const tooLong = lengthLeftOut(channel)
    if (tooLong !== undefined) {
      const what = `a message of ${tooLong} bytes is dropped`
      this.#port.report(limitError(what, 'maxPayloadBytes'))
      acknowledgements.refuse(message, false)
      return
    }
    const address = addressOf(message.fields.routingKey)
    if (!this.#matches(address)) {
      acknowledgements.acknowledge(message) // the binding takes more than the filter
      return
    }
    const { content, properties, fields } = message
    const parcel = {
      address,
      payload: new Uint8Array(content), // not a view of what was read along with it
      properties: propertiesOf(properties),
      retained: false,
      redelivered: fields.redelivered,
    }
    this.#handlers.offer(parcel, settlementOf(reading, message, this.#port.bury))
  }

  /** The broker reads the queue to us no more: it was deleted, or its node is gone. */
  #cancelled(reading: Reading): void {
    if (reading.isOver) return
    this.#port.report(transportError(`the broker ended the reading of ${this.#plan.queue}`))
    this.#over()
    void closeChannel(reading.channel)
    this.#startLater(reading.model)
  }

  #channelLost(model: ChannelModel, reading: Reading, why: unknown): void {
    if (reading.isOver) return
    this.#over()
    if (model !== this.#model || why === undefined || !this.#wasRead) return
    this.#port.report(transportError(`the broker ended the channel of ${this.#plan.queue}`, why))
    this.#startLater(model)
  }

  #over(): void {
    for (const handOver of this.#handOvers) handOver.end()
    const reading = this.#reading
    this.#reading = undefined
    if (reading === undefined) return
    reading.isOver = true
    reading.acknowledgements.lost()
    this.#handlers.lost()
  }

  #failed(model: ChannelModel, error: unknown): void {
    if (model !== this.#model || this.#isClosed) return
    const failure = subscribeFailed(this.filter, error)
    if (!this.#wasRead && isRefusal(error)) {
      this.#first.reject(failure)
      return
    }
    this.#port.report(failure)
    this.#startLater(model)
  }

  #startLater(model: ChannelModel): void {
    clearTimeout(this.#timer)
    if (this.#isClosed || model !== this.#model) return
    this.#timer = setTimeout(() => {
      this.#starting = this.#start(model)
    }, this.#pauses.next())
  }
}
