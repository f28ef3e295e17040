// SPDX-License-Identifier: Apache-2.0
/**
 * The options of a bridge: their defaults and their checks.
 *
 * @module
 */

import { systemClock, type Clock, type Transport } from '@waxwing/core'
import type { AddressPair } from './address-map.js'
import type { BridgeEvent } from './events.js'
import type { Retaining } from './flow.js'

/** Where messages are kept that cannot cross: an `ArchiveFile`, or anything like it. */
export interface DeadLetters {
  /**
   * Resolves when the item is safe.
   *
   * @throws {WaxwingError} `ERR_MALFORMED` or `ERR_LIMIT` if it is nothing that can be kept there.
   */
  append(item: Uint8Array): Promise<void>
}

export interface BridgeOptions {
  /** The two sides. They stay the caller's, who closes them after the bridge. */
  readonly from: Transport
  readonly to: Transport
  /** Which data cross, and to where. At least one, unless only control messages are to cross. */
  readonly maps: readonly AddressPair[]
  /** Whether data cross back as well, by the same maps the other way round. Default `false`. */
  readonly both?: boolean
  /**
   * Whether control messages cross, always both ways and under their own addresses, so that a reader
   * on one side can ask a producer on the other. Default `true`.
   */
  readonly control?: boolean
  /** Default `as-received`: what a source had in its memory goes into the target's. */
  readonly retained?: Retaining
  /** Whether data cross that are no objects. Default `false`: a bridge for anything carries anything. */
  readonly any?: boolean
  /** Sends of one address under way at once, 1 to 65,535. 1 keeps order even where a target refuses. Default 64. */
  readonly window?: number
  /** Payloads under way at once in one direction, in bytes; one message always may. Default 8 MiB. */
  readonly windowBytes?: number
  /** How many places of messages are remembered, of data and of control each. Default 131,072. */
  readonly remembered?: number
  /** The first pause after a failed send; each further one doubles, with jitter. Default 250. */
  readonly retryMinMs?: number
  /** The longest pause. Default 30,000. */
  readonly retryMaxMs?: number
  /** How long both sides must say nothing more of what they have retained. Default 1,000. */
  readonly settleMs?: number
  /** How long `close` lets finish what is under way. Default 5,000. */
  readonly closeTimeoutMs?: number
  /** For what the target refuses for good, where the source has no place for it. */
  readonly deadLetters?: DeadLetters
  /** Told of what happens. Must not throw. */
  readonly onEvent?: (event: BridgeEvent) => void
  /** For the memory of what has passed. Default: the platform's. */
  readonly clock?: Clock
}

export type ResolvedOptions = BridgeOptions &
  Required<Omit<BridgeOptions, 'deadLetters' | 'onEvent'>>

const DEFAULTS: Required<
  Omit<BridgeOptions, 'from' | 'to' | 'maps' | 'deadLetters' | 'onEvent' | 'clock'>
> = {
  both: false,
  control: true,
  retained: 'as-received',
  any: false,
  window: 64,
  windowBytes: 8 * 1024 * 1024,
  remembered: 131_072,
  retryMinMs: 250,
  retryMaxMs: 30_000,
  settleMs: 1_000,
  closeTimeoutMs: 5_000,
}

const MAX_MS = 2 ** 31 - 1

/** The ranges of the numeric options, both ends included. */
const RANGES: Readonly<Record<string, readonly [least: number, most: number]>> = {
  window: [1, 65_535],
  windowBytes: [1, Number.MAX_SAFE_INTEGER],
  remembered: [1, 2 ** 24],
  retryMinMs: [1, MAX_MS],
  retryMaxMs: [1, MAX_MS],
  settleMs: [1, MAX_MS],
  closeTimeoutMs: [0, MAX_MS],
}

/** Fills in the defaults. @throws {TypeError | RangeError} Naming the option that is wrong. */
export function resolveOptions(options: BridgeOptions): ResolvedOptions {
  for (const [name, [least, most]] of Object.entries(RANGES)) {
    const value: unknown = options[name as keyof BridgeOptions]
    if (value === undefined) continue
    if (!Number.isInteger(value) || Number(value) < least || Number(value) > most) {
      throw new RangeError(`${name} must be an integer from ${least} to ${most}`)
    }
  }
  const resolved = { ...DEFAULTS, clock: systemClock, ...options }
  if (!['none', 'as-received', 'all'].includes(resolved.retained)) {
    throw new TypeError('retained must be none, as-received or all')
  }
  if (resolved.from === resolved.to) throw new TypeError('from and to must be two transports')
  if (resolved.maps.length === 0 && !resolved.control) {
    throw new TypeError('maps must not be empty where no control messages cross either')
  }
  return resolved
}
