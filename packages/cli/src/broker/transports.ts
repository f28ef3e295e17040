// SPDX-License-Identifier: Apache-2.0
/**
 * The transport for each kind of broker, from its URL and the credentials for it. What most commands do
 * without is loaded when it is wanted.
 *
 * @module
 */

import { coapTransport } from '@waxwing/coap'
import type { Transport } from '@waxwing/core'
import { mqttTransport } from '@waxwing/mqtt'
import { UsageError } from '../exit-codes.js'
import { wholeNumber } from '../wishes.js'
import { CLOSE_TIMEOUT_MS, named, shared, type BrokerAccess, type Opening } from './access.js'
import { MEDIUM_OPENINGS } from './mediums.js'
import { choice } from './setting-values.js'
import { parseBroker, type BrokerKind, type BrokerUrl } from './url.js'

export type { BrokerAccess } from './access.js'

const OPENINGS: Readonly<Record<BrokerKind, Opening>> = {
  mqtt: ({ address }, access) => {
    const { protocolVersion, session, ...rest } = access
    return mqttTransport({
      url: address,
      ...shared(rest),
      ...(protocolVersion === undefined ? {} : { protocolVersion }),
      ...(session === undefined ? {} : { clientId: session }),
    })
  },
  coap: ({ address }, { maxPayloadBytes }) =>
    coapTransport({
      url: address,
      closeTimeoutMs: CLOSE_TIMEOUT_MS,
      ...(maxPayloadBytes === undefined ? {} : { maxPayloadBytes }),
    }),
  amqp: async (url, access) => {
    const { amqpTransport } = await import('@waxwing/amqp')
    const stream = url.settings.get('history')
    return amqpTransport({
      url: url.address,
      ...shared(access),
      ...named(access),
      ...ofRabbitmq(url),
      ...(stream === undefined ? {} : { history: { stream } }),
    })
  },
  amqp1: async (url, access) => {
    const { amqpTransport } = await import('@waxwing/amqp')
    return amqpTransport({
      protocol: '1.0',
      url: url.address.replace(/^amqp1/, 'amqp'),
      nodes: nodesOf(url),
      ...shared(access),
      ...named(access),
      ...ofRabbitmq(url),
      ...choice(url, 'inbox', ['node', 'dynamic'] as const),
    })
  },
  nats: async (url, access) => {
    const { natsTransport } = await import('@waxwing/nats')
    const [name, replicas] = [url.settings.get('stream'), url.settings.get('replicas')]
    const delivery = choice(url, 'delivery', ['jetstream', 'core'] as const)
    return natsTransport({
      url: url.address,
      ...shared(access),
      ...(delivery?.delivery === 'core' ? {} : named(access)), // nothing is kept: there is nothing to name
      ...(name === undefined ? {} : { stream: { name } }),
      ...(replicas === undefined ? {} : { replicas: wholeNumber(replicas, 'replicas') }),
      ...delivery,
    })
  },
  ...MEDIUM_OPENINGS,
}

/**
 * Begins to connect; a broker of CoAP is asked when there is something to ask.
 *
 * @throws {UsageError} If the URL, or what it says, is wrong.
 */
export async function openBroker(access: BrokerAccess): Promise<Transport> {
  const url = parseBroker(access.url)
  try {
    return await OPENINGS[url.kind](url, access)
  } catch (error) {
    const isWrong = error instanceof TypeError || error instanceof RangeError
    throw isWrong ? new UsageError(`${access.url}: ${error.message}`) : error
  }
}

const EXCHANGE_TYPES = ['topic', 'direct', 'fanout', 'headers'] as const

interface OfRabbitmq {
  readonly exchange?: { readonly name?: string; readonly type?: (typeof EXCHANGE_TYPES)[number] }
  readonly queueType?: 'quorum' | 'classic'
  readonly deadLetters?: { readonly exchange: string; readonly queue: string }
}

function ofRabbitmq(url: BrokerUrl): OfRabbitmq {
  const [name, dead] = [url.settings.get('exchange'), url.settings.get('dead')]
  const type = choice(url, 'type', EXCHANGE_TYPES)
  const queues = choice(url, 'queues', ['quorum', 'classic'] as const)
  return {
    ...(name === undefined && type === undefined
      ? {}
      : { exchange: { ...(name === undefined ? {} : { name }), ...type } }),
    ...(queues === undefined ? {} : { queueType: queues.queues }),
    ...(dead === undefined ? {} : { deadLetters: { exchange: dead, queue: dead } }),
  }
}

function nodesOf(url: BrokerUrl): 'rabbitmq' | 'plain' {
  const nodes = choice(url, 'nodes', ['rabbitmq', 'plain'] as const)
  if (nodes !== undefined) return nodes.nodes
  throw new UsageError(
    `say what addresses are at this broker: ${url.address}?nodes=rabbitmq, or ?nodes=plain ` +
      'where each address is a queue; a wrong guess would send messages where nobody looks',
  )
}
