// SPDX-License-Identifier: Apache-2.0
/**
 * The brokers over which something is tried for long, and a transport for each that comes back quickly.
 * RabbitMQ is stopped within its virtual machine, and NATS killed.
 *
 * @module
 */

import { amqpTransport } from '@waxwing/amqp'
import type { Transport } from '@waxwing/core'
import { mqttTransport } from '@waxwing/mqtt'
import { natsTransport } from '@waxwing/nats'
import { startMosquitto, startNats, startRabbitmq } from '@waxwing/testkit'

export interface CourseServer {
  readonly port: number
  stop(): Promise<void>
  /** Starts it again at the same port. */
  start(): Promise<void>
  close(): Promise<void>
}

export interface Course {
  serve(): Promise<CourseServer>
  /** @param session - What the broker keeps the session by. */
  open(port: number, session: string): Transport
}

const PAUSES = { reconnectMinMs: 20, reconnectMaxMs: 200 }

/** By name. */
export const COURSES: Readonly<Record<string, Course>> = {
  'MQTT, Mosquitto': {
    serve: () => startMosquitto({ persistence: true }),
    open: (port, clientId) =>
      mqttTransport({ url: `mqtt://127.0.0.1:${port}`, clientId, ...PAUSES }),
  },
  'AMQP 0-9-1, RabbitMQ': {
    serve: () => rabbitmq([]),
    open: (port, name) => amqpTransport({ url: `amqp://127.0.0.1:${port}`, name, ...PAUSES }),
  },
  'AMQP 1.0, RabbitMQ': {
    serve: () => rabbitmq(['rabbitmq_amqp1_0']),
    open: (port, name) =>
      amqpTransport({
        protocol: '1.0',
        nodes: 'rabbitmq',
        url: `amqp://127.0.0.1:${port}`,
        name,
        ...PAUSES,
      }),
  },
  'JetStream, NATS': {
    async serve() {
      const server = await startNats()
      return {
        port: server.port,
        stop: () => server.stop('SIGKILL'),
        start: () => server.start(),
        close: () => server.close(),
      }
    },
    open: (port, name) =>
      natsTransport({ url: `nats://127.0.0.1:${port}`, name, ackWaitMs: 3_000, ...PAUSES }),
  },
}

/** @throws {RangeError} If there is none of this name. */
export function courseOf(name: string): Course {
  const course = COURSES[name]
  if (course === undefined) throw new RangeError(`there is no course over ${name}`)
  return course
}

async function rabbitmq(plugins: readonly 'rabbitmq_amqp1_0'[]): Promise<CourseServer> {
  const broker = await startRabbitmq({ plugins })
  return {
    port: broker.port,
    stop: () => broker.leave(),
    start: () => broker.comeBack(),
    close: () => broker.close(),
  }
}
