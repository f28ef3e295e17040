// SPDX-License-Identifier: Apache-2.0
/**
 * MQTT 3.1.1 and 5 as a {@link Transport} (`docs/spec/09-bindings.md`): one object or control
 * message is the payload of one PUBLISH.
 *
 * MQTT.js hands packets over one at a time, and sees the answer to a send only after what came
 * before it was taken. So there are two connections: a data message that nobody acknowledges never
 * stops control messages, and a handler may await a send.
 *
 * @module
 */

import type {
  MessageHandler,
  Received,
  Subscription,
  Transport,
  TransportLimits,
  TransportStatus,
  WaxwingError,
} from '@waxwing/core'
import { assertFilter, closedError, isControlFilter, StatusBoard } from '@waxwing/transport-kit'
import { Channel, type ChannelEvents } from './channel.js'
import { assertWill, LastWill, type MqttWill } from './last-will.js'
import { resolveOptions, type MqttTransportOptions, type ResolvedOptions } from './options.js'
import { copyForSending, publishOptions } from './packets.js'
import { RetainedReplay } from './retained-replay.js'
import { assertSendable, type MqttSendOptions } from './send-options.js'
import { SendQueue } from './send-queue.js'

/** A transport over MQTT. */
export interface MqttTransport extends Transport {
  /**
   * Yields the retained messages, over a connection of its own. The span is not looked at: the broker does
   * not say when it got them. Nor does it say that there are no more: see `docs/spec/09-bindings.md` Section 9.3.4.
   *
   * @throws {TypeError} If the filter is none.
   * @throws {WaxwingError} While iterating: `ERR_TRANSPORT` if the broker refuses, or the connection
   *   breaks before the end; `ERR_CLOSED`.
   */
  replay(filter: string, span?: { from?: Date; until?: Date }): AsyncIterable<Received>
  /**
   * @throws {TypeError} If the address is not a topic name.
   * @throws {RangeError} If the payload is longer than `limits.maxPayloadBytes`.
   * @throws {WaxwingError} `ERR_TRANSPORT` if the broker refused; `ERR_LIMIT` if too much waits or
   *   the broker takes no packet of this size; `ERR_UNSUPPORTED` for properties with MQTT 3.1.1;
   *   `ERR_CLOSED`. An expiry is not sent with MQTT 3.1.1, which has none.
   */
  send(address: string, payload: Uint8Array, options?: MqttSendOptions): Promise<void>
  /**
   * Sets the will, in place of the one before; `undefined` takes it back. A will stands in what a
   * connection begins with, so the sending connection is ended in an orderly way and made again:
   * what is being sent waits for it. Resolves when the broker has the will.
   *
   * A payload that is a function is called now and before each later connection. If it throws, that
   * connection has no will: here that rejects, later it is reported by `onStatus`.
   *
   * @throws {TypeError | RangeError} If the will is none.
   * @throws {WaxwingError} `ERR_TRANSPORT` if the broker refuses a connection with this will: then
   *   there is none. `ERR_CLOSED`. Whatever the payload's function throws.
   */
  setWill(will: MqttWill | undefined): Promise<void>
}

/**
 * Opens a transport. It connects at once, and again whenever the connection breaks; failures on the
 * way are reported by `onStatus`. When the first connection is refused for good (wrong version,
 * wrong credentials), everything that waits and everything later fails with `ERR_TRANSPORT`.
 *
 * @throws {TypeError | RangeError} Naming the option that is wrong.
 */
export function mqttTransport(options: MqttTransportOptions): MqttTransport {
  return new TwoConnections(resolveOptions(options))
}

class TwoConnections implements MqttTransport {
  readonly limits: TransportLimits
  readonly #options: ResolvedOptions
  readonly #status = new StatusBoard()
  readonly #control: Channel
  readonly #sends: SendQueue
  readonly #will: LastWill
  readonly #replays = new Set<RetainedReplay>()
  #data: Channel | undefined
  /** Why nothing works any more. */
  #end: WaxwingError | undefined
  #closing: Promise<void> | undefined

  constructor(options: ResolvedOptions) {
    this.#options = options
    const { maxPayloadBytes, protocolVersion } = options
    this.limits = {
      maxPayloadBytes,
      binary: true,
      retained: true,
      history: 'newest',
      ...(protocolVersion !== 5 && { properties: false }),
    }
    this.#will = new LastWill(options.will, {
      qos: options.qos,
      renew: () => void this.#renew(),
      report: (error) => this.#status.report(error),
    })
    const events = this.#eventsOf({})
    this.#control = new Channel(options, 'control', {
      ...events,
      connecting: (next) => this.#will.connecting(next),
      connected: (server) => {
        this.#sends.connected(server)
        events.connected(server)
        this.#will.connected()
      },
      disconnected: () => {
        this.#sends.disconnected()
        events.disconnected()
      },
      denied: (error) => {
        if (!this.#will.refused(error)) events.denied(error)
      },
    })
    this.#sends = new SendQueue(this.#control.connection, options)
  }

  async send(address: string, payload: Uint8Array, options: MqttSendOptions = {}): Promise<void> {
    assertSendable(address, payload, options, this.#options)
    if (this.#end !== undefined) throw this.#end
    const how = publishOptions(address, options, this.#options)
    await this.#sends.push({ address, payload: copyForSending(payload), options: how })
  }

  async subscribe(filter: string, handler: MessageHandler): Promise<Subscription> {
    assertFilter(filter)
    if (this.#end !== undefined) throw this.#end
    if (isControlFilter(filter)) return this.#control.subscribe(filter, handler)
    this.#data ??= new Channel(this.#options, 'data', this.#eventsOf({}))
    return this.#data.subscribe(filter, handler)
  }

  async *replay(filter: string): AsyncGenerator<Received, void> {
    assertFilter(filter)
    if (this.#end !== undefined) throw this.#end
    const replay = new RetainedReplay(this.#options, filter)
    this.#replays.add(replay)
    try {
      yield* replay.messages()
    } finally {
      this.#replays.delete(replay)
    }
  }

  async setWill(will: MqttWill | undefined): Promise<void> {
    if (will !== undefined) assertWill(will)
    if (this.#end !== undefined) throw this.#end
    await this.#will.set(will)
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
    this.#will.ended(closedError())
    for (const channel of this.#channels) channel.stop(closedError())
    for (const replay of this.#replays) replay.fail(closedError())
    await this.#sends.emptied(this.#options.closeTimeoutMs)
    this.#sends.ended(closedError())
    await Promise.all(this.#channels.map(({ connection }) => connection.end()))
  }

  /** Makes the sending connection anew, where there is one. */
  async #renew(): Promise<void> {
    const { connection } = this.#control
    const { network } = connection
    if (!connection.isReady) return
    await this.#sends.rest(this.#options.closeTimeoutMs)
    if (connection.network === network) connection.renew()
  }

  get #channels(): readonly Channel[] {
    return this.#data === undefined ? [this.#control] : [this.#data, this.#control]
  }

  #eventsOf(channel: object): ChannelEvents {
    return {
      connecting: () => undefined,
      connected: () => this.#status.up(channel),
      disconnected: () => this.#status.down(channel),
      report: (error) => this.#status.report(error),
      stuck: () => this.#sends.giveUpOldest(),
      denied: (error) => this.#status.report(error),
      refused: (error) => this.#refused(error),
    }
  }

  #refused(error: WaxwingError): void {
    this.#end ??= error
    this.#status.report(error)
    this.#will.ended(this.#end)
    for (const channel of this.#channels) channel.stop(this.#end)
    for (const replay of this.#replays) replay.fail(this.#end)
    this.#sends.ended(this.#end)
    for (const { connection } of this.#channels) void connection.end()
  }
}
