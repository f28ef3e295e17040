// SPDX-License-Identifier: Apache-2.0
/** The stories over RabbitMQ by AMQP 0-9-1. */
import { connect } from 'amqplib'
import { amqpTransport } from '@waxwing/amqp'
import { describeStories, type Net } from '@waxwing/testkit/stories'
import { addressOf } from '../../src/names.js'
import { unique, type Broker } from './stage.js'

export function describeStoriesByQueue(broker: Broker): void {
  describeStories('RabbitMQ by AMQP 0-9-1', () => openNet(broker().url))
}

/** Exchanges and streams of its own for each story, with a client that writes down all that they carry. */
async function openNet(url: string): Promise<Net> {
  const story = unique()
  const exchange = { name: `${story}.data` }
  const controlExchange = `${story}.control`
  const carried: { address: string; payload: Uint8Array }[] = []
  const model = await connect(url)
  const channel = await model.createChannel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  for (const name of [exchange.name, controlExchange]) {
    await channel.assertExchange(name, 'topic', { durable: true })
    await channel.bindQueue(queue, name, '#')
  }
  const witness = (message: { fields: { routingKey: string }; content: Buffer } | null): void => {
    if (message === null) return
    const { fields, content } = message
    carried.push({ address: addressOf(fields.routingKey), payload: new Uint8Array(content) })
  }
  await channel.consume(queue, witness, { noAck: true })
  return {
    transport: async (clientId) =>
      amqpTransport({
        url,
        name: `${story}-${clientId.replaceAll(' ', '-')}`,
        exchange,
        controlExchange,
        retainedStream: { name: `${story}.retained` },
      }),
    carried: () => carried,
    close: () => model.close(),
  }
}
