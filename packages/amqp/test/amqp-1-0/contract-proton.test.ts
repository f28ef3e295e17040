// SPDX-License-Identifier: Apache-2.0
/** The contract of a transport over a broker of plain queues (Qpid Proton). */
import rhea, { type EventContext } from 'rhea'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { amqpTransport } from '@waxwing/amqp'
import {
  describeTransport,
  ProxiedEndpoints,
  protonAvailable,
  requireOrSkip,
  startProtonBroker,
  type DeadLetter,
  type ProtonBroker,
} from '@waxwing/testkit'

requireOrSkip('proton', protonAvailable())('AMQP 1.0 over plain queues', () => {
  let broker: ProtonBroker
  let rejected: DeadLetter[]

  beforeAll(async () => {
    broker = await startProtonBroker()
    rejected = collectRejected(broker)
  })

  afterAll(() => broker.close())

  describeTransport(
    'amqp 1.0: plain queues',
    async () => {
      const endpoints = new ProxiedEndpoints(broker.port, (port) =>
        amqpTransport({
          protocol: '1.0',
          nodes: 'plain',
          url: `amqp://127.0.0.1:${port}`,
          reconnectMinMs: 50,
        }),
      )
      onTestFinished(() => endpoints.close())
      return {
        open: endpoints.open,
        interrupt: endpoints.interrupt,
        vanish: endpoints.vanish,
        deadLetters: async () => rejected,
        maxUnacknowledged: 64,
      }
    },
    {
      retained: 'AMQP 1.0 keeps nothing for late subscribers',
      wildcards: 'these nodes are queues',
      'fan-out': 'these nodes are queues: who receives from one shares what comes',
      history: 'AMQP 1.0 has no history',
      restart: 'the queues of this broker are in memory',
    },
  )
})

/** Takes what the broker puts aside, with the reasons as subjects, for as long as the broker runs. */
function collectRejected({ port }: ProtonBroker): DeadLetter[] {
  const found: DeadLetter[] = []
  const connection = rhea.create_container().connect({ port, reconnect: false, host: '127.0.0.1' })
  connection.on('disconnected', () => undefined)
  connection.open_receiver('rejected').on('message', ({ message }: EventContext) => {
    const { subject, body } = message as { subject?: string; body: { content: Uint8Array } }
    found.push({ payload: body.content, reason: String(subject) })
  })
  return found
}
