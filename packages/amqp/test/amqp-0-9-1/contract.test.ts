// SPDX-License-Identifier: Apache-2.0
/**
 * The contract over RabbitMQ by AMQP 0-9-1, with quorum queues and, where it makes a difference, with classic
 * ones; then outages.
 */
import { connect } from 'amqplib'
import { afterAll, beforeAll } from 'vitest'
import { amqpTransport } from '@waxwing/amqp'
import {
  describeTransportParts,
  ProxiedEndpoints,
  rabbitmqAvailable,
  requireOrSkip,
  startRabbitmq,
  type DeadLetter,
  type Rabbitmq,
  type TransportPart,
} from '@waxwing/testkit'
import { describeOutages } from './outages.js'

/** Where a queue keeps, returns or shares messages; carriage, history and the rest know nothing of its type. */
const QUEUE_PARTS: readonly TransportPart[] = [
  'delivery',
  'interruption',
  'groups',
  'rejection',
  'restart',
]
const OTHER_PARTS: readonly TransportPart[] = ['carriage', 'lifecycle', 'credit', 'history']

const describeWithRabbitmq = requireOrSkip('rabbitmq', rabbitmqAvailable())

describeWithRabbitmq('AMQP 0-9-1', () => {
  let broker: Rabbitmq

  beforeAll(async () => {
    broker = await startRabbitmq()
  })

  afterAll(() => broker.close())

  describeQueues('quorum', [...QUEUE_PARTS, ...OTHER_PARTS], () => broker)
  describeQueues('classic', QUEUE_PARTS, () => broker)
  describeOutages(() => broker) // when nothing else is left in its queues
})

function describeQueues(
  queueType: 'quorum' | 'classic',
  parts: readonly TransportPart[],
  broker: () => Rabbitmq,
): void {
  let endpoints: ProxiedEndpoints
  let testCount = 0

  beforeAll(() => {
    endpoints = new ProxiedEndpoints(broker().port, (port, name) =>
      amqpTransport({
        url: `amqp://127.0.0.1:${port}`,
        queueType,
        reconnectMinMs: 50,
        deadLetters: { exchange: `dead-${queueType}`, queue: `dead-${queueType}` },
        // Another one for every few tests: a replay reads all that is in it.
        history: { stream: `history-${queueType}-${Math.floor(testCount / 16)}` },
        ...(name === undefined ? {} : { name }),
      }),
    )
  })

  afterAll(() => endpoints.close())

  describeTransportParts(`amqp 0-9-1, ${queueType} queues`, parts, async () => {
    testCount++
    return {
      open: endpoints.open,
      interrupt: endpoints.interrupt,
      vanish: endpoints.vanish,
      restart: async (meanwhile) => {
        await broker().leave()
        await meanwhile()
        await broker().comeBack()
      },
      deadLetters: () => deadLetters(broker().url, `dead-${queueType}`),
      maxUnacknowledged: 64,
    }
  })
}

/** All that is in the queue of dead letters; it stays there. */
async function deadLetters(url: string, queue: string): Promise<readonly DeadLetter[]> {
  const model = await connect(url)
  const channel = await model.createChannel()
  const found: DeadLetter[] = []
  for (;;) {
    const message = await channel.get(queue)
    if (message === false) break
    const reason: unknown = message.properties.headers?.['waxwing-reason']
    found.push({ payload: new Uint8Array(message.content), reason: String(reason) })
  }
  await model.close()
  return found
}
