// SPDX-License-Identifier: Apache-2.0
/**
 * The options of AMQP 1.0, besides those that both versions have.
 *
 * @module
 */

import { resolve091, type Amqp091Options, type Resolved091 } from '../amqp-0-9-1/options.js'
import {
  resolveConnection,
  type AmqpConnectionOptions,
  type ResolvedConnection,
} from '../options.js'

/** Which node of a broker an address or a filter is. */
export interface AmqpNodes {
  /** The node that takes what is sent to an address. */
  target(address: string): string
  /**
   * The node that has what matches a filter, without `$share/group/`.
   *
   * @throws {WaxwingError} `ERR_UNSUPPORTED` if there is none, for wildcards for example.
   */
  source(filter: string): string
}

/** Exchanges and queues of RabbitMQ, as with 0-9-1: endpoints that say the same of them meet. */
type RabbitmqOptions = Pick<
  Amqp091Options,
  | 'exchange'
  | 'controlExchange'
  | 'queueType'
  | 'queueArguments'
  | 'sessionExpirySeconds'
  | 'deliveryLimit'
  | 'deadLetters'
>

export interface Amqp10Options extends AmqpConnectionOptions, RabbitmqOptions {
  readonly protocol: '1.0'
  /**
   * How the broker names its nodes; AMQP 1.0 leaves that open, and a wrong guess would send messages
   * where nobody looks. `'rabbitmq'`: RabbitMQ before 4.0, with exchanges, and queues that are made
   * ready by 0-9-1 on the same port. `'plain'`: a node is named as the address is, and is a queue: there
   * are no wildcards, and several receivers share what comes. Or two functions.
   */
  readonly nodes: 'rabbitmq' | 'plain' | AmqpNodes
  /**
   * Of data. `'at-least-once'` (default): settled when it was handled. `'at-most-once'`: settled when it is
   * sent, by this side and by the broker; what is on its way when a connection breaks is lost. Control
   * messages are always sent at least once.
   */
  readonly settlement?: 'at-least-once' | 'at-most-once'
  /**
   * `'dynamic'`: the broker is asked for a node of its own making for the own inbox, besides the usual one,
   * and control messages say its name, so that answers come there; and what others say of theirs is
   * believed. Default `'node'`: the usual one alone.
   */
  readonly inbox?: 'node' | 'dynamic'
}

export type ResolvedOptions = ResolvedConnection<Amqp10Options> & {
  /** With `nodes: 'rabbitmq'`. */
  readonly rabbitmq: Resolved091 | undefined
  readonly settlement: 'at-least-once' | 'at-most-once'
  readonly inbox: 'node' | 'dynamic'
  /** What stands in the open frame: with RabbitMQ, the virtual host. */
  readonly hostname: string
}

const CHOICES = {
  settlement: ['at-least-once', 'at-most-once'],
  inbox: ['node', 'dynamic'],
} as const

/** Fills in the defaults. @throws {TypeError | RangeError} Naming the option that is wrong. */
export function resolveOptions(options: Amqp10Options): ResolvedOptions {
  assertNodes(options.nodes)
  for (const [name, choices] of Object.entries(CHOICES)) {
    const value = options[name as keyof typeof CHOICES]
    if (value !== undefined && !(choices as readonly string[]).includes(value)) {
      throw new TypeError(`${name} must be one of: ${choices.join(', ')}`)
    }
  }
  const resolved = resolveConnection(options)
  return {
    settlement: 'at-least-once',
    inbox: 'node',
    ...resolved,
    rabbitmq: resolveRabbitmq(options),
    hostname: hostnameOf(resolved.endpoint, options.nodes),
  }
}

const RABBITMQ_OPTIONS = ['exchange', 'controlExchange', 'queueType', 'queueArguments'].concat(
  'sessionExpirySeconds',
  'deliveryLimit',
  'deadLetters',
)

function resolveRabbitmq(options: Amqp10Options): Resolved091 | undefined {
  const { protocol, ...others } = options
  if (options.nodes === 'rabbitmq') return resolve091({ ...others, retainedStream: false })
  const given = RABBITMQ_OPTIONS.find((name) => Reflect.get(options, name) !== undefined)
  if (given === undefined) return undefined
  throw new TypeError(`${given} needs nodes: 'rabbitmq' (AMQP ${protocol})`)
}

function assertNodes(nodes: unknown): void {
  if (nodes === 'rabbitmq' || nodes === 'plain') return
  const { target, source } = (nodes ?? {}) as Partial<Record<keyof AmqpNodes, unknown>>
  if (typeof target === 'function' && typeof source === 'function') return
  throw new TypeError("nodes must be 'rabbitmq', 'plain', or { target, source } (AMQP 1.0)")
}

function hostnameOf(endpoint: URL, nodes: Amqp10Options['nodes']): string {
  const path = decodeURIComponent(endpoint.pathname.slice(1))
  if (path === '') return endpoint.hostname
  if (nodes === 'rabbitmq') return `vhost:${path}`
  throw new TypeError("url must not have a path, except with nodes: 'rabbitmq'")
}
