// SPDX-License-Identifier: Apache-2.0
/**
 * The value of the CoAP OSCORE option: the compressed COSE header (RFC 8613 Section 6.1).
 *
 * Invariant: a header has exactly one encoding, and the decoder accepts no other.
 *
 * @module
 */

import { malformed } from '@waxwing/core'

/** Number of the OSCORE option (RFC 8613 Section 2). */
export const OPTION_OSCORE = 9

// Flag byte: 0 0 0 h k n n n (RFC 8613 Section 6.1, Figure 10).
const PARTIAL_IV_LENGTH_MASK = 0b0000_0111
const KID_FLAG = 0b0000_1000
const KID_CONTEXT_FLAG = 0b0001_0000
const RESERVED_MASK = 0b1110_0000

const MAX_PARTIAL_IV_BYTES = 5
const MAX_KID_CONTEXT_BYTES = 255

export interface OscoreOption {
  /** 1 to 5 bytes, big-endian, without leading zeros; zero is one byte. Absent in most responses. */
  readonly partialIv?: Uint8Array | undefined
  /** Sender's key identifier. Present and empty is not the same as absent. */
  readonly kid?: Uint8Array | undefined
  /** 0 to 255 bytes. */
  readonly kidContext?: Uint8Array | undefined
}

/**
 * Encodes an OSCORE option value. Without any part it is empty.
 *
 * @throws {RangeError} If a part is longer than it may be, or the Partial IV is empty or has leading
 *   zeros.
 */
export function encodeOscoreOption({ partialIv, kid, kidContext }: OscoreOption): Uint8Array {
  const ivBytes = partialIv?.length ?? 0
  if (partialIv !== undefined && !isPartialIv(partialIv)) {
    throw new RangeError(`partialIv must be 1 to 5 bytes without leading zeros, got ${ivBytes}`)
  }
  if (kidContext !== undefined && kidContext.length > MAX_KID_CONTEXT_BYTES) {
    throw new RangeError(`kidContext must be at most 255 bytes, got ${kidContext.length}`)
  }
  const flags =
    ivBytes | (kidContext === undefined ? 0 : KID_CONTEXT_FLAG) | (kid === undefined ? 0 : KID_FLAG)
  if (flags === 0) return new Uint8Array(0)
  const contextBytes = kidContext === undefined ? 0 : 1 + kidContext.length
  const value = new Uint8Array(1 + ivBytes + contextBytes + (kid?.length ?? 0))
  value[0] = flags
  if (partialIv !== undefined) value.set(partialIv, 1)
  if (kidContext !== undefined) {
    value[1 + ivBytes] = kidContext.length
    value.set(kidContext, 2 + ivBytes)
  }
  if (kid !== undefined) value.set(kid, 1 + ivBytes + contextBytes)
  return value
}

/**
 * Decodes an OSCORE option value.
 *
 * @returns Views into `value`, not copies.
 * @throws {WaxwingError} `ERR_MALFORMED`, with the field that is wrong.
 */
export function decodeOscoreOption(value: Uint8Array): OscoreOption {
  const flags = value[0]
  if (flags === undefined) return {}
  // All-zero flags are the empty option (Section 2).
  if ((flags & RESERVED_MASK) !== 0 || flags === 0) throw bad('flags')
  const ivBytes = flags & PARTIAL_IV_LENGTH_MASK
  if (ivBytes > MAX_PARTIAL_IV_BYTES) throw bad('n')

  let offset = 1
  const take = (length: number, field: string): Uint8Array => {
    const end = offset + length
    if (end > value.length) throw bad(field)
    const bytes = value.subarray(offset, end)
    offset = end
    return bytes
  }

  const partialIv = ivBytes > 0 ? take(ivBytes, 'Partial IV') : undefined
  if (partialIv !== undefined && !isPartialIv(partialIv)) throw bad('Partial IV')
  const hasContext = (flags & KID_CONTEXT_FLAG) !== 0
  const kidContext = hasContext ? take(take(1, 's')[0] ?? 0, 'kid context') : undefined
  const kid = (flags & KID_FLAG) !== 0 ? take(value.length - offset, 'kid') : undefined
  if (offset !== value.length) throw bad('trailing bytes')
  return { partialIv, kidContext, kid }
}

/** Section 5: all leading zeros are removed, and zero is the one byte 0x00. */
function isPartialIv(bytes: Uint8Array): boolean {
  const { length } = bytes
  return length > 0 && length <= MAX_PARTIAL_IV_BYTES && (length === 1 || bytes[0] !== 0)
}

function bad(field: string): Error {
  return malformed('OSCORE option', field)
}
