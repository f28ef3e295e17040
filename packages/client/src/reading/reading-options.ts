// SPDX-License-Identifier: Apache-2.0
/**
 * A reader's options with their defaults filled in and their ranges checked.
 *
 * @module
 */

import { assertNamePattern, toHex, utf8, type CryptoProvider } from '@waxwing/core'
import type { ReaderOptions, TopicBinding } from '../options.js'

export interface ReadingOptions {
  /** What the transport is asked for. */
  readonly filter: string
  /** What the names of streams must match: the filter without the group of a shared subscription. */
  readonly pattern: string
  /** Others read a part of the same messages, so that what is missing here may be theirs. */
  readonly isShared: boolean
  /** Names the durable state in keys of the store: 32 hex digits. */
  readonly key: string
  readonly maxAgeMs: number | undefined
  readonly topicBinding: TopicBinding
  readonly acceptUnsigned: boolean
  readonly passUnprotected: boolean
  readonly order: 'arrival' | 'session'
  readonly holdMs: number
  readonly unverifiable: 'deliver' | 'refuse'
  readonly maxInFlight: number
  readonly autoAcknowledge: boolean
  readonly transfers: 'whole' | 'pieces'
  readonly maxTransferBytes: number
  readonly maxTransfersBytes: number
  readonly transferDays: number
  readonly maxParkedObjects: number
  readonly maxParkedBytes: number
  readonly holdWhenFull: boolean
  readonly reason: string | undefined
  readonly request: boolean
}

const MIB = 1_048_576
const SHARED = /^\$share\/[^/]+\//

/**
 * Fills in defaults.
 *
 * @throws {TypeError} If the filter is no pattern of names.
 * @throws {RangeError} If a number is out of its range.
 */
export function readingOptions(
  crypto: Pick<CryptoProvider, 'sha256'>,
  filter: string,
  options: ReaderOptions,
): ReadingOptions {
  const pattern = filter.replace(SHARED, '')
  assertNamePattern(pattern)
  const { holdMs = 2000, maxInFlight = 64, maxAgeMs } = options
  const { maxParkedObjects = 10_000, maxParkedBytes = 64 * MIB } = options
  const { maxTransferBytes = 16 * MIB, maxTransfersBytes = 64 * MIB, transferDays = 7 } = options
  if (maxAgeMs !== undefined) assertAtLeast(0, { maxAgeMs })
  assertAtLeast(0, { holdMs })
  assertAtLeast(1, { maxInFlight, maxParkedObjects, maxParkedBytes })
  assertAtLeast(1, { maxTransferBytes, maxTransfersBytes, transferDays })
  return {
    filter,
    pattern,
    isShared: pattern !== filter,
    key: toHex(crypto.sha256(utf8(options.name ?? filter)).subarray(0, 16)),
    maxAgeMs,
    topicBinding: options.topicBinding ?? 'strict',
    acceptUnsigned: options.acceptUnsigned ?? false,
    passUnprotected: options.passUnprotected ?? false,
    order: options.order ?? 'arrival',
    holdMs,
    unverifiable: options.unverifiable ?? 'deliver',
    maxInFlight,
    autoAcknowledge: options.autoAcknowledge ?? false,
    transfers: options.transfers ?? 'whole',
    maxTransferBytes,
    maxTransfersBytes,
    transferDays,
    maxParkedObjects,
    maxParkedBytes,
    holdWhenFull: options.holdWhenFull ?? options.transfers === 'pieces',
    reason: options.reason,
    request: options.request ?? true,
  }
}

function assertAtLeast(lowest: number, values: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(values)) {
    const isWhole = Number.isSafeInteger(value) || (value === Infinity && lowest === 0)
    if (isWhole && value >= lowest) continue
    throw new RangeError(`${name} must be a whole number from ${lowest}, not ${value}`)
  }
}
