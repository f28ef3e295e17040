// SPDX-License-Identifier: Apache-2.0
/**
 * The options of the NATS transport: their defaults and their checks.
 *
 * @module
 */

import {
  assertRanges,
  CONNECTION_DEFAULTS,
  CONNECTION_RANGES,
  type ConnectionOptions,
  type OptionRanges,
} from '@waxwing/transport-kit'

/** A word, or what is called for it before each connection, which keeps it out of the options. */
export type Secret = string | (() => string | Promise<string>)

export interface NatsTlsOptions {
  /** PEM: whom to trust instead of the system's authorities. */
  readonly ca?: string | readonly string[]
  /** PEM: the client's own certificate and key. */
  readonly cert?: string
  readonly key?: string
  /** Default `true`. `false` lets anyone play the server. */
  readonly rejectUnauthorized?: boolean
  /** The name in the server's certificate, where it is not the host's. */
  readonly servername?: string
}

/** The stream that data are kept in. */
export interface NatsStreamOptions {
  /** Default `WAXWING_DATA`. */
  readonly name?: string
  /**
   * What the stream takes, if it has to be declared. Default: everything below the prefix. With subjects
   * of one's own, addresses are subjects, without a prefix.
   */
  readonly subjects?: readonly string[]
  /** Stands before every address. Default `waxwing.data` where neither name nor subjects are given. */
  readonly prefix?: string
  /** How long messages are kept; 0: for ever. Default 30 days. */
  readonly maxAgeSeconds?: number
  /** How much is kept; the oldest goes first. Default: as much as the server has room for. */
  readonly maxBytes?: number
  /** Default `file`. */
  readonly storage?: 'file' | 'memory'
  /** `false`: the stream has to be there. Default `true`. A stream that is there is never changed. */
  readonly declare?: boolean
}

export interface NatsTransportOptions extends ConnectionOptions {
  /** `nats:` or `tls:`, `tls:` being never without TLS. It must not contain credentials. */
  readonly url?: string
  /** Several servers of one cluster, instead of `url`; those that they know of are tried as well. */
  readonly servers?: readonly string[]
  readonly username?: string
  readonly password?: Secret
  readonly token?: Secret
  /** The seed of an nkey (`SU…`). */
  readonly nkeySeed?: Secret
  /** What a `.creds` file contains: a JWT and its seed. */
  readonly credentials?: Secret
  /** Makes TLS a must, whatever the scheme. */
  readonly tls?: NatsTlsOptions
  /**
   * `jetstream` (default): kept, acknowledged, redelivered, replayed. `core`: for servers without
   * JetStream, each message at most once, to whoever listens at that moment.
   */
  readonly delivery?: 'jetstream' | 'core'
  /**
   * Names a session that outlives the process: the server keeps what arrives meanwhile. 1 to 64 of
   * `A-Z a-z 0-9 . _ -`. Left out: what was not handled when the transport closes is lost, except for
   * inboxes.
   */
  readonly name?: string
  readonly stream?: NatsStreamOptions
  /** In how many servers of a cluster each stream is kept that is declared: 1 to 5. Default 1. */
  readonly replicas?: number
  /** Whether rejected messages are kept, in the stream `WAXWING_DEAD`. Default `true`. */
  readonly deadLetters?: boolean
  /** After so many seconds the server forgets a session that nobody uses. Default: never. */
  readonly inactiveSeconds?: number
  /** A message is given to another consumer when nobody was heard for this long. Default 30,000. */
  readonly ackWaitMs?: number
  /** How long JetStream may take to answer. Default 5,000. */
  readonly answerTimeoutMs?: number
  /** Both sides notice within two or three of these that the other one is gone. Default 60. */
  readonly keepAliveSeconds?: number
  /** Largest payload to send and to accept. Default 262,144; the server has a limit of its own. */
  readonly maxPayloadBytes?: number
  /** So many messages of one filter are handed over and not yet settled. 1 to 65,535. Default 64. */
  readonly maxUnacknowledged?: number
  /** How long `close` lets sends finish. Default 5,000. */
  readonly closeTimeoutMs?: number
}

/** What of a history is read. */
export interface NatsReplaySpan {
  readonly from?: Date
  readonly until?: Date
  /**
   * The first place in the stream, from 1. Each replayed message says its own in the property
   * `nats-sequence`: one more goes on behind it. Together with `from`, the later of both counts.
   */
  readonly fromSequence?: number
}

/** @throws {RangeError} If there is no such place. */
export function assertSpan({ fromSequence = 1 }: NatsReplaySpan): void {
  if (!Number.isSafeInteger(fromSequence) || fromSequence < 1) {
    throw new RangeError(`fromSequence must be an integer from 1 to 2^53 - 1, is ${fromSequence}`)
  }
}

type Numbers = Required<
  ConnectionOptions &
    Pick<
      NatsTransportOptions,
      'replicas' | 'ackWaitMs' | 'answerTimeoutMs' | 'keepAliveSeconds' | 'maxPayloadBytes'
    >
>

const NUMBERS: Numbers = {
  ...CONNECTION_DEFAULTS,
  replicas: 1,
  ackWaitMs: 30_000,
  answerTimeoutMs: 5_000,
  keepAliveSeconds: 60,
  maxPayloadBytes: 262_144,
}

const RANGES: OptionRanges = {
  ...CONNECTION_RANGES,
  replicas: [1, 5],
  inactiveSeconds: [1, 2 ** 31 - 1],
  ackWaitMs: [100, 3_600_000],
  answerTimeoutMs: [100, 600_000],
  keepAliveSeconds: [1, 3_600],
  maxPayloadBytes: [1, 64 * 1024 * 1024],
}

const STREAM_RANGES: OptionRanges = {
  maxAgeSeconds: [0, 2 ** 31 - 1],
  maxBytes: [1, Number.MAX_SAFE_INTEGER],
}

const THIRTY_DAYS = 30 * 86_400

/** The stream of data, completely. */
export interface ResolvedStream {
  readonly name: string
  /** Empty where the stream has to be there already. */
  readonly subjects: readonly string[]
  /** With its dot, or empty. */
  readonly prefix: string
  readonly maxAgeSeconds: number
  readonly maxBytes: number
  readonly storage: 'file' | 'memory'
  readonly declare: boolean
}

export type ResolvedOptions = Omit<NatsTransportOptions, 'stream'> &
  Numbers & {
    readonly hosts: readonly string[]
    readonly needsTls: boolean
    readonly delivery: 'jetstream' | 'core'
    readonly deadLetters: boolean
    readonly stream: ResolvedStream
  }

/** Fills in the defaults. @throws {TypeError | RangeError} Naming the option that is wrong. */
export function resolveOptions(options: NatsTransportOptions): ResolvedOptions {
  assertRanges(options, RANGES)
  const { name, delivery = 'jetstream', tls } = options
  if (name !== undefined && !/^[\w.-]{1,64}$/.test(name)) {
    throw new TypeError('name must be 1 to 64 of A-Z a-z 0-9 . _ -')
  }
  if (delivery !== 'jetstream' && delivery !== 'core') {
    throw new TypeError('delivery must be jetstream or core')
  }
  if (delivery === 'core') assertCore(options)
  assertCredentials(options)
  const endpoints = endpointsOf(options)
  return {
    ...NUMBERS,
    ...options,
    delivery,
    deadLetters: options.deadLetters ?? true,
    hosts: endpoints.map(({ host }) => host),
    needsTls: tls !== undefined || endpoints.some(({ protocol }) => protocol === 'tls:'),
    stream: resolveStream(options.stream ?? {}),
  }
}

/** What only JetStream can do. */
function assertCore(options: NatsTransportOptions): void {
  for (const option of ['name', 'stream', 'deadLetters', 'inactiveSeconds', 'ackWaitMs'] as const) {
    if (options[option] !== undefined) throw new TypeError(`${option} needs delivery: 'jetstream'`)
  }
}

function assertCredentials({ username, ...options }: NatsTransportOptions): void {
  if (options.password !== undefined && username === undefined) {
    throw new TypeError('password needs a username')
  }
  const ways = [username, options.token, options.nkeySeed, options.credentials]
  if (ways.filter((way) => way !== undefined).length > 1) {
    throw new TypeError('pass one of username, token, nkeySeed and credentials')
  }
}

function endpointsOf({ url, servers }: NatsTransportOptions): readonly URL[] {
  if ((url === undefined) === (servers === undefined)) {
    throw new TypeError('pass either url or servers')
  }
  const urls = servers ?? (url === undefined ? [] : [url])
  if (urls.length === 0) throw new TypeError('servers must not be empty')
  return urls.map((text) => parseEndpoint(text, servers === undefined ? 'url' : 'servers'))
}

function parseEndpoint(text: string, option: string): URL {
  const endpoint = URL.parse(text)
  if (endpoint === null || !['nats:', 'tls:'].includes(endpoint.protocol)) {
    throw new TypeError(`${option} must begin with nats:// or tls://`)
  }
  if (endpoint.hostname === '') throw new TypeError(`${option} must name a host`)
  if (endpoint.username !== '' || endpoint.password !== '') {
    throw new TypeError(`${option} must not contain credentials; pass username and password`)
  }
  return endpoint
}

function resolveStream(stream: NatsStreamOptions): ResolvedStream {
  assertRanges(stream, STREAM_RANGES)
  const { name = 'WAXWING_DATA', declare = true, storage = 'file' } = stream
  if (!/^[\w-]{1,64}$/.test(name)) {
    throw new TypeError('stream.name must be 1 to 64 of A-Z a-z 0-9 _ -')
  }
  if (storage !== 'file' && storage !== 'memory') {
    throw new TypeError('stream.storage must be file or memory')
  }
  const isDefault = stream.name === undefined && stream.subjects === undefined
  const prefix = stream.prefix ?? (isDefault ? 'waxwing.data' : '')
  if (prefix !== '' && !/^[\w-]+(\.[\w-]+)*$/.test(prefix)) {
    throw new TypeError('stream.prefix must be tokens of A-Z a-z 0-9 _ - with dots between them')
  }
  if (`${prefix}.`.startsWith('waxwing.v1.')) throw new TypeError('stream.prefix is taken')
  for (const subject of stream.subjects ?? []) {
    if (!/^[^\s.>]+(\.[^\s.>]+)*(\.>)?$/.test(subject)) {
      throw new TypeError(`stream.subjects has what is no subject: ${subject}`)
    }
  }
  return {
    name,
    subjects: stream.subjects ?? (prefix === '' ? [] : [`${prefix}.>`]),
    prefix: prefix === '' ? '' : `${prefix}.`,
    maxAgeSeconds: stream.maxAgeSeconds ?? THIRTY_DAYS,
    maxBytes: stream.maxBytes ?? -1,
    storage,
    declare,
  }
}
