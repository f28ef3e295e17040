// SPDX-License-Identifier: Apache-2.0
/**
 * How an endpoint sends (RFC 7252 Section 4.8), and what it keeps at the most.
 *
 * @module
 */

/** All durations in milliseconds. */
export interface TransmissionParameters {
  /** ACK_TIMEOUT: before a message is sent again for the first time. Default 2,000. */
  readonly ackTimeoutMs: number
  /** ACK_RANDOM_FACTOR: times up to which that is stretched at random. Default 1.5. */
  readonly ackRandomFactor: number
  /** MAX_RETRANSMIT: how often a message is sent again. Default 4. */
  readonly maxRetransmit: number
  /**
   * NSTART: how many confirmable messages to one peer may be unacknowledged, and as many responses
   * besides; more wait, for no longer than one may take (MAX_TRANSMIT_WAIT). Default 1. Messages that are
   * not confirmable are the caller's to pace.
   */
  readonly nstart: number
  /** How long a handler may take before its request is acknowledged separately. Default 500. */
  readonly ackDelayMs: number
  /**
   * How long to wait for a response, once the request is acknowledged or was not confirmable. Default
   * 120,000, which a proxy needs to find out that its server is gone.
   */
  readonly responseTimeoutMs: number
  /** EXCHANGE_LIFETIME. Default 247,000, as Section 4.8.2 makes it of the others. */
  readonly exchangeLifetimeMs: number
  /** NON_LIFETIME. Default 145,000, as Section 4.8.2 makes it of the others. */
  readonly nonLifetimeMs: number
  /** Of how many notifications one has to be acknowledged. Default 1: each. */
  readonly confirmableEvery: number
}

/** What an endpoint keeps for its peers. Whatever peers do, memory stays within this. */
export interface EndpointLimits {
  /**
   * Longest message to send. Default 1,152 (RFC 7252 Section 4.6). Where it is smaller, a client and a
   * server make blocks that fit; block-wise transfer of one's own must be told: `maxMessageBytes`.
   */
  readonly maxMessageBytes: number
  /** Peers of which anything is known. Default 10,000. The one silent for longest goes first. */
  readonly maxPeers: number
  /** Requests that handlers work on. Default 4,096; a further one is answered 5.03. */
  readonly maxRequests: number
  /** The same for one peer. Default 256. */
  readonly maxRequestsPerPeer: number
  /**
   * Messages by which duplicates are recognised. Default 65,536. The oldest goes first, of a peer that
   * has more than its share.
   */
  readonly maxRememberedMessages: number
  /** The same in bytes, with what they were answered. Default 16 MiB. */
  readonly maxRememberedBytes: number
  /** Observations by peers. Default 4,096; a further one is answered as if it observed nothing. */
  readonly maxObservations: number
  /** The same for one peer. Default 128. */
  readonly maxObservationsPerPeer: number
  /** Requests of our own without a response, observations among them. Default 65,536. */
  readonly maxOutgoingRequests: number
  /**
   * Bytes sent to a peer that did not prove its address stay below this times those it sent. Default 3
   * (RFC 9175 Section 2.4). `Infinity` where nobody can send with an address of others.
   */
  readonly amplificationFactor: number
  /** How long an address that was proved needs no further proof. Default 300,000. */
  readonly provedAddressMs: number
  /** How long `close` lets handlers finish. Default 5,000. */
  readonly closeTimeoutMs: number
}

const MAX_LATENCY_MS = 100_000
const MAX_TIMER_MS = 2 ** 31 - 1

const TRANSMISSION_DEFAULTS = {
  ackTimeoutMs: 2_000,
  ackRandomFactor: 1.5,
  maxRetransmit: 4,
  nstart: 1,
  ackDelayMs: 500,
  responseTimeoutMs: 120_000,
  confirmableEvery: 1,
}

const LIMIT_DEFAULTS: EndpointLimits = {
  maxMessageBytes: 1_152,
  maxPeers: 10_000,
  maxRequests: 4_096,
  maxRequestsPerPeer: 256,
  maxRememberedMessages: 65_536,
  maxRememberedBytes: 16 * 1024 * 1024,
  maxObservations: 4_096,
  maxObservationsPerPeer: 128,
  maxOutgoingRequests: 65_536,
  amplificationFactor: 3,
  provedAddressMs: 300_000,
  closeTimeoutMs: 5_000,
}

const MAX_RETRANSMIT = 20
/** The header of a message, with the longest token, and little behind it. */
const LEAST_MESSAGE_BYTES = 64
const MOST_MESSAGE_BYTES = 65_507

/** Fills in the defaults. @throws {RangeError} Naming the parameter that is wrong. */
export function resolveTransmission(
  given: Partial<TransmissionParameters> = {},
): TransmissionParameters {
  const basic = { ...TRANSMISSION_DEFAULTS, ...defined(given) }
  assertWithin('ackTimeoutMs', basic.ackTimeoutMs, 1, MAX_TIMER_MS)
  assertWithin('ackRandomFactor', basic.ackRandomFactor, 1, 10)
  assertInteger('maxRetransmit', basic.maxRetransmit, 0, MAX_RETRANSMIT)
  assertInteger('nstart', basic.nstart, 1, 65_535)
  assertWithin('ackDelayMs', basic.ackDelayMs, 0, MAX_TIMER_MS)
  assertWithin('responseTimeoutMs', basic.responseTimeoutMs, 1, MAX_TIMER_MS)
  assertInteger('confirmableEvery', basic.confirmableEvery, 1, 65_535)
  // Section 4.8.2; PROCESSING_DELAY is ACK_TIMEOUT.
  const spanMs = basic.ackTimeoutMs * (2 ** basic.maxRetransmit - 1) * basic.ackRandomFactor
  const { exchangeLifetimeMs, nonLifetimeMs } = {
    exchangeLifetimeMs: spanMs + 2 * MAX_LATENCY_MS + basic.ackTimeoutMs,
    nonLifetimeMs: spanMs + MAX_LATENCY_MS,
    ...defined(given),
  }
  assertWithin('exchangeLifetimeMs', exchangeLifetimeMs, 1, Number.MAX_SAFE_INTEGER)
  assertWithin('nonLifetimeMs', nonLifetimeMs, 1, Number.MAX_SAFE_INTEGER)
  return { ...basic, exchangeLifetimeMs, nonLifetimeMs }
}

/** Fills in the defaults. @throws {RangeError} Naming the limit that is wrong. */
export function resolveLimits(given: Partial<EndpointLimits> = {}): EndpointLimits {
  const limits = { ...LIMIT_DEFAULTS, ...defined(given) }
  const { amplificationFactor, closeTimeoutMs, provedAddressMs, maxMessageBytes, ...counts } =
    limits
  assertWithin('amplificationFactor', amplificationFactor, 1, Infinity)
  assertWithin('closeTimeoutMs', closeTimeoutMs, 0, MAX_TIMER_MS)
  assertWithin('provedAddressMs', provedAddressMs, 0, Number.MAX_SAFE_INTEGER)
  assertInteger('maxMessageBytes', maxMessageBytes, LEAST_MESSAGE_BYTES, MOST_MESSAGE_BYTES)
  for (const [name, value] of Object.entries(counts)) {
    assertInteger(name, value, 1, Number.MAX_SAFE_INTEGER)
  }
  return limits
}

/** Without what is `undefined`, which would hide a default. */
function defined<T extends object>(given: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  ) as Partial<T>
}

function assertWithin(name: string, value: number, least: number, most: number): void {
  if (!(value >= least && value <= most)) {
    throw new RangeError(`${name} must be from ${least} to ${most}, got ${value}`)
  }
}

function assertInteger(name: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value)) throw new RangeError(`${name} must be an integer, got ${value}`)
  assertWithin(name, value, least, most)
}
