// SPDX-License-Identifier: Apache-2.0
/** What the tests of one RabbitMQ share: transports that end with their test, and a client without manners. */
import { randomBytes } from 'node:crypto'
import { connect, type Channel, type ConfirmChannel } from 'amqplib'
import { onTestFinished } from 'vitest'
import type { TransportStatus } from '@waxwing/core'
import { amqpTransport, type Amqp091Options, type AmqpTransport } from '@waxwing/amqp'
import type { Rabbitmq } from '@waxwing/testkit'

export type Broker = () => Rabbitmq

export interface Opened {
  readonly transport: AmqpTransport
  /** The messages of all errors that it reported. */
  readonly errors: string[]
  readonly states: TransportStatus['state'][]
}

/** Opens a transport that is closed when the test ends. */
export function open(broker: Broker, options: Partial<Amqp091Options> = {}): Opened {
  const transport = amqpTransport({ url: broker().url, reconnectMinMs: 20, ...options })
  const [errors, states]: [string[], TransportStatus['state'][]] = [[], []]
  transport.onStatus((status) => {
    states.push(status.state)
    if (status.state === 'error') errors.push(String(status.error))
  })
  onTestFinished(() => transport.close())
  return { transport, errors, states }
}

/** A channel of a client that may do anything. */
export async function rawChannel(broker: Broker): Promise<Channel & ConfirmChannel> {
  const model = await connect(broker().url)
  model.on('error', () => undefined)
  onTestFinished(async () => {
    await model.close().catch(() => undefined)
  })
  const channel = await model.createConfirmChannel()
  channel.on('error', () => undefined)
  return channel
}

/** A name that no other test uses. */
export function unique(): string {
  return `t${randomBytes(6).toString('hex')}`
}

/** Bytes that say which message this is. */
export function bytes(...values: readonly number[]): Uint8Array {
  return Uint8Array.from(values)
}
