// SPDX-License-Identifier: Apache-2.0
/**
 * CBOR sequences (RFC 8742), of which all messages of EDHOC consist, and the byte strings that stand in
 * them as integers (RFC 9528 Section 3.3.2).
 *
 * Deterministic encoding throughout: what `decodeSequence` accepts, `encodeSequence` gives back byte for
 * byte. Transcript hashes may thus be taken of what was decoded.
 *
 * @module
 */

import {
  type CborValue,
  concatBytes,
  decodeCbor,
  encodeCbor,
  itemEnd,
  malformed,
} from '@waxwing/core'

/** More than any message has: four fields and 16 EAD items of two each. */
const MAX_ITEMS = 64

/** Encodes items one after another. */
export function encodeSequence(items: readonly CborValue[]): Uint8Array {
  return concatBytes(...items.map((item) => encodeCbor(item)))
}

/**
 * Decodes all items of a sequence, of which there may be none.
 *
 * @param bytes - Untrusted. The caller bounds its length; time and memory grow linearly with it.
 * @param what - Name of the structure, for the error.
 * @returns Values whose byte strings are views into `bytes`.
 * @throws {WaxwingError} `ERR_MALFORMED` if it is cut off, not encoded deterministically, or of more than
 *   64 items.
 */
export function decodeSequence(bytes: Uint8Array, what: string): readonly CborValue[] {
  const items: CborValue[] = []
  for (let start = 0; start < bytes.length;) {
    if (items.length === MAX_ITEMS) throw malformed(what, 'number of items')
    const end = endOfItem(bytes, start, what)
    items.push(decodeCbor(bytes.subarray(start, end), what))
    start = end
  }
  return items
}

/** Where the item that begins at `start` ends. @throws {WaxwingError} `ERR_MALFORMED`. */
export function endOfItem(bytes: Uint8Array, start: number, what: string): number {
  try {
    const end = itemEnd(bytes, start)
    if (end !== undefined) return end
  } catch (cause) {
    throw malformed(what, 'CBOR', cause)
  }
  throw malformed(what, 'CBOR')
}

// The one-byte encodings of integers: 0 to 23, and -1 to -24 (RFC 8949 Section 3).
const LAST_UNSIGNED = 0x17
const FIRST_NEGATIVE = 0x20
const LAST_NEGATIVE = 0x37

/**
 * Represents an identifier as it stands in a message (RFC 9528 Section 3.3.2): a single byte that is
 * the encoding of an integer stands there as that integer, everything else as a byte string.
 */
export function identifierToCbor(identifier: Uint8Array): number | Uint8Array {
  const byte = identifier[0]
  if (byte === undefined || identifier.length !== 1) return identifier
  if (byte <= LAST_UNSIGNED) return byte
  return byte >= FIRST_NEGATIVE && byte <= LAST_NEGATIVE ? FIRST_NEGATIVE - 1 - byte : identifier
}

/**
 * Reads an identifier back: always a byte string, and a copy.
 *
 * @throws {WaxwingError} `ERR_MALFORMED` if it is neither, an integer of more than one byte, or a byte
 *   string that would have to stand there as an integer.
 */
export function identifierFromCbor(
  value: CborValue | undefined,
  what: string,
  field: string,
): Uint8Array {
  if (value instanceof Uint8Array) {
    if (typeof identifierToCbor(value) === 'number') throw malformed(what, field)
    return value.slice()
  }
  if (typeof value !== 'number' || value < -24 || value > 23) throw malformed(what, field)
  return Uint8Array.of(value < 0 ? FIRST_NEGATIVE - 1 - value : value)
}
