// SPDX-License-Identifier: Apache-2.0
/**
 * CBOR (RFC 8949) for everything that is not on the path of every message, in one profile
 * (`docs/spec/01-conventions.md` Section 1.4): core deterministic encoding (RFC 8949 Section
 * 4.2.1), no floating-point numbers, no simple values but false, true and null, integers or text as
 * map keys, nothing nested deeper than 16.
 *
 * Invariant: a value has exactly one encoding, and `decodeCbor` accepts no other. Whatever it
 * accepts, `encodeCbor` gives back byte for byte.
 *
 * @module
 */

import { decode, encode, Tag } from 'cbor2'
import { malformed } from '../errors.js'
import { itemEnd, MAX_CBOR_DEPTH } from './item-end.js'

/** What a map may have as keys; a number is an integer of at most 53 bits and its sign. */
export type CborKey = number | string

/** Integers that a `number` holds exactly are numbers, all others `bigint`. */
export type CborValue =
  | number
  | bigint
  | string
  | boolean
  | null
  | Uint8Array
  | readonly CborValue[]
  | ReadonlyMap<CborKey, CborValue>
  | CborTag

/** A tagged value (RFC 8949 Section 3.4). No tag is ever interpreted. */
export class CborTag {
  /** An integer within 0 and 2^53 - 1. */
  readonly tag: number
  readonly contents: CborValue

  constructor(tag: number, contents: CborValue) {
    if (!Number.isSafeInteger(tag) || tag < 0) {
      throw new RangeError(`tag must be an integer within 0 and 2^53 - 1, got ${tag}`)
    }
    this.tag = tag
    this.contents = contents
  }
}

const ENCODE_OPTIONS = {
  cde: true,
  rejectBigInts: true,
  rejectDuplicateKeys: true,
  rejectFloats: true,
  rejectUndefined: true,
  chunkSize: 128, // the library allocates one chunk for the item and one for each map key
} as const

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

/** Integers outside of this need a bignum (RFC 8949 Section 3.4.3), which the profile has not. */
const MAX_INTEGER = 2n ** 64n - 1n
const MIN_INTEGER = -(2n ** 64n)

/**
 * Encodes a value deterministically (RFC 8949 Section 4.2.1), whatever the order of its maps.
 *
 * @returns New bytes, owned by the caller.
 * @throws {TypeError} If a part of the value is no CBOR data of this profile: a number that is no
 *   safe integer, a string with a lone surrogate, `undefined`, a function, an object of any other
 *   class.
 * @throws {RangeError} If an integer needs more than 64 bits, or the value is nested deeper than 16.
 */
export function encodeCbor(value: CborValue): Uint8Array {
  return encode(toLibrary(value, 0), ENCODE_OPTIONS)
}

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

/** Checks a value and hands it over in the types that the library encodes right. */
function toLibrary(value: CborValue, depth: number): unknown {
  if (value === null || typeof value === 'boolean') return value
  if (typeof value === 'number') return checkedNumber(value)
  if (typeof value === 'bigint') return checkedBigInt(value)
  if (typeof value === 'string') return checkedText(value)
  if (value instanceof Uint8Array) {
    // Of a Buffer, the library would make a map.
    return new Uint8Array(value.buffer, value.byteOffset, value.length)
  }
  if (depth === MAX_CBOR_DEPTH) throw new RangeError(`value is nested deeper than ${depth}`)
  if (value instanceof CborTag) return new Tag(value.tag, toLibrary(value.contents, depth + 1))
  if (isArray(value)) return Array.from(value, (item) => toLibrary(item, depth + 1))
  if (value instanceof Map) return checkedMap(value, depth)
  throw new TypeError(`value must be CBOR data, got ${typeof value}`)
}

function checkedMap(map: ReadonlyMap<CborKey, CborValue>, depth: number): Map<unknown, unknown> {
  const checked = new Map<unknown, unknown>()
  for (const [key, value] of map) {
    if (typeof key !== 'number' && typeof key !== 'string') {
      throw new TypeError(`map key must be a number or a string, got ${typeof key}`)
    }
    checked.set(toLibrary(key, depth), toLibrary(value, depth + 1))
  }
  return checked
}

function checkedNumber(number: number): number {
  if (!Number.isSafeInteger(number)) {
    throw new TypeError(`number must be an integer that fits 53 bits, got ${number}`)
  }
  return number + 0 // -0 is 0
}

function checkedBigInt(integer: bigint): bigint {
  if (integer > MAX_INTEGER || integer < MIN_INTEGER) {
    throw new RangeError('bigint must be within -2^64 and 2^64 - 1')
  }
  return integer
}

function checkedText(text: string): string {
  if (!text.isWellFormed()) throw new TypeError('string must not hold a lone surrogate')
  return text
}

function isArray(value: unknown): value is readonly CborValue[] {
  return Array.isArray(value)
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
