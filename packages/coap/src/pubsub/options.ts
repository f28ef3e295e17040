// SPDX-License-Identifier: Apache-2.0
/**
 * The options of the transport over a CoAP broker: their defaults and their checks.
 *
 * @module
 */

import type { ClientSecurity } from '../client-security.js'
import type { Handler } from '../handler.js'
import type { TransmissionParameters } from '../messaging/index.js'
import { type CoapUri, parseCoapUri } from '../uri.js'

/** Options of `coapTransport`. */
export interface CoapTransportOptions {
  /** The broker: `coap://host` or `coap://host:port`. Its resources are at the root. */
  readonly url: string
  /**
   * What becomes of data that is sent without asking to be retained. `'newest'` (default): it replaces
   * what the topic-data resource of its address holds, as CoAP has it; who observes may pass over what
   * was replaced soon after, and finds the newest later. `'every'`: each gets a slot of its own, as
   * control messages do, for `slotLifetimeMs`; the price is a few requests more for each message and
   * reader. It is the sender's choice: receivers take both.
   */
  readonly delivery?: 'newest' | 'every'
  /** Protects the way to the broker. Objects and control messages need no such protection. */
  readonly security?: ClientSecurity
  /** How often and when UDP messages are repeated (RFC 7252 Section 4.8). */
  readonly transmission?: Partial<TransmissionParameters>
  /** Carries the requests in place of UDP. */
  readonly network?: Handler
  /** Largest payload to send and to accept. Default 262,144. */
  readonly maxPayloadBytes?: number
  /** Messages that a handler has and has not acknowledged; more are left at the broker. Default 64. */
  readonly maxUnacknowledged?: number
  /** Addresses that are listened to at once, whatever wildcards take. Default 1,000. */
  readonly maxAddresses?: number
  /** Sends of data that wait, and as many of control messages; one more is refused. Default 1,000. */
  readonly maxWaitingSends?: number
  /** The same in bytes of payload. Default 16 MiB. */
  readonly maxWaitingBytes?: number
  /**
   * With `delivery: 'every'`: how long a message is kept, for whoever subscribes meanwhile and for readers
   * that are slow. All of them are listed whenever one comes. Default 60,000.
   */
  readonly slotLifetimeMs?: number
  /**
   * The same for requests, which several may have to answer. What is in an inbox stays until it is
   * acknowledged. Default 3,600,000.
   */
  readonly requestLifetimeMs?: number
  /**
   * After this time observations are registered anew (RFC 7641 Section 3.3.1), and a broker that was asked
   * nothing is asked whether it is there. Default 60,000.
   */
  readonly renewMs?: number
  /** How often to look for new addresses, should nobody have rung. Default 30,000. */
  readonly discoverMs?: number
  /** The first pause before a broker that does not answer is asked again; it doubles. Default 500. */
  readonly retryMinMs?: number
  /** The longest pause. Default 30,000. */
  readonly retryMaxMs?: number
  /** The pause before a handler that rejected is called again; it doubles. Default 1,000. */
  readonly retryHandlerMs?: number
  /** How long `close` lets sends finish. Default 5,000. */
  readonly closeTimeoutMs?: number
}

type Defaulted = Omit<CoapTransportOptions, 'url' | 'security' | 'network' | 'transmission'>

const DEFAULTS: Required<Defaulted> = {
  delivery: 'newest',
  maxPayloadBytes: 262_144,
  maxUnacknowledged: 64,
  maxAddresses: 1_000,
  maxWaitingSends: 1_000,
  maxWaitingBytes: 16 * 1024 * 1024,
  slotLifetimeMs: 60_000,
  requestLifetimeMs: 3_600_000,
  renewMs: 60_000,
  discoverMs: 30_000,
  retryMinMs: 500,
  retryMaxMs: 30_000,
  retryHandlerMs: 1_000,
  closeTimeoutMs: 5_000,
}

const LONGEST_MS = 2 ** 31 - 1

/** The ranges of the numeric options, both ends included. */
const RANGES: Readonly<Record<string, readonly [least: number, most: number]>> = {
  maxPayloadBytes: [1, 2 ** 30],
  maxUnacknowledged: [1, 65_535],
  maxAddresses: [1, 2 ** 31 - 1],
  maxWaitingSends: [1, 2 ** 31 - 1],
  maxWaitingBytes: [1, Number.MAX_SAFE_INTEGER],
  slotLifetimeMs: [1, LONGEST_MS],
  requestLifetimeMs: [1, LONGEST_MS],
  renewMs: [1, LONGEST_MS],
  discoverMs: [1, LONGEST_MS],
  retryMinMs: [1, LONGEST_MS],
  retryMaxMs: [1, LONGEST_MS],
  retryHandlerMs: [1, LONGEST_MS],
  closeTimeoutMs: [0, LONGEST_MS],
}

/** The options with their defaults, and where the broker is. */
export type ResolvedOptions = CoapTransportOptions &
  Required<Defaulted> & { readonly endpoint: CoapUri }

/** Fills in the defaults. @throws {TypeError | RangeError} Naming the option that is wrong. */
export function resolveOptions(options: CoapTransportOptions): ResolvedOptions {
  for (const [name, [least, most]] of Object.entries(RANGES)) {
    const value: unknown = options[name as keyof CoapTransportOptions]
    if (value === undefined) continue
    if (!Number.isInteger(value) || Number(value) < least || Number(value) > most) {
      throw new RangeError(`${name} must be an integer from ${least} to ${most}`)
    }
  }
  const delivery: unknown = options.delivery
  if (delivery !== undefined && delivery !== 'newest' && delivery !== 'every') {
    throw new TypeError(`delivery must be 'newest' or 'every'`)
  }
  return { ...DEFAULTS, ...options, endpoint: parseEndpoint(options.url) }
}

function parseEndpoint(url: string): CoapUri {
  if (typeof url !== 'string') throw new TypeError('url must be text')
  const endpoint = readUri(url)
  if (endpoint.path.length > 0 || endpoint.query.length > 0) {
    throw new TypeError('url must not have a path or a query')
  }
  return endpoint
}

function readUri(url: string): CoapUri {
  try {
    return parseCoapUri(url)
  } catch (error) {
    throw new TypeError('url must be coap://host or coap://host:port', { cause: error })
  }
}
