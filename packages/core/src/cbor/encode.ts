// SPDX-License-Identifier: Apache-2.0
/**
 * Writing CBOR in core deterministic encoding (RFC 8949 Section 4.2.1), for the profile of
 * `docs/spec/01-conventions.md` Section 1.4.
 *
 * Two passes, one that checks and measures and one that writes into an array of just that size: there
 * is no buffer that keys could stay behind in. Reading, where the bytes are somebody else's, is left
 * to a library; in the tests a second writer, by the letter of the RFC, agrees with this one.
 *
 * @module
 */

import { equalBytes } from '../bytes.js'
import { MAX_CBOR_DEPTH } from './item-end.js'
import { CborTag, type CborKey, type CborValue } from './value.js'

/** Integers outside of this need a bignum (RFC 8949 Section 3.4.3), which the profile has not. */
const MAX_INTEGER = 2n ** 64n - 1n
const MIN_INTEGER = -(2n ** 64n)

const UNSIGNED = 0
const NEGATIVE = 1
const BYTES = 2
const TEXT = 3
const ARRAY = 4
const MAP = 5
const TAG = 6

const encoder = new TextEncoder()

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
  const writer = new Writer(sizeOf(value, 0))
  writer.value(value)
  return writer.bytes
}

/** Checks a value, and says how many bytes it takes. */
function sizeOf(value: CborValue, depth: number): number {
  if (typeof value === 'number') return headSize(argumentOf(checkedNumber(value)))
  if (value instanceof Uint8Array) return headSize(value.length) + value.length
  if (typeof value === 'string') {
    const bytes = textBytes(checkedText(value))
    return headSize(bytes) + bytes
  }
  if (value === null || typeof value === 'boolean') return 1
  if (typeof value === 'bigint') return bigIntSize(checkedBigInt(value))
  if (depth === MAX_CBOR_DEPTH) throw new RangeError(`value is nested deeper than ${depth}`)
  if (isArray(value)) {
    let size = headSize(value.length)
    // A hole is undefined, and no data.
    for (let i = 0; i < value.length; i++) size += sizeOf(value[i]!, depth + 1)
    return size
  }
  if (value instanceof Map) return mapSize(value as ReadonlyMap<CborKey, CborValue>, depth)
  if (value instanceof CborTag) return headSize(value.tag) + sizeOf(value.contents, depth + 1)
  throw new TypeError(`value must be CBOR data, got ${typeof value}`)
}

function mapSize(map: ReadonlyMap<CborKey, CborValue>, depth: number): number {
  let size = headSize(map.size)
  for (const [key, value] of map) {
    if (typeof key !== 'number' && typeof key !== 'string') {
      throw new TypeError(`map key must be a number or a string, got ${typeof key}`)
    }
    size += sizeOf(key, depth) + sizeOf(value, depth + 1)
  }
  return size
}

class Writer {
  readonly bytes: Uint8Array
  #at = 0

  constructor(size: number) {
    this.bytes = new Uint8Array(size)
  }

  /** Writes what {@link sizeOf} has checked. */
  value(value: CborValue): void {
    if (typeof value === 'number') this.#number(value)
    else if (value instanceof Uint8Array) this.#byteString(value)
    else if (typeof value === 'string') this.#text(value)
    else if (value === null) this.bytes[this.#at++] = 0xf6
    else if (typeof value === 'boolean') this.bytes[this.#at++] = value ? 0xf5 : 0xf4
    else if (typeof value === 'bigint') this.#bigInt(value)
    else if (isArray(value)) this.#array(value)
    else if (value instanceof CborTag) {
      this.#head(TAG, value.tag)
      this.value(value.contents)
    } else this.#map(value)
  }

  #head(major: number, argument: number): void {
    const { bytes } = this
    const type = major << 5
    const size = headSize(argument)
    const end = this.#at + size
    if (size === 1) {
      bytes[this.#at] = type | argument
    } else {
      bytes[this.#at] = type | (size === 2 ? 24 : size === 3 ? 25 : size === 5 ? 26 : 27)
      for (let i = end - 1, rest = argument; i > this.#at; i--, rest = Math.floor(rest / 256)) {
        bytes[i] = rest % 256
      }
    }
    this.#at = end
  }

  #number(number: number): void {
    this.#head(number < 0 ? NEGATIVE : UNSIGNED, argumentOf(number))
  }

  #bigInt(integer: bigint): void {
    const major = integer < 0n ? NEGATIVE : UNSIGNED
    const argument = integer < 0n ? -1n - integer : integer
    if (argument <= Number.MAX_SAFE_INTEGER) {
      this.#head(major, Number(argument))
      return
    }
    this.bytes[this.#at] = (major << 5) | 27
    new DataView(this.bytes.buffer).setBigUint64(this.#at + 1, argument)
    this.#at += 9
  }

  #byteString(bytes: Uint8Array): void {
    this.#head(BYTES, bytes.length)
    this.bytes.set(bytes, this.#at)
    this.#at += bytes.length
  }

  #text(text: string): void {
    this.#head(TEXT, textBytes(text))
    this.#at += encoder.encodeInto(text, this.bytes.subarray(this.#at)).written
  }

  #array(items: readonly CborValue[]): void {
    this.#head(ARRAY, items.length)
    for (const item of items) this.value(item)
  }

  #map(map: ReadonlyMap<CborKey, CborValue>): void {
    this.#head(MAP, map.size)
    for (const [key, value] of inOrder(map)) {
      this.value(key)
      this.value(value)
    }
  }
}

/** The entries by the bytes of their encoded keys; most maps are written down in that order. */
function inOrder(
  map: ReadonlyMap<CborKey, CborValue>,
): Iterable<readonly [key: CborKey, value: CborValue]> {
  let before: CborKey | undefined
  for (const key of map.keys()) {
    if (before !== undefined && compareKeys(before, key) > 0) {
      return [...map].toSorted(([a], [b]) => compareKeys(a, b))
    }
    before = key
  }
  return map
}

/** Numbers from 0, then the negative ones from -1 on, then text: the shorter, then by its bytes. */
function compareKeys(a: CborKey, b: CborKey): number {
  if (typeof a === 'number' && typeof b === 'number') {
    if (a >= 0 !== b >= 0) return a >= 0 ? -1 : 1
    return a >= 0 ? a - b : b - a
  }
  if (typeof a === 'number') return -1
  if (typeof b === 'number') return 1
  return compareTexts(encoder.encode(a), encoder.encode(b))
}

function compareTexts(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) return a.length - b.length
  if (equalBytes(a, b)) return 0
  const at = a.findIndex((byte, i) => byte !== b[i])
  return a[at]! - b[at]!
}

function headSize(argument: number): number {
  if (argument < 24) return 1
  if (argument < 0x100) return 2
  if (argument < 0x1_0000) return 3
  return argument < 0x1_0000_0000 ? 5 : 9
}

function bigIntSize(integer: bigint): number {
  const argument = integer < 0n ? -1n - integer : integer
  return argument <= Number.MAX_SAFE_INTEGER ? headSize(Number(argument)) : 9
}

/** The number in the head of an integer. Minus zero is zero. */
function argumentOf(number: number): number {
  return number < 0 ? -1 - number : number + 0
}

/** The length of text in UTF-8. */
function textBytes(text: string): number {
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    // Of a surrogate pair, each unit stands for two of the four bytes.
    bytes += unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 1 : 2
  }
  return bytes
}

function checkedNumber(number: number): number {
  if (Number.isSafeInteger(number)) return number
  throw new TypeError(`number must be an integer that fits 53 bits, got ${number}`)
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
