// SPDX-License-Identifier: Apache-2.0
/**
 * AMQP 0-9-1, as RabbitMQ speaks it (`docs/spec/09-bindings.md` Section 9.6): two connections, so that
 * data never stand before control messages; a channel for sends, and one for each filter.
 *
 * @module
 */

import type { ChannelModel, ConsumeMessage } from 'amqplib'
import {
  isControlAddress,
  type MessageHandler,
  type Received,
  type Subscription,
  type TransportLimits,
  type TransportStatus,
  type WaxwingError,
} from '@waxwing/core'
import {
  assertAddress,
  assertFilter,
  closedError,
  isControlFilter,
  StatusBoard,
  inTime,
} from '@waxwing/transport-kit'
import type { AmqpReplaySpan, AmqpTransport } from '../transport.js'
import { addressOf, routingKeyOf } from '../names.js'
import { assertSendOptions, type AmqpSendOptions } from '../options.js'
import { Connection } from './connection.js'
import { FilterQueues } from './filter-queues.js'
import { replayHistory } from './history.js'
import { Inboxes } from './inboxes.js'
import { resolve091, type Amqp091Options, type Resolved091 } from './options.js'
import { propertiesOf, publishOptions, REASON_HEADER } from './properties.js'
import { Publisher, type Outgoing } from './publisher.js'
import { inboxQueueOf } from './queues.js'
import { retainedStreamOf } from './retained.js'
import { prepareControl, prepareData } from './topology.js'

/** Opens a transport. @throws {TypeError | RangeError} Naming the option that is wrong. */
export function amqp091Transport(options: Amqp091Options): AmqpTransport {
  return new Amqp091Transport(resolve091(options))
}

type Side = 'data' | 'control'

class Amqp091Transport implements AmqpTransport {
  readonly limits: TransportLimits
  replay?: NonNullable<AmqpTransport['replay']>
  readonly #options: Resolved091
  readonly #status = new StatusBoard()
  readonly #publisher: Publisher
  readonly #queues: Readonly<Record<Side, FilterQueues>>
  readonly #control: Connection
  #data: Connection | undefined
  /** Resolves once what everything needs was made, by the first connection of control. */
  #prepared: Promise<unknown> | undefined
  /** Why nothing works any more. */
  #end: WaxwingError | undefined
  #closing: Promise<void> | undefined

  constructor(options: Resolved091) {
    this.#options = options
    const { maxPayloadBytes, retainedStream, history } = options
    const limits = { maxPayloadBytes, binary: true, retained: retainedStream !== undefined }
    this.limits = history === undefined ? limits : { ...limits, history: 'all' }
    if (history !== undefined) {
      const { stream } = history
      this.replay = (filter, span = {}) => this.#replay(stream, filter, span)
    }
    const report = (error: unknown): void => this.#status.report(error)
    const inboxes = new Inboxes(options, report)
    this.#publisher = new Publisher({ limits: options, inboxes, report })
    const bury = options.deadLetters === undefined ? undefined : this.#bury.bind(this)
    const port = { options, report, bury }
    this.#queues = { data: new FilterQueues(port), control: new FilterQueues(port) }
    this.#control = this.#connect('control')
  }

  async send(address: string, payload: Uint8Array, options: AmqpSendOptions = {}): Promise<void> {
    assertAddress(address)
    assertSendOptions(options)
    const outgoing = this.#outgoing(address, payload, options)
    if (this.#end !== undefined) throw this.#end
    await this.#publisher.push(outgoing)
  }

  async subscribe(filter: string, handler: MessageHandler): Promise<Subscription> {
    assertFilter(filter)
    if (this.#end !== undefined) throw this.#end
    const side = isControlFilter(filter) ? 'control' : 'data'
    if (side === 'data') this.#data ??= this.#connect('data')
    return this.#queues[side].subscribe(filter, handler)
  }

  onStatus(listener: (status: TransportStatus) => void): () => void {
    return this.#status.listen(listener)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#end ??= closedError()
    for (const queues of Object.values(this.#queues)) queues.stop(closedError())
    const { closeTimeoutMs } = this.#options
    await this.#publisher.emptied(closeTimeoutMs)
    this.#publisher.ended()
    const left = Object.values(this.#queues).map((queues) => queues.left())
    await inTime(Promise.all(left), closeTimeoutMs)
    await Promise.all([this.#control.end(), this.#data?.end()])
  }

  #connect(side: Side): Connection {
    const board = {}
    const queues = this.#queues[side]
    const isControl = side === 'control'
    return new Connection(this.#options, side, {
      prepare: async (model) => {
        if (isControl) await prepareControl(model, this.#options)
        else await this.#prepareData(model)
      },
      connected: (model) => {
        if (isControl) this.#publisher.connected(model)
        queues.connected(model)
        this.#status.up(board)
      },
      disconnected: () => {
        if (isControl) this.#publisher.disconnected()
        queues.disconnected()
        this.#status.down(board)
      },
      denied: (error) => this.#status.report(error),
      refused: (error) => this.#refused(error),
      report: (error) => this.#status.report(error),
    })
  }

  /** Streams are made by the connection of control, which therefore is the first. */
  async #prepareData(model: ChannelModel): Promise<void> {
    this.#prepared ??= this.#control.ready()
    await this.#prepared
    await prepareData(model, this.#options)
  }

  /** The first connection of a side was refused for good. */
  #refused(error: WaxwingError): void {
    this.#end ??= error
    this.#status.report(error)
    for (const queues of Object.values(this.#queues)) queues.stop(this.#end)
    this.#publisher.ended(this.#end)
    void this.#control.end(this.#end)
    void this.#data?.end(this.#end)
  }

  #outgoing(address: string, payload: Uint8Array, options: AmqpSendOptions): Outgoing {
    const { maxPayloadBytes, controlExchange, exchange } = this.#options
    if (payload.length > maxPayloadBytes) {
      throw new RangeError(
        `payload is ${payload.length} bytes, limit is ${maxPayloadBytes} (maxPayloadBytes)`,
      )
    }
    const isControl = isControlAddress(address)
    const principal = isControl ? inboxQueueOf(address)?.principal : undefined
    const { mandatory = principal !== undefined, retained = false } = options
    const keptIn = retained ? retainedStreamOf(address, this.#options) : undefined
    const published = publishOptions(options)
    published.mandatory = mandatory
    return {
      address,
      exchange: isControl ? controlExchange : exchange.name,
      routingKey: routingKeyOf(address),
      content: Buffer.from(payload), // what it is now, for as long as it takes
      options: published,
      ...(principal === undefined ? {} : { principal }),
      ...(keptIn === undefined ? {} : { keptIn }),
    }
  }

  async #bury(message: ConsumeMessage, reason: string): Promise<void> {
    const { deadLetters } = this.#options
    const { fields, content, properties } = message
    const { 'content-type': contentType, ...headers } = propertiesOf(properties)
    await this.#publisher.push({
      address: addressOf(fields.routingKey),
      exchange: deadLetters?.exchange ?? '',
      routingKey: fields.routingKey,
      content,
      options: {
        persistent: true,
        mandatory: true,
        headers: { ...headers, [REASON_HEADER]: reason },
        ...(contentType === undefined ? {} : { contentType }),
      },
    })
  }

  async *#replay(
    stream: string,
    filter: string,
    span: AmqpReplaySpan,
  ): AsyncGenerator<Received, void, undefined> {
    assertFilter(filter)
    if (this.#end !== undefined) throw this.#end
    const connection = (this.#data ??= this.#connect('data'))
    yield* replayHistory(filter, span, {
      stream,
      maxPayloadBytes: this.#options.maxPayloadBytes,
      ready: () => connection.ready(),
      isThere: (model) => connection.model === model,
      report: (error) => this.#status.report(error),
    })
  }
}
