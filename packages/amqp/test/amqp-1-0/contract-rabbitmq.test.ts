// SPDX-License-Identifier: Apache-2.0
/** The contract of a transport over RabbitMQ's plugin for AMQP 1.0, and the promise of delivery through outages. */
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { connect } from 'amqplib'
import { amqpTransport } from '@waxwing/amqp'
import {
  describeTransport,
  ProxiedEndpoints,
  rabbitmqAvailable,
  requireOrSkip,
  startRabbitmq,
  type DeadLetter,
  type Rabbitmq,
} from '@waxwing/testkit'
import { runOutages, type OutagePlan } from '@waxwing/testkit/outages'

/** With 0-9-1 there are more of them, over the same broker and the same queues. */
const OUTAGES: OutagePlan = { messages: 300, stops: 2, cuts: 8 }

requireOrSkip('rabbitmq-server', rabbitmqAvailable())('AMQP 1.0 over RabbitMQ', () => {
  let broker: Rabbitmq

  beforeAll(async () => {
    broker = await startRabbitmq({ plugins: ['rabbitmq_amqp1_0'] })
  })

  afterAll(() => broker.close())

  describeTransport(
    'amqp 1.0: RabbitMQ',
    async () => {
      const endpoints = new ProxiedEndpoints(broker.port, (port, name) =>
        amqpTransport({
          protocol: '1.0',
          nodes: 'rabbitmq',
          url: `amqp://127.0.0.1:${port}`,
          reconnectMinMs: 50,
          deadLetters: true,
          ...(name === undefined ? {} : { name }),
        }),
      )
      onTestFinished(() => endpoints.close())
      return {
        open: endpoints.open,
        interrupt: endpoints.interrupt,
        vanish: endpoints.vanish,
        deadLetters: () => deadLettersOf(broker),
        maxUnacknowledged: 64,
        restart: async (meanwhile) => {
          await broker.leave()
          await meanwhile()
          await broker.comeBack()
        },
      }
    },
    {
      retained: 'AMQP 1.0 keeps nothing for late subscribers',
      history: 'AMQP 1.0 has no history here',
    },
  )

  it('keeps the promise of delivery through outages', { timeout: 240_000 }, async () => {
    const endpoints = new ProxiedEndpoints(broker.port, (port, name = 'nobody') =>
      amqpTransport({
        protocol: '1.0',
        nodes: 'rabbitmq',
        url: `amqp://127.0.0.1:${port}`,
        name,
        reconnectMinMs: 20,
        reconnectMaxMs: 200,
      }),
    )
    onTestFinished(() => endpoints.close())
    const net = {
      open: endpoints.open,
      cut: endpoints.interrupt,
      stop: () => broker.leave(),
      start: () => broker.comeBack(),
    }
    const report = await runOutages(net, OUTAGES)
    expect(report.problems).toEqual([])
    expect(report.published + report.uncertain).toBe(OUTAGES.messages + 2)
  })
})

/** All there are so far; they stay. */
async function deadLettersOf(broker: Rabbitmq): Promise<readonly DeadLetter[]> {
  const model = await connect(broker.url)
  try {
    const channel = await model.createChannel()
    const found: DeadLetter[] = []
    for (;;) {
      const message = await channel.get('waxwing.dead')
      if (message === false) return found
      const reason: unknown = message.properties.headers?.['waxwing-reason']
      found.push({ payload: message.content, reason: String(reason) })
    }
  } finally {
    await model.close()
  }
}
