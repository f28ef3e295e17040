// SPDX-License-Identifier: Apache-2.0
/**
 * The options of the MQTT transport: their defaults, their checks, and what they mean to MQTT.js.
 *
 * @module
 */

import type { IClientOptions } from 'mqtt'
import { assertWill, type MqttWill } from './last-will.js'
import type { QualityOfService } from './send-options.js'
import {
  assertRanges,
  CONNECTION_DEFAULTS,
  CONNECTION_RANGES,
  type ConnectionOptions,
  LONGEST_MS,
  type OptionRanges,
} from '@waxwing/transport-kit'

export interface MqttTlsOptions {
  /** PEM: whom to trust instead of the system's authorities. */
  readonly ca?: string | readonly string[]
  /** PEM: the client's own certificate and key. */
  readonly cert?: string
  readonly key?: string
  /** Default `true`. `false` lets anyone play the broker. */
  readonly rejectUnauthorized?: boolean
  /** The name in the broker's certificate, where it is not the host's. */
  readonly servername?: string
}

export interface MqttTransportOptions extends ConnectionOptions {
  /** `mqtt:`, `mqtts:`, `ws:` or `wss:`. It must not contain a user name or password. */
  readonly url: string
  /** 5 (default), or 4 for MQTT 3.1.1. Never changed silently. */
  readonly protocolVersion?: 4 | 5
  /**
   * Names a session that outlives the process: the broker keeps the subscriptions and what arrives
   * meanwhile. The second connection takes the same name with `-control`. Left out: a random name,
   * and no session after `close`; with MQTT 3.1.1 not even while a connection is broken.
   */
  readonly clientId?: string
  /**
   * How long, in seconds, the broker keeps the session after the connection is gone (MQTT 5).
   * Default 7 days with a `clientId`, else 300: a broken connection loses nothing.
   */
  readonly sessionExpirySeconds?: number
  /** Of subscriptions, and of sends that do not say otherwise. Default 1; control has 1 at least. */
  readonly qos?: QualityOfService
  readonly username?: string
  /** A function is called before each connection, and keeps the password out of the options. */
  readonly password?: string | (() => string | Promise<string>)
  readonly tls?: MqttTlsOptions
  /** From the first connection on; `setWill` changes it. */
  readonly will?: MqttWill
  /** 0 to 65,535 seconds; 0 turns it off. Default 60. */
  readonly keepAliveSeconds?: number
  /** Largest payload to send and to accept. Default 262,144; MQTT's own limit is 268,435,455. */
  readonly maxPayloadBytes?: number
  /** While this many data messages are unacknowledged, no more are read. 1 to 65,535. Default 64. */
  readonly maxUnacknowledged?: number
  /** How long `close` and `setWill` let sends finish. Default 5,000. */
  readonly closeTimeoutMs?: number
}

type Defaulted = ConnectionOptions &
  Pick<MqttTransportOptions, 'protocolVersion' | 'qos' | 'keepAliveSeconds' | 'maxPayloadBytes'>

const DEFAULTS: Required<Defaulted> = {
  ...CONNECTION_DEFAULTS,
  protocolVersion: 5,
  qos: 1,
  keepAliveSeconds: 60,
  maxPayloadBytes: 262_144,
}

/** The ranges of the numeric options, both ends included. */
const RANGES: OptionRanges = {
  ...CONNECTION_RANGES,
  protocolVersion: [4, 5],
  qos: [0, 2],
  sessionExpirySeconds: [0, 0xffff_ffff],
  keepAliveSeconds: [0, 65_535],
  maxPayloadBytes: [1, 268_000_000],
}

export type ResolvedOptions = MqttTransportOptions &
  Required<Defaulted> & {
    readonly endpoint: URL
    /** Without the suffix of the control connection. */
    readonly clientName: string
    /** The session is meant to be found again by a later transport. */
    readonly isPersistent: boolean
    readonly sessionExpirySeconds: number
  }

/** Fills in the defaults. @throws {TypeError | RangeError} Naming the option that is wrong. */
export function resolveOptions(options: MqttTransportOptions): ResolvedOptions {
  assertRanges(options, RANGES)
  const isPersistent = options.clientId !== undefined
  if (options.clientId === '') throw new TypeError('clientId must not be empty')
  if (options.password !== undefined && options.username === undefined) {
    throw new TypeError('password needs a username')
  }
  if (options.will !== undefined) assertWill(options.will)
  return {
    ...DEFAULTS,
    ...options,
    endpoint: parseEndpoint(options),
    clientName: options.clientId ?? `waxwing${crypto.randomUUID().replaceAll('-', '').slice(16)}`,
    isPersistent,
    sessionExpirySeconds: options.sessionExpirySeconds ?? (isPersistent ? 7 * 86_400 : 300),
  }
}

function parseEndpoint({ url, tls }: MqttTransportOptions): URL {
  const endpoint = URL.parse(url)
  if (endpoint === null || !['mqtt:', 'mqtts:', 'ws:', 'wss:'].includes(endpoint.protocol)) {
    throw new TypeError('url must begin with mqtt://, mqtts://, ws:// or wss://')
  }
  if (endpoint.hostname === '') throw new TypeError('url must name a host')
  if (endpoint.username !== '' || endpoint.password !== '') {
    throw new TypeError('url must not contain credentials; pass username and password')
  }
  const isSecure = endpoint.protocol === 'mqtts:' || endpoint.protocol === 'wss:'
  if (tls !== undefined && !isSecure) throw new TypeError('tls needs an mqtts:// or wss:// url')
  return endpoint
}

/** What MQTT.js needs to know; it is never given the url, whose query it would obey. */
export function clientOptions(options: ResolvedOptions, role: 'data' | 'control'): IClientOptions {
  const { endpoint, protocolVersion } = options
  const isWebSocket = endpoint.protocol.startsWith('ws')
  const { hostname } = endpoint
  return {
    protocol: endpoint.protocol.slice(0, -1) as 'mqtt' | 'mqtts' | 'ws' | 'wss',
    hostname: isWebSocket ? hostname : hostname.replace(/^\[(.*)\]$/, '$1'),
    ...(endpoint.port === '' ? {} : { port: Number(endpoint.port) }),
    ...(isWebSocket ? { path: endpoint.pathname + endpoint.search } : {}),
    ...tlsOptions(options.tls),
    protocolVersion,
    clientId: role === 'data' ? options.clientName : `${options.clientName}-control`,
    clean: !options.isPersistent,
    keepalive: options.keepAliveSeconds,
    // With DEBUG in the environment it would write whole packets, passwords too; without, it still
    // spends a tenth of its time on saying nothing.
    log: () => undefined,
    connectTimeout: options.connectTimeoutMs,
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(protocolVersion === 5 ? { properties: connectProperties(options) } : {}),
    // Ours: connecting, reconnecting and subscribing again. A period of 0 would make MQTT.js
    // forget sends in flight when a connection breaks.
    manualConnect: true,
    reconnectPeriod: LONGEST_MS,
    resubscribe: false,
  }
}

function tlsOptions(tls: MqttTlsOptions = {}): Partial<IClientOptions> {
  const { ca, ...rest } = tls
  return { ...rest, ...(ca === undefined ? {} : { ca: typeof ca === 'string' ? ca : [...ca] }) }
}

function connectProperties(options: ResolvedOptions): NonNullable<IClientOptions['properties']> {
  return {
    sessionExpiryInterval: options.sessionExpirySeconds,
    receiveMaximum: options.maxUnacknowledged,
    // Room for the longest topic and for properties around the largest payload.
    maximumPacketSize: options.maxPayloadBytes + 131_072,
  }
}
