// SPDX-License-Identifier: Apache-2.0
/**
 * What brokers and archives hold, read by the libraries that everybody uses, and not by Waxwing: the
 * SHA-256 of each payload, in order.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect as connectNats } from '@nats-io/transport-node'
import { connect as connectAmqp } from 'amqplib'
import mqtt from 'mqtt'
import { onTestFinished } from 'vitest'
import { decodeObject, readArchive } from '@waxwing/core'

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** All that is published at a broker of MQTT from now on. */
export async function mqttTap(url: string, filter: string): Promise<readonly string[]> {
  const sums: string[] = []
  const client = await mqtt.connectAsync(url, { protocolVersion: 5 })
  onTestFinished(() => client.endAsync(true))
  client.on('message', (_topic, payload) => void sums.push(sha256(payload)))
  await client.subscribeAsync(filter, { qos: 1 })
  return sums
}

/** All that comes to a stream of RabbitMQ, from its beginning on. */
export async function streamTap(url: string, stream: string): Promise<readonly string[]> {
  const sums: string[] = []
  const model = await connectAmqp(url)
  model.on('error', () => undefined)
  onTestFinished(() => model.close().catch(() => undefined))
  const channel = await model.createChannel()
  await channel.prefetch(100)
  await channel.consume(
    stream,
    (message) => {
      if (message === null) return
      channel.ack(message)
      const isMark = message.properties.headers?.['waxwing-end'] !== undefined
      if (!isMark) sums.push(sha256(message.content))
    },
    { arguments: { 'x-stream-offset': 'first' } },
  )
  return sums
}

/** All that is in a stream of NATS. */
export async function natsStored(url: string, stream: string): Promise<readonly string[]> {
  const connection = await connectNats({ servers: url })
  try {
    const { state } = await (await jetstreamManager(connection)).streams.info(stream)
    if (state.messages === 0) return []
    const sums: string[] = []
    const consumer = await jetstream(connection).consumers.get(stream)
    for await (const message of await consumer.consume()) {
      sums.push(sha256(message.data))
      if (message.info.pending === 0) break
    }
    return sums
  } finally {
    await connection.close()
  }
}

/** All objects in an archive. */
export async function archived(path: string): Promise<readonly string[]> {
  const sums: string[] = []
  for await (const { item } of readArchive(createReadStream(path))) {
    if (isObject(item)) sums.push(sha256(item))
  }
  return sums
}

function isObject(item: Uint8Array): boolean {
  try {
    decodeObject(item)
    return true
  } catch {
    return false // a control message
  }
}
