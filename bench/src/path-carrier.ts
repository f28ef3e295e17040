// SPDX-License-Identifier: Apache-2.0
/**
 * What carries messages from publish to handler: the transport of an endpoint, and the bare client
 * library in the same shape, its sends confirmed and its messages acknowledged as well.
 *
 * @module
 */

import { jetstream, jetstreamManager, type JsMsg } from '@nats-io/jetstream'
import { connect as connectNats } from '@nats-io/transport-node'
import { amqpTransport } from '@waxwing/amqp'
import type { Transport } from '@waxwing/core'
import { mqttTransport } from '@waxwing/mqtt'
import { natsTransport } from '@waxwing/nats'
import amqplib from 'amqplib'
import mqtt from 'mqtt'

export type CarrierName = 'mqtt' | 'amqp' | 'nats'
/** Of MQTT; the others confirm each send and acknowledge each message. */
export type QualityOfService = 0 | 1

export interface Carrier {
  transport(url: string, qos: QualityOfService): Transport
  /** Returns what sends the payload once, and resolves when the broker has it. */
  publisher(
    url: string,
    address: string,
    qos: QualityOfService,
  ): Promise<(payload: Uint8Array) => Promise<unknown>>
  /** Calls `handle` for each message. Resolves once the broker knows. */
  reader(url: string, address: string, qos: QualityOfService, handle: () => void): Promise<void>
}

/** Messages that are unacknowledged at once, for a bare client that has to say so. */
const PREFETCH = 256
const EXCHANGE = 'amq.topic'

const overMqtt: Carrier = {
  transport: (url, qos) => mqttTransport({ url, qos }),
  async publisher(url, address, qos) {
    const client = await mqtt.connectAsync(url, { protocolVersion: 5 })
    return (payload) => client.publishAsync(address, Buffer.from(payload), { qos })
  },
  async reader(url, address, qos, handle) {
    const client = await mqtt.connectAsync(url, { protocolVersion: 5 })
    client.on('message', handle)
    await client.subscribeAsync(address, { qos })
  },
}

const overAmqp: Carrier = {
  transport: (url) => amqpTransport({ url, username: 'guest', password: 'guest' }),
  async publisher(url, address) {
    const channel = await (await amqplib.connect(withGuest(url))).createConfirmChannel()
    const key = address.replaceAll('/', '.')
    const options = { deliveryMode: 2 }
    return (payload) =>
      new Promise<void>((resolve, reject) => {
        channel.publish(EXCHANGE, key, Buffer.from(payload), options, (error: unknown) => {
          if (error === null) resolve()
          else reject(new Error('not confirmed', { cause: error }))
        })
      })
  },
  async reader(url, address, _qos, handle) {
    const channel = await (await amqplib.connect(withGuest(url))).createChannel()
    const { queue } = await channel.assertQueue('', { durable: true, expires: 300_000 })
    await channel.bindQueue(queue, EXCHANGE, address.replaceAll('/', '.'))
    await channel.prefetch(PREFETCH)
    await channel.consume(queue, (message) => {
      if (message === null) return
      channel.ack(message)
      handle()
    })
  },
}

const BARE_STREAM = 'BARE'

const overNats: Carrier = {
  transport: (url) => natsTransport({ url }),
  async publisher(url, address) {
    const js = jetstream(await connectNats({ servers: url }))
    const subject = address.replaceAll('/', '.')
    return (payload) => js.publish(subject, payload)
  },
  async reader(url, address, _qos, handle) {
    const connection = await connectNats({ servers: url })
    const manager = await jetstreamManager(connection)
    const subject = address.replaceAll('/', '.')
    await manager.streams.add({ name: BARE_STREAM, subjects: [subject] })
    const { name } = await manager.consumers.add(BARE_STREAM, {
      ack_policy: 'explicit',
      filter_subject: subject,
      inactive_threshold: 300e9,
    })
    const consumer = await jetstream(connection).consumers.get(BARE_STREAM, name)
    const callback = (message: JsMsg): void => {
      message.ack()
      handle()
    }
    await consumer.consume({ max_messages: PREFETCH, callback })
  },
}

const CARRIERS: Readonly<Record<CarrierName, Carrier>> = {
  mqtt: overMqtt,
  amqp: overAmqp,
  nats: overNats,
}

export function carrierOf(name: CarrierName): Carrier {
  return CARRIERS[name]
}

function withGuest(url: string): string {
  return url.replace('://', '://guest:guest@')
}
