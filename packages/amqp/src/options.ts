// SPDX-License-Identifier: Apache-2.0
/**
 * The options that both versions of AMQP share: their defaults and their checks.
 *
 * @module
 */

import type { SendOptions } from '@waxwing/core'
import {
  assertRanges,
  CONNECTION_DEFAULTS,
  CONNECTION_RANGES,
  type ConnectionOptions,
  type OptionRanges,
} from '@waxwing/transport-kit'

export interface AmqpTlsOptions {
  /** PEM: whom to trust instead of the system's authorities. */
  readonly ca?: string | readonly string[]
  /** PEM: the client's own certificate and key. Without a `username` they say who this is (EXTERNAL). */
  readonly cert?: string
  readonly key?: string
  /** Default `true`. `false` lets anyone play the broker. */
  readonly rejectUnauthorized?: boolean
  /** The name in the broker's certificate, where it is not the host's. */
  readonly servername?: string
}

/** What both versions of AMQP take. */
export interface AmqpConnectionOptions extends ConnectionOptions {
  /**
   * `amqp:` or `amqps:`. It must not contain a user name or password. With 0-9-1 the path is the virtual
   * host, percent-encoded: none, or `/`, is the one that is named `/`.
   */
  readonly url: string
  /** Left out: `guest`, with the password `guest`, in 0-9-1; anonymous in 1.0. */
  readonly username?: string
  /** A function is called before each connection, and keeps the password out of the options. */
  readonly password?: string | (() => string | Promise<string>)
  readonly tls?: AmqpTlsOptions
  /**
   * Names a session that outlives the process: the broker keeps the queues and what arrives meanwhile.
   * 1 to 64 of `A-Z a-z 0-9 . _ -`. Two at once share what comes. Left out: what was not handled when the
   * transport closes is lost, except for inboxes.
   */
  readonly name?: string
  /** Both sides notice within two or three of these that the other one is gone. 1 to 3,600. Default 30. */
  readonly heartbeatSeconds?: number
  /** Largest payload to send and to accept. Default 1,048,576. */
  readonly maxPayloadBytes?: number
  /** So many messages of one filter are handed over and not yet settled. 1 to 65,535. Default 64. */
  readonly maxUnacknowledged?: number
  /**
   * How long `close` lets sends finish, and then, as long at the most for each, waits until the broker knows
   * what was left and until it has closed. Default 5,000.
   */
  readonly closeTimeoutMs?: number
}

/** What one send may ask for. */
export interface AmqpSendOptions extends SendOptions {
  /** 0 to 255; queues that have priorities hand higher ones over first. */
  readonly priority?: number
  /**
   * 0-9-1: the send fails where the message would reach no queue. Default `false`, except for inboxes,
   * whose queue is made instead.
   */
  readonly mandatory?: boolean
}

type Defaulted = Required<
  Omit<AmqpConnectionOptions, 'url' | 'username' | 'password' | 'tls' | 'name'>
>

const DEFAULTS: Defaulted = {
  ...CONNECTION_DEFAULTS,
  heartbeatSeconds: 30,
  maxPayloadBytes: 1_048_576,
}

const RANGES: OptionRanges = {
  ...CONNECTION_RANGES,
  heartbeatSeconds: [1, 3_600],
  maxPayloadBytes: [1, 134_217_728],
}

export type ResolvedConnection<T extends AmqpConnectionOptions> = T &
  Defaulted & { readonly endpoint: URL }

/** Fills in the defaults. @throws {TypeError | RangeError} Naming the option that is wrong. */
export function resolveConnection<T extends AmqpConnectionOptions>(
  options: T,
): ResolvedConnection<T> {
  assertRanges(options, RANGES)
  const { name, username, password } = options
  if (name !== undefined && !/^[\w.-]{1,64}$/.test(name)) {
    throw new TypeError('name must be 1 to 64 of A-Z a-z 0-9 . _ -')
  }
  if (password !== undefined && username === undefined) {
    throw new TypeError('password needs a username')
  }
  return { ...DEFAULTS, ...options, endpoint: parseEndpoint(options) }
}

function parseEndpoint({ url, tls }: AmqpConnectionOptions): URL {
  const endpoint = URL.parse(url)
  if (endpoint === null || !['amqp:', 'amqps:'].includes(endpoint.protocol)) {
    throw new TypeError('url must begin with amqp:// or amqps://')
  }
  if (endpoint.hostname === '') throw new TypeError('url must name a host')
  if (endpoint.username !== '' || endpoint.password !== '') {
    throw new TypeError('url must not contain credentials; pass username and password')
  }
  if (tls !== undefined && endpoint.protocol !== 'amqps:') {
    throw new TypeError('tls needs an amqps:// url')
  }
  return endpoint
}

const SEND_RANGES: OptionRanges = { priority: [0, 255], expiresAfterSeconds: [0, 4_294_967] }

/** Checks what one send asks for. @throws {RangeError} Naming what is wrong. */
export function assertSendOptions(options: AmqpSendOptions): void {
  assertRanges(options, SEND_RANGES)
}
