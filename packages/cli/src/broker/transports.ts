// SPDX-License-Identifier: Apache-2.0
/**
 * The transport for each kind of broker, from its URL and the credentials for it.
 *
 * @module
 */

import { readFileSync } from 'node:fs'
import { amqpTransport } from '@waxwing/amqp'
import { coapTransport } from '@waxwing/coap'
import type { Transport } from '@waxwing/core'
import { mqttTransport } from '@waxwing/mqtt'
import { natsTransport } from '@waxwing/nats'
import { UsageError } from '../exit-codes.js'
import { oneOf, wholeNumber } from '../wishes.js'
import { parseBroker, type BrokerKind, type BrokerUrl } from './url.js'

const CLOSE_TIMEOUT_MS = 2000

/** How one broker is reached. */
export interface BrokerAccess {
  /** Its scheme says which transport it is. */
  readonly url: string
  readonly protocolVersion?: 4 | 5 | undefined
  /** Names what the broker keeps for this client while it is away. Default: nothing is kept. */
  readonly session?: string | undefined
  readonly username?: string | undefined
  /** Asked for at each connection, where there is a user name. */
  readonly password?: () => string
  /** Data messages that may be unacknowledged at once. Default: the transport's. */
  readonly maxUnacknowledged?: number | undefined
  /** The longest payload that is taken and sent. Default: the transport's. */
  readonly maxPayloadBytes?: number | undefined
  /** Files, in PEM. */
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
}

type Opening = (url: BrokerUrl, access: BrokerAccess) => Transport

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
  amqp: (url, access) => {
    const stream = url.settings.get('history')
    return amqpTransport({
      url: url.address,
      ...shared(access),
      ...named(access),
      ...ofRabbitmq(url),
      ...(stream === undefined ? {} : { history: { stream } }),
    })
  },
  amqp1: (url, access) => {
    return amqpTransport({
      protocol: '1.0',
      url: url.address.replace(/^amqp1/, 'amqp'),
      nodes: nodesOf(url),
      ...shared(access),
      ...named(access),
      ...ofRabbitmq(url),
      ...setting(url, 'inbox', ['node', 'dynamic'] as const),
    })
  },
  nats: (url, access) => {
    const [name, replicas] = [url.settings.get('stream'), url.settings.get('replicas')]
    const delivery = setting(url, 'delivery', ['jetstream', 'core'] as const)
    return natsTransport({
      url: url.address,
      ...shared(access),
      ...(delivery?.delivery === 'core' ? {} : named(access)), // nothing is kept: there is nothing to name
      ...(name === undefined ? {} : { stream: { name } }),
      ...(replicas === undefined ? {} : { replicas: wholeNumber(replicas, 'replicas') }),
      ...delivery,
    })
  },
}

/**
 * Begins to connect; a broker of CoAP is asked when there is something to ask.
 *
 * @throws {UsageError} If the URL, or what it says, is wrong.
 */
export function openBroker(access: BrokerAccess): Transport {
  const url = parseBroker(access.url)
  return OPENINGS[url.kind](url, access)
}

interface Shared {
  readonly closeTimeoutMs: number
  readonly maxUnacknowledged?: number
  readonly maxPayloadBytes?: number
  readonly username?: string
  readonly password?: () => string
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string }
}

/** What all transports with connections call the same. */
function shared(access: BrokerAccess): Shared {
  const { username, password, maxUnacknowledged, maxPayloadBytes, ...files } = access
  return {
    closeTimeoutMs: CLOSE_TIMEOUT_MS,
    ...(maxPayloadBytes === undefined ? {} : { maxPayloadBytes }),
    ...(maxUnacknowledged === undefined ? {} : { maxUnacknowledged }),
    ...(username === undefined ? {} : { username }),
    ...(username === undefined || password === undefined ? {} : { password }),
    ...tlsOf(files),
  }
}

function named({ session }: BrokerAccess): { readonly name?: string } {
  return session === undefined ? {} : { name: session }
}

function tlsOf({ ca, cert, key }: Pick<BrokerAccess, 'ca' | 'cert' | 'key'>): Pick<Shared, 'tls'> {
  if (ca === undefined && cert === undefined && key === undefined) return {}
  return {
    tls: {
      ...(ca === undefined ? {} : { ca: readFileSync(ca, 'utf8') }),
      ...(cert === undefined ? {} : { cert: readFileSync(cert, 'utf8') }),
      ...(key === undefined ? {} : { key: readFileSync(key, 'utf8') }),
    },
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
  const type = setting(url, 'type', EXCHANGE_TYPES)
  const queues = setting(url, 'queues', ['quorum', 'classic'] as const)
  return {
    ...(name === undefined && type === undefined
      ? {}
      : { exchange: { ...(name === undefined ? {} : { name }), ...type } }),
    ...(queues === undefined ? {} : { queueType: queues.queues }),
    ...(dead === undefined ? {} : { deadLetters: { exchange: dead, queue: dead } }),
  }
}

function nodesOf(url: BrokerUrl): 'rabbitmq' | 'plain' {
  const nodes = setting(url, 'nodes', ['rabbitmq', 'plain'] as const)
  if (nodes !== undefined) return nodes.nodes
  throw new UsageError(
    `say what addresses are at this broker: ${url.address}?nodes=rabbitmq, or ?nodes=plain ` +
      'where each address is a queue; a wrong guess would send messages where nobody looks',
  )
}

/** A setting that is one of few, under its name. @throws {UsageError} If it is another. */
function setting<Name extends string, Value extends string>(
  { settings }: BrokerUrl,
  name: Name,
  values: readonly Value[],
): { [name in Name]: Value } | undefined {
  const text = settings.get(name)
  if (text === undefined) return undefined
  return { [name]: oneOf(values, text, `${name}=`) } as { [name in Name]: Value }
}
