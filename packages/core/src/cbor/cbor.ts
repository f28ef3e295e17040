// SPDX-License-Identifier: Apache-2.0
/**
 * CBOR (RFC 8949) for everything that is not on the path of every message, in one profile
 * (`docs/spec/01-conventions.md` Section 1.4): core deterministic encoding (RFC 8949 Section
 * 4.2.1), no floating-point numbers, no simple values but false, true and null, integers or text as
 * map keys, nothing nested deeper than 16.
 *
 * Reading is left to a library, and held to the profile. Invariant: a value has exactly one encoding,
 * and `decodeCbor` accepts no other. Whatever it accepts, `encodeCbor` gives back byte for byte.
 *
 * @module
 */

import { decode, Tag } from 'cbor2'
import { malformed } from '../errors.js'
import { itemEnd, MAX_CBOR_DEPTH } from './item-end.js'
import { CborTag, type CborKey, type CborValue } from './value.js'

export { encodeCbor } from './encode.js'
export * from './value.js'

const DECODE_OPTIONS = {
  cde: true,
  ignoreGlobalTags: true,
  // Depth is checked before; the library counts an array twice.
  maxDepth: 2 * MAX_CBOR_DEPTH + 1,
  preferMap: true,
  rejectFloats: true,
  rejectSimple: true,
  rejectUndefined: true,
} as const

/**
 * Decodes exactly one item, and refuses whatever `encodeCbor` would not have written: duplicate or
 * unsorted keys, indefinite lengths, numbers longer than they have to be, text that is not UTF-8,
 * floating-point numbers, `undefined` and other simple values, keys that are neither safe integers
 * nor text, tags above 2^53 - 1, more than 16 levels, and bytes behind the item.
 *
 * @param bytes - Untrusted. The caller bounds its length; time and memory grow linearly with it.
 * @param what - Name of the structure, for the error.
 * @returns A value whose byte strings are views into `bytes`, not copies.
 * @throws {WaxwingError} `ERR_MALFORMED`, for whatever reason.
 */
export function decodeCbor(bytes: Uint8Array, what: string): CborValue {
  try {
    const end = itemEnd(bytes, 0)
    if (end !== bytes.length) throw new RangeError(end === undefined ? 'cut off' : 'trailing bytes')
    // A plain array: of a Buffer, the library would make the byte strings Buffers as well.
    const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
    return fromLibrary(decode(plain, DECODE_OPTIONS))
  } catch (cause) {
    throw malformed(what, 'CBOR', cause)
  }
}

function fromLibrary(value: unknown): CborValue {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value
  // -2^53 comes as a number, although it is no safe integer.
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : BigInt(value)
  if (typeof value === 'bigint' || value instanceof Uint8Array) return value
  if (value instanceof Tag) return new CborTag(Number(value.tag), fromLibrary(value.contents))
  if (Array.isArray(value)) return value.map(fromLibrary)
  if (value instanceof Map) return mapFromLibrary(value)
  throw new TypeError(`unexpected ${typeof value}`)
}

function mapFromLibrary(map: ReadonlyMap<unknown, unknown>): ReadonlyMap<CborKey, CborValue> {
  const converted = new Map<CborKey, CborValue>()
  for (const [key, value] of map) {
    if (typeof key !== 'string' && !Number.isSafeInteger(key)) throw new TypeError('bad map key')
    converted.set(key as CborKey, fromLibrary(value))
  }
  return converted
}
