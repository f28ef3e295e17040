// SPDX-License-Identifier: Apache-2.0
/**
 * What one send becomes: its checks, its numbers, its segments (`docs/spec/09-bindings.md` Section 9.10.3).
 *
 * @module
 */

import {
  isControlAddress,
  WaxwingError,
  type SendOptions,
  type TransportLimits,
} from '@waxwing/core'
import { assertAddress, type Correspondents } from '@waxwing/transport-kit'
import { encodeLetter, MAX_ENVELOPE_BYTES, NUMBER_PREFIX } from '../envelope.js'
import { destinationOf, placesOf } from '../numbers.js'
import type { ResolvedOptions } from '../options.js'
import { encodeSubmitSm } from '../smpp/pdu.js'
import type { References } from './references.js'
import { capacityOf, segmentsOf } from './segments.js'
import { validityOf } from '../smpp/validity.js'

/** A message for one number. */
export interface Copy {
  readonly number: string
  /** Bodies of submit_sm, always the same ones: what is sent again has the same reference. */
  readonly segments: readonly Uint8Array[]
  /** Those of them that the centre has taken, which are not sent again. */
  readonly taken: Set<number>
  /** Why the centre refused one of them; nothing more is sent then. */
  refusal: unknown
}

export interface Outgoing {
  readonly address: string
  readonly isControl: boolean
  /** At least one. */
  readonly copies: readonly Copy[]
  readonly byteCount: number
}

export interface SendingTerms {
  readonly options: ResolvedOptions
  readonly correspondents: Correspondents
  readonly references: References
  /** The first bytes of the own principal id, if there is one. */
  readonly sender: Uint8Array | undefined
}

/** The longest envelope without an address in it: a kind, a sender, a principal id. */
const ENVELOPE_BYTES = 41

/**
 * The segments of one message, for each of its numbers.
 *
 * @throws {WaxwingError} `ERR_TRANSPORT` if no number is known; `ERR_LIMIT` if the address is too long.
 */
export function outgoingOf(
  address: string,
  payload: Uint8Array,
  { expiresAfterSeconds }: SendOptions,
  { options, correspondents, references, sender }: SendingTerms,
): Outgoing {
  const { numbers, isDirect } = placesOf(address, options, correspondents)
  const carriesAddress = options.carryAddresses && !address.startsWith(NUMBER_PREFIX)
  const letter = encodeLetter(address, payload, { sender, isDirect, carriesAddress })
  let drawn: number | undefined
  const reference = (): number => (drawn ??= references.next())
  const copies = numbers.map((number): Copy => {
    const terms = { ...options, coding: options.codingOf(number) }
    const segments = segmentsOf(letter, reference, terms).map((segment) =>
      encodeSubmitSm({
        ...segment,
        source: options.source,
        destination: destinationOf(number),
        validityPeriod: validityOf(expiresAfterSeconds),
        registeredDelivery: options.onReceipt === undefined ? 0 : 1,
      }),
    )
    return { number, segments, taken: new Set(), refusal: undefined }
  })
  const byteCount = copies
    .flatMap(({ segments }) => segments)
    .reduce((sum, { length }) => sum + length, 0)
  return { address, isControl: isControlAddress(address), copies, byteCount }
}

/** Whether there is anything of it left to be sent. */
export function isUnsent({ segments, taken, refusal }: Copy): boolean {
  return refusal === undefined && taken.size < segments.length
}

export function limitsOf(options: ResolvedOptions): TransportLimits {
  const { coding = 'binary', concatenation, maxSegments, carryAddresses, answerSeconds } = options
  const narrowest = coding === 'binary' ? 'binary' : 'text'
  const capacity = capacityOf(maxSegments, { coding: narrowest, concatenation })
  return {
    maxPayloadBytes: capacity - (carryAddresses ? MAX_ENVELOPE_BYTES : ENVELOPE_BYTES),
    binary: true,
    retained: false,
    properties: false,
    answerSeconds,
    costly: true,
  }
}

/** Checks a send. @throws {TypeError | RangeError | WaxwingError} Naming what is wrong. */
export function assertSendable(
  address: string,
  payload: Uint8Array,
  { expiresAfterSeconds: expiry = 0, properties }: SendOptions,
  { maxPayloadBytes }: TransportLimits,
): void {
  assertAddress(address)
  if (payload.length > maxPayloadBytes) {
    throw new RangeError(
      `payload is ${payload.length} bytes, limit is ${maxPayloadBytes} (maxPayloadBytes)`,
    )
  }
  if (!Number.isInteger(expiry) || expiry < 0 || expiry > 0xffff_ffff) {
    throw new RangeError('expiresAfterSeconds must be an integer from 0 to 4294967295')
  }
  if (properties !== undefined && Object.keys(properties).length > 0) {
    throw new WaxwingError('ERR_UNSUPPORTED', 'SMS carry no properties', { field: 'properties' })
  }
}
