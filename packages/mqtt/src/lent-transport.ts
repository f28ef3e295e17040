// SPDX-License-Identifier: Apache-2.0
/**
 * A transport over a client that the application lends, for applications that have one already.
 *
 * Best effort, and said so: MQTT.js acknowledges each message when it has handed it over, so what a
 * crash interrupts is lost; `acknowledge()` changes nothing; and nothing holds back a broker that
 * sends faster than the handlers work. {@link mqttTransport} has none of these limits. The will is the
 * application's: it stands in what its client connects with.
 *
 * @module
 */

import type { IPublishPacket, MqttClient } from 'mqtt'
import type {
  MessageHandler,
  Subscription,
  Transport,
  TransportLimits,
  TransportStatus,
} from '@waxwing/core'
import { assertFilter, closedError, StatusBoard } from '@waxwing/transport-kit'
import { asBuffer, publishOptions, receivedFrom } from './packets.js'
import { connectionFailed, sendFailed, subscribeFailed } from './refusals.js'
import {
  assertSendable,
  qualityFor,
  type MqttSendOptions,
  type QualityOfService,
} from './send-options.js'
import { Subscriptions } from './subscriptions.js'
import { subscriptionIdentifier } from './subscription-identifier.js'

export interface LentClientOptions {
  /** Of subscriptions, and of sends that do not say otherwise. Default 1; control has 1 at least. */
  readonly qos?: QualityOfService
  /** Largest payload to send. Default 262,144. */
  readonly maxPayloadBytes?: number
}

/**
 * Wraps an MQTT.js client. It is neither connected nor ended; `close` unsubscribes and lets go.
 *
 * @param client Should subscribe again after reconnecting (MQTT.js's default).
 */
export function mqttTransportOver(client: MqttClient, options: LentClientOptions = {}): Transport {
  return new LentClient(client, options)
}

class LentClient implements Transport {
  readonly limits: TransportLimits
  readonly #client: MqttClient
  readonly #defaults: { qos: QualityOfService; protocolVersion: number; maxPayloadBytes: number }
  readonly #subscriptions = new Subscriptions()
  readonly #status = new StatusBoard()
  readonly #sends = new Set<Promise<void>>()
  readonly #release: () => void
  #isClosed = false

  constructor(client: MqttClient, { qos = 1, maxPayloadBytes = 262_144 }: LentClientOptions) {
    this.#client = client
    const { protocolVersion = 4 } = client.options
    this.#defaults = { qos, protocolVersion, maxPayloadBytes }
    const hasProperties = protocolVersion === 5
    this.limits = {
      maxPayloadBytes,
      binary: true,
      retained: true,
      ...(!hasProperties && { properties: false }),
    }
    this.#release = this.#listen()
  }

  async send(address: string, payload: Uint8Array, options: MqttSendOptions = {}): Promise<void> {
    assertSendable(address, payload, options, this.#defaults)
    if (this.#isClosed) throw closedError()
    const sent = this.#publish(address, payload.slice(), options)
    this.#sends.add(sent)
    try {
      await sent
    } finally {
      this.#sends.delete(sent)
    }
  }

  async subscribe(filter: string, handler: MessageHandler): Promise<Subscription> {
    assertFilter(filter)
    if (this.#isClosed) throw closedError()
    const registration = this.#subscriptions.add(filter, handler)
    const properties = { subscriptionIdentifier: subscriptionIdentifier(filter) }
    const { protocolVersion } = this.#defaults
    const qos = qualityFor(filter, this.#defaults.qos)
    try {
      // MQTT.js does not ask for a filter twice unless told so, and who asks gets what is retained. As a
      // filter of its own the word would be lost.
      const again = Object.assign({ [filter]: { qos } }, { resubscribe: true })
      await this.#client.subscribeAsync(filter === 'resubscribe' ? filter : again, {
        qos,
        ...(protocolVersion === 5 ? { properties } : {}),
      })
    } catch (error) {
      this.#subscriptions.remove(registration)
      throw subscribeFailed(filter, error as Error)
    }
    return {
      close: async () => {
        if (this.#subscriptions.remove(registration)) await this.#unsubscribe(filter)
      },
    }
  }

  onStatus(listener: (status: TransportStatus) => void): () => void {
    return this.#status.listen(listener)
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    const { filters } = this.#subscriptions
    this.#subscriptions.clear()
    this.#release()
    const farewell = filters.map((filter) => this.#unsubscribe(filter))
    if (this.#client.connected) await Promise.allSettled([...this.#sends, ...farewell])
  }

  async #publish(address: string, payload: Uint8Array, options: MqttSendOptions): Promise<void> {
    try {
      const wire = publishOptions(address, options, this.#defaults)
      await this.#client.publishAsync(address, asBuffer(payload), wire)
    } catch (error) {
      throw sendFailed(address, error)
    }
  }

  /** Resolves when the broker has answered, or when it will not. */
  async #unsubscribe(filter: string): Promise<void> {
    const answered = this.#client.unsubscribeAsync(filter).catch(() => undefined)
    if (this.#client.connected) await answered
  }

  #listen(): () => void {
    const client = this.#client
    const connected = (): void => this.#status.up(client)
    const closed = (): void => this.#status.down(client)
    const failed = (error: Error): void => this.#status.report(connectionFailed(error))
    const arrived = (topic: string, _payload: unknown, packet: IPublishPacket): void => {
      for (const { handler } of this.#subscriptions.takersOf({ ...packet, topic })) {
        void this.#call(handler, { ...packet, topic })
      }
    }
    if (client.connected) connected()
    client.on('connect', connected).on('close', closed).on('error', failed).on('message', arrived)
    return () => {
      client.off('connect', connected).off('close', closed)
      client.off('error', failed).off('message', arrived)
    }
  }

  async #call(handler: MessageHandler, packet: IPublishPacket): Promise<void> {
    try {
      await handler(receivedFrom(packet, packet.dup, { acknowledge: () => Promise.resolve() }))
    } catch (error) {
      this.#status.report(error)
    }
  }
}
