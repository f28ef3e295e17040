// SPDX-License-Identifier: Apache-2.0
/**
 * The compact form of an object (`docs/spec/04-objects.md` Section 4.7), for links that count every
 * byte: a byte of flags, and the fields one after another without CBOR around them.
 *
 * It says nothing else than the object, and needs no key: an object has one compact form or none, and
 * a compact form is of one object. What is authenticated is the object, so nothing is verified here.
 * Where a compact form ends, its carrier has to say.
 *
 * @module
 */

import { concatBytes } from '../bytes.js'
import type { ContentAlgorithm } from '../crypto/provider.js'
import { malformed, WaxwingError } from '../errors.js'
import { decodeObject, type DecodedObject } from './decode.js'
import {
  encodeHead,
  encodeProtectedHeader,
  SESSION_PARTIAL_IV_BYTES,
  SIGNATURE_BYTES,
} from './header.js'

/** Where bits 3 and 2 of the flags point. */
const ALGORITHMS: readonly ContentAlgorithm[] = [24, 3, 1, 10]
const SIGNED = 0x01
const SHORT_KID = 0x02
/** The highest flags that have a meaning; those up to 0x7f are reserved. */
const MAX_FLAGS = 0x3f
const FIRST_ENVELOPE_BYTE = 0x40
const FIRST_OBJECT_BYTE = 0x80
const EPOCH_BYTES = 4
/** The longest counter of durable-counter mode that has a compact form. No producer gets further. */
const MAX_COUNTER_BYTES = 3

const TAG_AND_ARRAY = Uint8Array.of(0xd0, 0x83)
const NO_BYTES = new Uint8Array(0)
/** The unprotected header of an unsigned object, and of a signed one up to the signature. */
const UNSIGNED_HEADER = Uint8Array.of(0xa0)
const SIGNED_HEADER = Uint8Array.of(0xa1, 0x0c, 0x58, SIGNATURE_BYTES)

/**
 * Whether bytes may be a compact form, of this version or a later one, and are no object, statement or sealed
 * message, which begin with a byte from 0x80 on. Never true of bytes that begin with 0x40 to 0x4f, which precede
 * control messages over SMS.
 *
 * @see `docs/spec/04-objects.md` Section 4.7.4
 */
export function isCompact(bytes: Uint8Array): boolean {
  const first = bytes[0] ?? FIRST_OBJECT_BYTE
  return first < FIRST_OBJECT_BYTE && (first & 0xf0) !== FIRST_ENVELOPE_BYTE
}

/**
 * Encodes an object in its compact form.
 *
 * @param object - An object, or what {@link decodeObject} made of it. Untrusted; nothing is verified.
 * @returns New bytes.
 * @throws {WaxwingError} `ERR_UNSUPPORTED` if it has no compact form: it has a clear part, a batch
 *   signature or a counter from 2^24 on. As {@link decodeObject} where the bytes are no object.
 */
export function encodeCompact(object: Uint8Array | DecodedObject): Uint8Array {
  const decoded = object instanceof Uint8Array ? decodeObject(object) : object
  const { alg, kid, epoch, partialIv, ciphertext, signature } = decoded
  const flags =
    partialIvBits(decoded) |
    (ALGORITHMS.indexOf(alg) << 2) |
    (kid.length === 4 ? SHORT_KID : 0) |
    (signature === undefined ? 0 : SIGNED)
  return concatBytes(
    Uint8Array.of(flags),
    kid,
    Uint8Array.of(epoch >>> 24, epoch >>> 16, epoch >>> 8, epoch),
    partialIv,
    ciphertext,
    signature ?? NO_BYTES,
  )
}

function partialIvBits({ clearPart, batch, partialIv }: DecodedObject): number {
  if (clearPart !== undefined) throw noCompactForm('clear part')
  if (batch !== undefined) throw noCompactForm('batch signature')
  if (partialIv.length === SESSION_PARTIAL_IV_BYTES) return 0
  if (partialIv.length > MAX_COUNTER_BYTES) throw noCompactForm('Partial IV')
  return partialIv.length << 4
}

function noCompactForm(field: string): WaxwingError {
  const message = `an object with such a ${field} has no compact form`
  return new WaxwingError('ERR_UNSUPPORTED', message, { field })
}

/**
 * Decodes a compact form.
 *
 * @param bytes - Untrusted, and the whole of it: what is left after the fixed fields is ciphertext.
 * @returns The object, as new bytes, which {@link decodeObject} accepts.
 * @throws {WaxwingError} `ERR_UNSUPPORTED` if the flags are reserved, `ERR_MALFORMED`.
 */
export function decodeCompact(bytes: Uint8Array): Uint8Array {
  const flags = bytes[0] ?? FIRST_OBJECT_BYTE
  if (flags >= FIRST_OBJECT_BYTE) throw malformed('compact form', 'flags')
  if (flags > MAX_FLAGS) {
    throw new WaxwingError('ERR_UNSUPPORTED', 'compact form: unknown flags', { field: 'flags' })
  }
  const isSigned = (flags & SIGNED) !== 0
  const epochAt = 1 + ((flags & SHORT_KID) === 0 ? 8 : 4)
  const ivAt = epochAt + EPOCH_BYTES
  const ciphertextAt = ivAt + (flags >> 4 || SESSION_PARTIAL_IV_BYTES)
  const end = bytes.length - (isSigned ? SIGNATURE_BYTES : 0)
  if (end < ciphertextAt) throw malformed('compact form', 'length')
  // A counter is as short as it can be (Section 4.2.1).
  if (flags >> 4 > 1 && bytes[ivAt] === 0) throw malformed('compact form', 'Partial IV')

  const header = encodeProtectedHeader({
    alg: ALGORITHMS[(flags >> 2) & 3]!,
    kid: bytes.subarray(1, epochAt),
    epoch: new DataView(bytes.buffer, bytes.byteOffset + epochAt).getUint32(0),
    partialIv: bytes.subarray(ivAt, ciphertextAt),
  })
  return concatBytes(
    TAG_AND_ARRAY,
    encodeHead(2, header.length),
    header,
    isSigned ? SIGNED_HEADER : UNSIGNED_HEADER,
    bytes.subarray(end),
    encodeHead(2, end - ciphertextAt),
    bytes.subarray(ciphertextAt, end),
  )
}
