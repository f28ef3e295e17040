// SPDX-License-Identifier: Apache-2.0
/**
 * Partial IVs, and the nonces made of them (RFC 8613 Section 5.2).
 *
 * The security of the whole protocol rests on one invariant, kept by whoever counts: a Sender Key and a
 * Partial IV are used together for one encryption at the most.
 *
 * @module
 */

import { WaxwingError } from '@waxwing/core'

/** Longest Partial IV, in bytes (RFC 8613 Section 5.2, step 1). */
const PARTIAL_IV_BYTES = 5
/** Shortest nonce that leaves room for a Partial IV and the length of an empty identifier. */
const MIN_NONCE_BYTES = 7

/** Largest sender sequence number (RFC 8613 Section 7.2.1). */
export const MAX_SEQUENCE_NUMBER: number = 2 ** 40 - 1

export interface NonceInputs {
  /** Common IV of the security context; as long as the algorithm's nonce, 7 bytes or more. */
  readonly commonIv: Uint8Array
  /** Sender ID of the endpoint that made the Partial IV: 0 to `commonIv.length - 6` bytes. */
  readonly idPiv: Uint8Array
  /** 1 to 5 bytes, big-endian. */
  readonly partialIv: Uint8Array
}

/**
 * Builds the nonce of one message: `S || pad || ID_PIV || pad || PIV`, where `S` is the length of
 * ID_PIV in one byte, XORed with the Common IV.
 *
 * @returns A new array of `commonIv.length` bytes.
 * @throws {RangeError} If a length is outside the limits above.
 * @see {@link https://www.rfc-editor.org/rfc/rfc8613.html#section-5.2 | RFC 8613 Section 5.2}
 */
export function constructNonce({ commonIv, idPiv, partialIv }: NonceInputs): Uint8Array {
  const nonceBytes = commonIv.length
  if (nonceBytes < MIN_NONCE_BYTES) {
    throw new RangeError(`commonIv must be at least ${MIN_NONCE_BYTES} bytes, got ${nonceBytes}`)
  }
  const maxIdBytes = nonceBytes - 1 - PARTIAL_IV_BYTES
  if (idPiv.length > maxIdBytes) {
    throw new RangeError(`idPiv must be at most ${maxIdBytes} bytes, got ${idPiv.length}`)
  }
  if (partialIv.length === 0 || partialIv.length > PARTIAL_IV_BYTES) {
    throw new RangeError(
      `partialIv must be 1 to ${PARTIAL_IV_BYTES} bytes, got ${partialIv.length}`,
    )
  }
  const nonce = new Uint8Array(nonceBytes)
  nonce[0] = idPiv.length
  nonce.set(idPiv, 1 + maxIdBytes - idPiv.length)
  nonce.set(partialIv, nonceBytes - partialIv.length)
  for (let i = 0; i < nonceBytes; i++) nonce[i]! ^= commonIv[i]!
  return nonce
}

/**
 * Encodes a sequence number as a Partial IV: big-endian without leading zeros, zero as one byte.
 *
 * @throws {RangeError} If it is no integer at or above 0.
 * @throws {WaxwingError} `ERR_COUNTER_EXHAUSTED` above 2^40 - 1: derive a new context.
 */
export function encodePartialIv(sequenceNumber: number): Uint8Array {
  if (!Number.isInteger(sequenceNumber) || sequenceNumber < 0) {
    throw new RangeError(`sequenceNumber must be an integer >= 0, got ${sequenceNumber}`)
  }
  if (sequenceNumber > MAX_SEQUENCE_NUMBER) {
    throw new WaxwingError('ERR_COUNTER_EXHAUSTED', 'the sender sequence numbers are used up')
  }
  let length = 1
  for (let limit = 256; sequenceNumber >= limit; limit *= 256) length++
  const bytes = new Uint8Array(length)
  for (let rest = sequenceNumber, at = length - 1; at >= 0; at--) {
    bytes[at] = rest % 256
    rest = Math.floor(rest / 256)
  }
  return bytes
}

/** Reads a Partial IV of 1 to 5 bytes as a number. Leading zeros do not matter. */
export function decodePartialIv(partialIv: Uint8Array): number {
  let value = 0
  for (const byte of partialIv) value = value * 256 + byte
  return value
}
