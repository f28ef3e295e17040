// SPDX-License-Identifier: Apache-2.0
/**
 * The options of the SMS transport: their defaults and their checks.
 *
 * @module
 */

import { fromBase64Url, type Store } from '@waxwing/core'
import {
  assertFilter,
  assertRanges,
  CONNECTION_DEFAULTS,
  CONNECTION_RANGES,
  LONGEST_MS,
  type ConnectionOptions,
  type OptionRanges,
} from '@waxwing/transport-kit'
import { PRINCIPAL_BYTES } from './envelope.js'
import { numberOf, sourceOf, type Coding } from './numbers.js'
import type { PduAddress } from './smpp/pdu.js'
import type { Receipt } from './receipts.js'

/** A word, or what is called for it before each connection, which keeps it out of the options. */
export type Secret = string | (() => string | Promise<string>)

export interface SmsTlsOptions {
  /** PEM: whom to trust instead of the system's authorities. */
  readonly ca?: string | readonly string[]
  /** PEM: the client's own certificate and key. */
  readonly cert?: string
  readonly key?: string
  /** Default `true`. `false` lets anyone play the centre. */
  readonly rejectUnauthorized?: boolean
  /** The name in the centre's certificate, where it is not the host's. */
  readonly servername?: string
}

/** What a person wrote, and no object. */
export interface PersonsText {
  /** The number, or the name, that the centre says it is from. Untrusted. */
  readonly from: string
  readonly text: string
}

/** How the segments of a long message are marked. */
export type Concatenation = '16-bit' | '8-bit' | 'message-payload'

export interface SmsTransportOptions extends ConnectionOptions {
  /** The centre: `smpp://name:password@host:port`, or `smpps:` for TLS. */
  readonly url: string
  /** Instead of the name in the URL: at most 15 characters of ASCII. */
  readonly systemId?: string
  /** Instead of the password in the URL: at most 8 characters of ASCII. */
  readonly password?: Secret
  /** What some centres want to be told; at most 12 characters. Default: nothing. */
  readonly systemType?: string
  /** Makes TLS a must, whatever the scheme. */
  readonly tls?: SmsTlsOptions
  /** One session for both directions (default), or one for each, where the centre wants that. */
  readonly bind?: 'transceiver' | 'pair'
  /** The own number, `+` and digits; a short code; or a name, to which nobody can answer. */
  readonly source: string
  /** The numbers of principals, by principal id in base64url. Read at each send. */
  readonly numbers?: Readonly<Record<string, string>>
  /** Where addresses go: filters to one number or several. Read at each send. */
  readonly routes?: Readonly<Record<string, string | readonly string[]>>
  /**
   * Whether data carry their address, so that they arrive under it. Default `false`: they arrive under
   * the number that they came from, and all bytes are for them.
   */
  readonly carryAddresses?: boolean
  /**
   * Where segments are kept until a message is complete, and who is reached at which number: for this
   * transport alone among those of SMS. Its owner closes it. Left out: a crash loses messages that are
   * incomplete.
   */
  readonly store?: Store
  /** How a number is written to: in bytes (default), or armoured, where only text gets through. */
  readonly coding?: Coding | ((number: string) => Coding)
  /** The numbers of characters that the centre takes text in. Default `gsm`. */
  readonly alphabet?: 'gsm' | 'ascii'
  /** Default `16-bit`. `message-payload` leaves it to the centre to split. */
  readonly concatenation?: Concatenation
  /** How many segments a message may have, 4 to 255. Each one costs. Default 255. */
  readonly maxSegments?: number
  /** Segments a second, as agreed with the operator. Default: as fast as the centre takes them. */
  readonly messagesPerSecond?: number
  /** The first pause when the centre is too busy; each further one doubles. Default 1,000. */
  readonly throttleMinMs?: number
  /** The longest such pause. Default 60,000. */
  readonly throttleMaxMs?: number
  /** How long the centre may take to answer. Default 30,000. */
  readonly answerTimeoutMs?: number
  /** After so much silence the centre is asked whether it is there. Default 30,000. */
  readonly enquireLinkMs?: number
  /**
   * How long the centre waits for the answer to a message that nobody has acknowledged. After that the
   * message is kept in the store, or given back to come again. Default 5,000.
   */
  readonly holdMs?: number
  /** Incomplete messages that are kept; one more takes the place of another. Default 256. */
  readonly maxIncomplete?: number
  /** The same in bytes. Default 4 MiB. */
  readonly maxIncompleteBytes?: number
  /** After so long without a further segment an incomplete message is given up. Default 86,400. */
  readonly incompleteSeconds?: number
  /** `limits.answerSeconds`: how soon an answer may come. At most 30 days. Default 300. */
  readonly answerSeconds?: number
  /** Told what became of each segment; asks the centre for receipts. Must not throw. */
  readonly onReceipt?: (receipt: Receipt) => void
  /** Told what persons write; otherwise it is only counted. Must not throw. */
  readonly onText?: (text: PersonsText) => void
  /** A clock that never goes back, in milliseconds. Default: the platform's. */
  readonly nowMs?: () => number
}

type Numbers = Required<
  ConnectionOptions &
    Pick<
      SmsTransportOptions,
      | 'maxSegments'
      | 'messagesPerSecond'
      | 'throttleMinMs'
      | 'throttleMaxMs'
      | 'answerTimeoutMs'
      | 'enquireLinkMs'
      | 'holdMs'
      | 'maxIncomplete'
      | 'maxIncompleteBytes'
      | 'incompleteSeconds'
      | 'answerSeconds'
    >
>

const NUMBERS: Numbers = {
  ...CONNECTION_DEFAULTS,
  maxInFlight: 10, // what centres commonly allow
  maxSegments: 255,
  messagesPerSecond: 0,
  throttleMinMs: 1_000,
  throttleMaxMs: 60_000,
  answerTimeoutMs: 30_000,
  enquireLinkMs: 30_000,
  holdMs: 5_000,
  maxIncomplete: 256,
  maxIncompleteBytes: 4 * 1024 * 1024,
  incompleteSeconds: 86_400,
  answerSeconds: 300,
}

const RANGES: OptionRanges = {
  ...CONNECTION_RANGES,
  maxSegments: [4, 255],
  messagesPerSecond: [1, 10_000],
  throttleMinMs: [1, LONGEST_MS],
  throttleMaxMs: [1, LONGEST_MS],
  answerTimeoutMs: [10, LONGEST_MS],
  enquireLinkMs: [10, LONGEST_MS],
  holdMs: [10, LONGEST_MS],
  maxIncomplete: [1, 65_535],
  maxIncompleteBytes: [1_024, Number.MAX_SAFE_INTEGER],
  incompleteSeconds: [1, 2 ** 31 - 1],
  answerSeconds: [0, 30 * 86_400],
}

export type ResolvedOptions = Omit<SmsTransportOptions, 'source'> &
  Numbers & {
    readonly host: string
    readonly port: number
    readonly isSecure: boolean
    readonly systemId: string
    readonly systemType: string
    readonly password: Secret
    readonly bind: 'transceiver' | 'pair'
    readonly source: PduAddress
    readonly alphabet: 'gsm' | 'ascii'
    readonly concatenation: Concatenation
    readonly carryAddresses: boolean
    readonly codingOf: (number: string) => Coding
    readonly nowMs: () => number
  }

/** Fills in the defaults. @throws {TypeError | RangeError} Naming the option that is wrong. */
export function resolveOptions(options: SmsTransportOptions): ResolvedOptions {
  assertRanges(options, RANGES)
  assertChoices(options)
  assertPlaces(options)
  const { coding = 'binary', systemType = '', source } = options
  if (!/^[\x20-\x7e]{0,12}$/.test(systemType)) {
    throw new TypeError('systemType must be at most 12 characters of ASCII')
  }
  return {
    ...NUMBERS,
    ...options,
    ...endpointOf(options),
    systemType,
    bind: options.bind ?? 'transceiver',
    source: sourceOf(source),
    alphabet: options.alphabet ?? 'gsm',
    concatenation: options.concatenation ?? '16-bit',
    carryAddresses: options.carryAddresses ?? false,
    codingOf: typeof coding === 'function' ? coding : () => coding,
    nowMs: options.nowMs ?? (() => performance.now()),
  }
}

function assertChoices(options: SmsTransportOptions): void {
  const choices: readonly [name: keyof SmsTransportOptions, allowed: readonly unknown[]][] = [
    ['bind', ['transceiver', 'pair']],
    ['alphabet', ['gsm', 'ascii']],
    ['concatenation', ['16-bit', '8-bit', 'message-payload']],
    ['coding', ['binary', 'text']],
  ]
  for (const [name, allowed] of choices) {
    const value = options[name]
    if (value === undefined || typeof value === 'function') continue
    if (!allowed.includes(value)) {
      throw new TypeError(`${name} must be one of ${allowed.join(', ')}`)
    }
  }
}

function assertPlaces({ numbers = {}, routes = {} }: SmsTransportOptions): void {
  for (const [principal, number] of Object.entries(numbers)) {
    numberOf(number, 'numbers')
    if (fromBase64Url(principal)?.length === PRINCIPAL_BYTES) continue
    throw new TypeError(`numbers has what is no principal id in base64url: ${principal}`)
  }
  for (const [filter, targets] of Object.entries(routes)) {
    assertFilter(filter)
    for (const number of typeof targets === 'string' ? [targets] : targets) {
      numberOf(number, 'routes')
    }
  }
}

function endpointOf(
  options: SmsTransportOptions,
): Pick<ResolvedOptions, 'host' | 'port' | 'isSecure' | 'systemId' | 'password'> {
  const endpoint = URL.parse(options.url)
  if (endpoint === null || !['smpp:', 'smpps:'].includes(endpoint.protocol)) {
    throw new TypeError('url must begin with smpp:// or smpps://')
  }
  if (endpoint.hostname === '') throw new TypeError('url must name a host')
  const isSecure = endpoint.protocol === 'smpps:' || options.tls !== undefined
  const systemId = options.systemId ?? decoded(endpoint.username)
  const password = options.password ?? decoded(endpoint.password)
  if (!/^[\x20-\x7e]{1,15}$/.test(systemId)) {
    throw new TypeError('url or systemId must have a name of 1 to 15 characters of ASCII')
  }
  if (typeof password === 'string' && !/^[\x20-\x7e]{0,8}$/.test(password)) {
    throw new TypeError('password must be at most 8 characters of ASCII')
  }
  const port = endpoint.port === '' ? (isSecure ? 3550 : 2775) : Number(endpoint.port)
  return { host: endpoint.hostname.replace(/^\[|\]$/g, ''), port, isSecure, systemId, password }
}

/** @throws {TypeError} Without the word itself: it may be the password. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new TypeError('url has a name or a password that is not percent-encoded as it should be')
  }
}
