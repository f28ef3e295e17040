// SPDX-License-Identifier: Apache-2.0
/**
 * AMQP 1.0 as a {@link Transport} (`docs/spec/09-bindings.md` Sections 9.6.6 to 9.6.9): one object or
 * control message is the data section of one message.
 *
 * There are two connections: data that nobody takes, or that a slow network brings, never stops
 * control messages. Sends go over the one for control.
 *
 * @module
 */

import type {
  MessageHandler,
  Subscription,
  TransportLimits,
  TransportStatus,
  WaxwingError,
} from '@waxwing/core'
import {
  assertAddress,
  assertFilter,
  closedError,
  isControlFilter,
  ReplyAddresses,
  StatusBoard,
} from '@waxwing/transport-kit'
import type { AmqpTransport } from '../transport.js'
import { assertSendOptions, type AmqpSendOptions } from '../options.js'
import { Channel } from './channel.js'
import { GivenNodes, PlainNodes, type Naming } from './nodes.js'
import { resolveOptions, type Amqp10Options, type ResolvedOptions } from './options.js'
import type { Network } from './peer.js'
import { RabbitmqNodes } from './rabbitmq-nodes.js'
import { INBOX_PROPERTY, Sending } from './sending.js'

/** Opens a transport over AMQP 1.0. @throws {TypeError | RangeError} Naming the option that is wrong. */
export function amqp10Transport(options: Amqp10Options): AmqpTransport {
  return new Amqp10Transport(resolveOptions(options))
}

class Amqp10Transport implements AmqpTransport {
  readonly limits: TransportLimits
  readonly #options: ResolvedOptions
  readonly #status = new StatusBoard()
  readonly #naming: Naming
  readonly #replies = new ReplyAddresses({ isNode })
  readonly #control: Channel
  readonly #sending: Sending
  #data: Channel | undefined
  /** Why nothing works any more. */
  #end: WaxwingError | undefined
  #closing: Promise<void> | undefined

  constructor(options: ResolvedOptions) {
    this.#options = options
    this.limits = { maxPayloadBytes: options.maxPayloadBytes, binary: true, retained: false }
    this.#naming = namingOf(options, (error) => this.#status.report(error))
    this.#sending = new Sending(options, this.#naming, this.#replies)
    this.#control = this.#channel('control')
  }

  async send(address: string, payload: Uint8Array, options: AmqpSendOptions = {}): Promise<void> {
    assertAddress(address)
    if (payload.length > this.limits.maxPayloadBytes) {
      const limit = `limit is ${this.limits.maxPayloadBytes} (maxPayloadBytes)`
      throw new RangeError(`payload is ${payload.length} bytes, ${limit}`)
    }
    assertSendOptions(options)
    if (this.#end !== undefined) throw this.#end
    await this.#sending.send(address, payload, options)
  }

  async subscribe(filter: string, handler: MessageHandler): Promise<Subscription> {
    assertFilter(filter)
    if (this.#end !== undefined) throw this.#end
    if (isControlFilter(filter)) return this.#control.subscribe(filter, handler)
    this.#data ??= this.#channel('data')
    return this.#data.subscribe(filter, handler)
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
    const stopped = this.#channels.map((channel) => channel.stop(closedError()))
    await this.#sending.emptied(this.#options.closeTimeoutMs)
    this.#sending.ended(closedError())
    await Promise.all(stopped)
    await Promise.all([...this.#channels.map(({ peer }) => peer.end()), this.#naming.close()])
  }

  get #channels(): readonly Channel[] {
    return this.#data === undefined ? [this.#control] : [this.#data, this.#control]
  }

  #channel(role: 'data' | 'control'): Channel {
    const board = {}
    const sends = role === 'control' ? this.#sending : undefined
    return new Channel(this.#options, role, this.#naming, {
      connected: (network: Network) => {
        sends?.connected(network)
        this.#status.up(board)
      },
      disconnected: () => {
        sends?.disconnected()
        this.#status.down(board)
      },
      refused: (error) => this.#refused(error),
      report: (error) => this.#status.report(error),
      ownNode: (inbox, node) => this.#sending.ownNode(inbox, node),
      seen: ({ properties, replyTo }) => {
        if (this.#options.inbox !== 'dynamic' || role !== 'control') return
        this.#replies.learn(properties[INBOX_PROPERTY], replyTo)
      },
    })
  }

  #refused(error: WaxwingError): void {
    if (this.#end !== undefined) return
    this.#end = error
    this.#status.report(error)
    this.#sending.ended(error)
    for (const channel of this.#channels) {
      void channel.stop(error)
      void channel.peer.end()
    }
    void this.#naming.close()
  }
}

function namingOf(options: ResolvedOptions, report: (error: unknown) => void): Naming {
  const { nodes, rabbitmq } = options
  if (rabbitmq !== undefined) return new RabbitmqNodes(rabbitmq, report)
  return typeof nodes === 'object' ? new GivenNodes(nodes) : new PlainNodes()
}

/** What begins with `$` is the broker's own: its management, for example. */
function isNode(node: string): boolean {
  return /^[^$]/.test(node)
}
