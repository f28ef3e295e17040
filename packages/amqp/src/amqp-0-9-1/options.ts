// SPDX-License-Identifier: Apache-2.0
/**
 * The options of AMQP 0-9-1: exchanges, queues, dead letters and streams, their defaults and checks.
 *
 * @module
 */

import { assertRanges, LONGEST_MS } from '@waxwing/transport-kit'
import {
  resolveConnection,
  type AmqpConnectionOptions,
  type ResolvedConnection,
} from '../options.js'

/** A value in a table of arguments or headers. */
export type AmqpValue = string | number | boolean

/** Where data goes. */
export interface DataExchange {
  /** Default `amq.topic`, where RabbitMQ's MQTT plugin publishes too. */
  readonly name?: string
  /**
   * Default `topic`. `direct` takes filters without wildcards. With `fanout` and `headers` each queue
   * gets more than its filter wants; the rest is acknowledged unseen.
   */
  readonly type?: 'topic' | 'direct' | 'fanout' | 'headers'
  /** Default `true`. */
  readonly durable?: boolean
  /** `false`: it must be there. Default `true`, except for names that begin with `amq.`. */
  readonly declare?: boolean
  /** With `headers`: what the queue of a filter is bound with. Default: nothing, which binds it to all. */
  readonly bindingArguments?: (filter: string) => Readonly<Record<string, AmqpValue>>
}

/** Where messages go that nobody here can ever use. */
export interface DeadLetters {
  /** A durable topic exchange. Default `waxwing.dead`. */
  readonly exchange?: string
  /** A durable queue that keeps all of them. Default `waxwing.dead`. */
  readonly queue?: string
}

/** Streams that hold the retained messages of control, and, with `.data` after the name, of data. */
export interface RetainedStream {
  /** Default `waxwing.retained`. */
  readonly name?: string
  /** Beyond this many bytes the oldest messages go, whatever their address. Default 64 MiB. */
  readonly maxLengthBytes?: number
}

/** A stream that records data, for `replay`. */
export interface HistoryStream {
  /** The stream's name, for example `waxwing.history`. */
  readonly stream: string
  /** What it records, where this transport declares it. Default `['#']`. */
  readonly filters?: readonly string[]
  /** Older messages go, as whole segments of the stream. Default: no limit. */
  readonly maxAgeSeconds?: number
  /** Beyond this many bytes the oldest go. Default: no limit. */
  readonly maxLengthBytes?: number
  /** `false`: it must be there, bound to the exchange by whoever made it. Default `true`. */
  readonly declare?: boolean
}

export interface Amqp091Options extends AmqpConnectionOptions {
  readonly protocol?: '0-9-1'
  readonly exchange?: DataExchange
  /** A durable topic exchange for control messages. Default `waxwing.control`. */
  readonly controlExchange?: string
  /** Of the queues of a session or a group. Default `quorum`. */
  readonly queueType?: 'quorum' | 'classic'
  /** Further arguments of the queues of data, for example `x-max-priority` with `classic`. */
  readonly queueArguments?: Readonly<Record<string, AmqpValue>>
  /**
   * After this time without a consumer the broker removes the queue of a session or a group with what is
   * in it. Default 7 days.
   */
  readonly sessionExpirySeconds?: number
  /** So often a message may come again before it becomes a dead letter. Needs `quorum`. */
  readonly deliveryLimit?: number
  /** `true`: with the default names. Default: none, and messages have no `reject`. */
  readonly deadLetters?: boolean | DeadLetters
  /** `false`: nothing is retained, as where the broker has no streams. */
  readonly retainedStream?: false | RetainedStream
  /** Default: no history. */
  readonly history?: HistoryStream
}

export interface Resolved091 extends ResolvedConnection<
  Omit<Amqp091Options, 'exchange' | 'deadLetters' | 'retainedStream' | 'history'>
> {
  readonly virtualHost: string
  readonly exchange: Required<DataExchange>
  readonly controlExchange: string
  readonly queueType: 'quorum' | 'classic'
  readonly sessionExpirySeconds: number
  readonly deadLetters: Required<DeadLetters> | undefined
  readonly retainedStream: Required<RetainedStream> | undefined
  readonly history: (HistoryStream & { readonly filters: readonly string[] }) | undefined
}

/** RabbitMQ reports a smaller limit of a stream as another argument: there is one default. */
const RETAINED_BYTES = 64 * 1024 * 1024
const MAX_SECONDS = Math.floor(LONGEST_MS / 1_000)

/** Fills in the defaults. @throws {TypeError | RangeError} Naming the option that is wrong. */
export function resolve091(options: Amqp091Options): Resolved091 {
  const { exchange = {}, deadLetters, retainedStream = {}, history, ...rest } = options
  assertRanges(options, { sessionExpirySeconds: [1, MAX_SECONDS], deliveryLimit: [1, 65_535] })
  const { queueType = 'quorum' } = options
  if (options.deliveryLimit !== undefined && queueType !== 'quorum') {
    throw new TypeError('deliveryLimit needs the queueType quorum')
  }
  const connection = resolveConnection(rest)
  return {
    ...connection,
    virtualHost: virtualHostOf(connection.endpoint),
    exchange: resolveExchange(exchange),
    controlExchange: options.controlExchange ?? 'waxwing.control',
    queueType,
    sessionExpirySeconds: options.sessionExpirySeconds ?? 7 * 86_400,
    deadLetters: resolveDeadLetters(deadLetters),
    retainedStream: retainedStream === false ? undefined : resolveRetained(retainedStream),
    history: history === undefined ? undefined : resolveHistory(history),
  }
}

function virtualHostOf({ pathname }: URL): string {
  try {
    const path = decodeURIComponent(pathname.slice(1))
    return path === '' ? '/' : path
  } catch {
    throw new TypeError('url must have a path that is a virtual host, percent-encoded')
  }
}

function resolveExchange(exchange: DataExchange): Required<DataExchange> {
  const { name = 'amq.topic', type = 'topic', durable = true } = exchange
  if (name === '') throw new TypeError('exchange.name must not be empty')
  if (!['topic', 'direct', 'fanout', 'headers'].includes(type)) {
    throw new TypeError('exchange.type must be topic, direct, fanout or headers')
  }
  if (exchange.bindingArguments !== undefined && type !== 'headers') {
    throw new TypeError('exchange.bindingArguments needs the type headers')
  }
  const { declare = !name.startsWith('amq.'), bindingArguments = () => ({}) } = exchange
  return { name, type, durable, declare, bindingArguments }
}

function resolveDeadLetters(
  deadLetters: boolean | DeadLetters = false,
): Required<DeadLetters> | undefined {
  if (deadLetters === false) return undefined
  const defaults = { exchange: 'waxwing.dead', queue: 'waxwing.dead' }
  return deadLetters === true ? defaults : { ...defaults, ...deadLetters }
}

function resolveRetained(stream: RetainedStream): Required<RetainedStream> {
  assertRanges(stream, { maxLengthBytes: [1_048_576, Number.MAX_SAFE_INTEGER] })
  return { name: 'waxwing.retained', maxLengthBytes: RETAINED_BYTES, ...stream }
}

function resolveHistory(history: HistoryStream): NonNullable<Resolved091['history']> {
  const { stream, filters = ['#'] } = history
  if (typeof stream !== 'string' || stream === '') {
    throw new TypeError('history.stream must be the name of a stream')
  }
  assertRanges(history, {
    maxAgeSeconds: [1, Number.MAX_SAFE_INTEGER],
    maxLengthBytes: [1_048_576, Number.MAX_SAFE_INTEGER],
  })
  return { ...history, filters }
}
