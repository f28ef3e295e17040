// SPDX-License-Identifier: Apache-2.0
/**
 * The protected header of an object (`docs/spec/04-objects.md` Section 4.2.1): the labels, and the
 * one deterministic encoding of them.
 *
 * This is the fixed layout on the path of every message, so it is laid out by hand; the general
 * codec agrees with it byte for byte in the tests.
 *
 * @module
 */

import { concatBytes } from '../bytes.js'
import { ALG_CHACHA20_POLY1305, type ContentAlgorithm } from '../crypto/provider.js'

/** Clear part: readable by everyone, changeable by nobody. Private label, protected. */
export const LABEL_CLEAR_PART: number = -65537
/** Batch form of the producer's signature. Private label, unprotected. */
export const LABEL_BATCH_SIGNATURE: number = -65538
/** It as it stands in the map. */
export const LABEL_BATCH_SIGNATURE_BYTES: Uint8Array = Uint8Array.of(0x3a, 0x00, 0x01, 0x00, 0x01)

export const SESSION_ID_BYTES = 7
export const SESSION_COUNTER_BYTES = 3
/** Session id, then counter. */
export const SESSION_PARTIAL_IV_BYTES = 10
export const MAX_SESSION_COUNTER: number = 2 ** 24 - 1
export const MAX_DURABLE_COUNTER: number = 2 ** 40 - 1
export const MAX_CLEAR_PART_BYTES = 65_535
export const SIGNATURE_BYTES = 64

/** Encoded labels 4, 6, 10 and −65537, as they stand in the map. */
const KID = 0x04
const PARTIAL_IV = 0x06
const KID_CONTEXT = 0x0a
const CLEAR_PART = Uint8Array.of(0x3a, 0x00, 0x01, 0x00, 0x00)

export interface HeaderFields {
  readonly alg: ContentAlgorithm
  /** 4 or 8 bytes. */
  readonly kid: Uint8Array
  /** 0 to 2^32 − 1. */
  readonly epoch: number
  /** 10 bytes, or 1 to 5 in durable-counter mode. */
  readonly partialIv: Uint8Array
  readonly clearPart?: Uint8Array
}

/** Encodes the protected header's map, without the byte string around it. */
export function encodeProtectedHeader(fields: HeaderFields): Uint8Array {
  const { alg, kid, epoch, partialIv, clearPart } = fields
  const head = clearPart === undefined ? 0xa4 : 0xa5
  const algBytes = alg === ALG_CHACHA20_POLY1305 ? [0x18, alg] : [alg]
  const fixed = concatBytes(
    Uint8Array.of(head, 0x01, ...algBytes, KID, 0x40 | kid.length),
    kid,
    Uint8Array.of(PARTIAL_IV, 0x40 | partialIv.length),
    partialIv,
    Uint8Array.of(KID_CONTEXT, 0x44, epoch >>> 24, epoch >>> 16, epoch >>> 8, epoch),
  )
  if (clearPart === undefined) return fixed
  return concatBytes(fixed, CLEAR_PART, encodeHead(2, clearPart.length), clearPart)
}

/** Where the Partial IV's own bytes begin in an encoded protected header. */
export function partialIvOffset(alg: ContentAlgorithm, kidBytes: number): number {
  const algBytes = alg === ALG_CHACHA20_POLY1305 ? 2 : 1
  return 1 + 1 + algBytes + 2 + kidBytes + 2
}

/** Encodes a CBOR head in its shortest form (RFC 8949 Section 3). `argument` is below 2^32. */
export function encodeHead(major: number, argument: number): Uint8Array {
  const type = major << 5
  if (argument < 24) return Uint8Array.of(type | argument)
  if (argument < 0x100) return Uint8Array.of(type | 24, argument)
  if (argument < 0x1_0000) return Uint8Array.of(type | 25, argument >>> 8, argument)
  return Uint8Array.of(type | 26, argument >>> 24, argument >>> 16, argument >>> 8, argument)
}

/** How many bytes {@link encodeHead} gives. */
export function headBytes(argument: number): number {
  if (argument < 24) return 1
  if (argument < 0x100) return 2
  return argument < 0x1_0000 ? 3 : 5
}

/** Writes the head of a byte string as {@link encodeHead} would give it. Returns where it ends. */
export function writeBytesHead(out: Uint8Array, at: number, length: number): number {
  if (length < 24) {
    out[at] = 0x40 | length
    return at + 1
  }
  const size = length < 0x100 ? 1 : length < 0x1_0000 ? 2 : 4
  out[at] = size === 4 ? 0x5a : 0x57 + size
  const end = at + 1 + size
  let rest = length
  for (let i = end - 1; i > at; i--) {
    out[i] = rest
    rest >>>= 8
  }
  return end
}

/** The Partial IV of session mode: session id, then counter. Returns 10 new bytes. */
export function sessionPartialIv(session: Uint8Array, counter: number): Uint8Array {
  const partialIv = new Uint8Array(SESSION_PARTIAL_IV_BYTES)
  partialIv.set(session)
  partialIv[7] = counter >>> 16
  partialIv[8] = counter >>> 8
  partialIv[9] = counter
  return partialIv
}

/** The Partial IV of durable-counter mode: the counter in as few bytes as it needs, at least one. */
export function durablePartialIv(counter: number): Uint8Array {
  const bytes: number[] = []
  let rest = counter
  do {
    bytes.unshift(rest % 256)
    rest = Math.floor(rest / 256)
  } while (rest > 0)
  return Uint8Array.from(bytes)
}
