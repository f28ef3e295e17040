// SPDX-License-Identifier: Apache-2.0
/**
 * The options of the transport over UDP multicast: their defaults and their checks.
 *
 * @module
 */

import { isIP, isIPv4 } from 'node:net'
import type { TransmissionParameters } from '@waxwing/coap'
import type { Store } from '@waxwing/core'
import { assertRanges, LONGEST_MS, type OptionRanges } from '@waxwing/transport-kit'

/** What becomes of what is heard and sent. */
export interface RecordOptions {
  /** Where the record is kept; made if it is not there. Of one transport alone. Left out: in memory. */
  readonly folder?: string
  /**
   * Neighbours may read it, and retained control messages of others are kept for them, in memory. Default
   * `false`.
   */
  readonly serve?: boolean
  /** The oldest goes when there is more. Default 64 MiB. */
  readonly maxBytes?: number
  /** What is older goes. Default 604,800, a week. */
  readonly maxAgeSeconds?: number
}

/** Options of `udpTransport`. */
export interface UdpTransportOptions {
  /** The multicast group, IPv4 or IPv6. Default 239.255.87.88. */
  readonly group?: string
  /** The group's port. Default 58787. */
  readonly port?: number
  /**
   * The network interface, by its name or by an address of it. A link-local group of IPv6 needs it.
   * Default: the system's choice.
   */
  readonly interface?: string
  /** The port for all that is meant for this endpoint alone. Default 0: a free one. */
  readonly unicastPort?: number
  /** How many links data may cross: 1 to 255. Default 1; then only peers on the link are believed. */
  readonly hopLimit?: number
  /** Largest datagram, without the headers of IP and UDP: 256 to 65,507. Default 1,232. */
  readonly maxDatagramBytes?: number
  /** So much is sent to the group in a second at the most. Default 1,000,000. */
  readonly maxBytesPerSecond?: number
  /** Largest control message to send and to accept. Default 262,144. */
  readonly maxControlBytes?: number
  /** Keeps what is heard and sent. Left out: nothing. */
  readonly record?: RecordOptions
  /** Remembers who is reached where, over restarts. Its owner closes it. */
  readonly store?: Store
  /** For how long somebody is sought who takes a control message. Default 30,000. */
  readonly controlTimeoutMs?: number
  /** How long members of the group may take to answer a question. Default 1,000. */
  readonly discoveryMs?: number
  /** Up to how long to wait, by chance, before such an answer. Default 250. */
  readonly leisureMs?: number
  /** How often to look whether the interface is there. Default 1,000. */
  readonly interfaceCheckMs?: number
  /** How often and when unicast messages are repeated (RFC 7252 Section 4.8). */
  readonly transmission?: Partial<TransmissionParameters>
  /** So many messages of a filter are in the hands of handlers. 1 to 65,535. Default 64. */
  readonly maxUnacknowledged?: number
  /** Sends that wait, and messages of a filter that wait; one more is refused or dropped. Default 1,000. */
  readonly maxWaitingSends?: number
  /** The same in bytes of payload. Default 16 MiB. */
  readonly maxWaitingBytes?: number
  /** The pause before a handler that rejected is called again; it doubles. Default 1,000. */
  readonly retryHandlerMs?: number
  /** How long `close` lets sends finish. Default 5,000. */
  readonly closeTimeoutMs?: number
}

type Optional = 'interface' | 'record' | 'store'
type Defaulted = Required<Omit<UdpTransportOptions, Optional>>

export type ResolvedOptions = Defaulted &
  Pick<UdpTransportOptions, Optional> & { readonly type: 'udp4' | 'udp6' }

const DEFAULTS: Defaulted = {
  group: '239.255.87.88',
  port: 58_787,
  unicastPort: 0,
  hopLimit: 1,
  maxDatagramBytes: 1_232, // what IPv6 carries everywhere (RFC 8200 Section 5), without its headers
  maxBytesPerSecond: 1_000_000,
  maxControlBytes: 262_144,
  controlTimeoutMs: 30_000,
  discoveryMs: 1_000,
  leisureMs: 250,
  interfaceCheckMs: 1_000,
  // A neighbour answers in milliseconds; the standard's defaults are for the width of the Internet.
  transmission: { ackTimeoutMs: 250, nstart: 4, responseTimeoutMs: 15_000 },
  maxUnacknowledged: 64,
  maxWaitingSends: 1_000,
  maxWaitingBytes: 16 * 1024 * 1024,
  retryHandlerMs: 1_000,
  closeTimeoutMs: 5_000,
}

const RANGES: OptionRanges = {
  port: [1, 65_535],
  unicastPort: [0, 65_535],
  hopLimit: [1, 255],
  maxDatagramBytes: [256, 65_507],
  maxBytesPerSecond: [1_000, Number.MAX_SAFE_INTEGER],
  maxControlBytes: [1_024, 16 * 1024 * 1024],
  controlTimeoutMs: [1, LONGEST_MS],
  discoveryMs: [1, LONGEST_MS],
  leisureMs: [0, LONGEST_MS],
  interfaceCheckMs: [10, LONGEST_MS],
  maxUnacknowledged: [1, 65_535],
  maxWaitingSends: [1, 2 ** 31 - 1],
  maxWaitingBytes: [1, Number.MAX_SAFE_INTEGER],
  retryHandlerMs: [1, LONGEST_MS],
  closeTimeoutMs: [0, LONGEST_MS],
}

const RECORD_RANGES: OptionRanges = {
  maxBytes: [65_536, Number.MAX_SAFE_INTEGER],
  maxAgeSeconds: [1, 2 ** 31 - 1],
}

/** Fills in the defaults. @throws {TypeError | RangeError} Naming the option that is wrong. */
export function resolveOptions(options: UdpTransportOptions): ResolvedOptions {
  assertRanges(options, RANGES)
  assertRecord(options.record)
  assertName(options.interface, 'interface')
  const given = Object.fromEntries(
    Object.entries(options).filter(([, value]: [string, unknown]) => value !== undefined),
  ) as UdpTransportOptions
  const resolved = { ...DEFAULTS, ...given }
  assertGroup(resolved.group, resolved.interface)
  if (resolved.leisureMs > resolved.discoveryMs) {
    throw new RangeError('leisureMs must not be above discoveryMs')
  }
  return {
    ...resolved,
    transmission: { ...DEFAULTS.transmission, ...given.transmission },
    type: isIPv4(resolved.group) ? 'udp4' : 'udp6',
  }
}

function assertRecord(record: RecordOptions = {}): void {
  if (typeof record !== 'object' || record === null) throw new TypeError('record must be an object')
  assertRanges(record, RECORD_RANGES)
  assertName(record.folder, 'record.folder')
  if (record.serve !== undefined && typeof record.serve !== 'boolean') {
    throw new TypeError('record.serve must be a boolean')
  }
}

function assertName(value: unknown, name: string): void {
  if (value === undefined || (typeof value === 'string' && value !== '')) return
  throw new TypeError(`${name} must be a string that is not empty`)
}

/** RFC 5771 Section 3 and RFC 4291 Section 2.7. */
function assertGroup(group: string, interfaceName: string | undefined): void {
  const version = typeof group === 'string' && !group.includes('%') ? isIP(group) : 0
  const first = version === 4 ? Number(group.split('.')[0]) : 0
  const isGroup = version === 4 ? first >= 224 && first <= 239 : /^ff[0-9a-f]{2}:/i.test(group)
  if (version === 0 || !isGroup) {
    throw new TypeError(`group must be a multicast address without a zone, got ${group}`)
  }
  if (version === 6 && /^ff.[12]:/i.test(group) && interfaceName === undefined) {
    throw new TypeError('interface must be given for a link-local group of IPv6')
  }
}
