// SPDX-License-Identifier: Apache-2.0
/**
 * The options that every transport with connections has, their defaults and their ranges.
 *
 * @module
 */

import { LONGEST_MS, type OptionRanges } from './option-ranges.js'

export interface ConnectionOptions {
  /** How long to wait until a connection is open. Default 30,000. */
  readonly connectTimeoutMs?: number
  /** The first pause before reconnecting; each further one doubles, with jitter. Default 250. */
  readonly reconnectMinMs?: number
  /** The longest pause. Default 30,000. */
  readonly reconnectMaxMs?: number
  /** So many messages are handed over and not yet settled. 1 to 65,535. Default 64. */
  readonly maxUnacknowledged?: number
  /** Sends that wait for a connection or for the broker; one more is refused. Default 1,000. */
  readonly maxWaitingSends?: number
  /** The same in bytes of payload. Default 16 MiB. */
  readonly maxWaitingBytes?: number
  /** Sends under way at once, also limited by the broker. 1 to 65,535. Default 256. */
  readonly maxInFlight?: number
  /** The pause before a handler that rejected is called again; it doubles. Default 1,000. */
  readonly retryHandlerMs?: number
  /** How long `close` lets sends finish. Default 5,000. */
  readonly closeTimeoutMs?: number
}

export const CONNECTION_DEFAULTS: Required<ConnectionOptions> = {
  connectTimeoutMs: 30_000,
  reconnectMinMs: 250,
  reconnectMaxMs: 30_000,
  maxUnacknowledged: 64,
  maxWaitingSends: 1_000,
  maxWaitingBytes: 16 * 1024 * 1024,
  maxInFlight: 256,
  retryHandlerMs: 1_000,
  closeTimeoutMs: 5_000,
}

export const CONNECTION_RANGES: OptionRanges = {
  connectTimeoutMs: [1, LONGEST_MS],
  reconnectMinMs: [1, LONGEST_MS],
  reconnectMaxMs: [1, LONGEST_MS],
  maxUnacknowledged: [1, 65_535],
  maxWaitingSends: [1, 2 ** 31 - 1],
  maxWaitingBytes: [1, Number.MAX_SAFE_INTEGER],
  maxInFlight: [1, 65_535],
  retryHandlerMs: [1, LONGEST_MS],
  closeTimeoutMs: [0, LONGEST_MS],
}
