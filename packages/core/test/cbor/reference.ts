// SPDX-License-Identifier: Apache-2.0
/**
 * A second CBOR encoder, straight from RFC 8949 Sections 3 and 4.2.1, and the values to try it on.
 *
 * @module
 */

import * as fc from 'fast-check'
import { compareBytes, concatBytes, utf8 } from '../../src/bytes.js'
import { type CborKey, CborTag, type CborValue } from '../../src/cbor/cbor.js'

/** Encodes a value by the letter of the specification. */
export function encodeByTheBook(value: CborValue): Uint8Array {
  if (value === false) return Uint8Array.of(0xf4)
  if (value === true) return Uint8Array.of(0xf5)
  if (value === null) return Uint8Array.of(0xf6)
  if (typeof value === 'number' || typeof value === 'bigint') {
    return value >= 0 ? head(0, BigInt(value)) : head(1, -1n - BigInt(value))
  }
  if (value instanceof Uint8Array) return concatBytes(head(2, value.length), value)
  if (typeof value === 'string') return concatBytes(head(3, utf8(value).length), utf8(value))
  if (value instanceof CborTag) {
    return concatBytes(head(6, value.tag), encodeByTheBook(value.contents))
  }
  if (value instanceof Map) return encodeMap(value as ReadonlyMap<CborKey, CborValue>)
  const items = value as readonly CborValue[]
  return concatBytes(head(4, items.length), ...items.map(encodeByTheBook))
}

function encodeMap(map: ReadonlyMap<CborKey, CborValue>): Uint8Array {
  const entries = [...map].map(([k, v]) => [encodeByTheBook(k), encodeByTheBook(v)] as const)
  const sorted = entries.toSorted(([a], [b]) => compareBytes(a, b))
  return concatBytes(head(5, map.size), ...sorted.flat())
}

function head(major: number, argument: number | bigint): Uint8Array {
  const number = BigInt(argument)
  if (number < 24n) return Uint8Array.of((major << 5) | Number(number))
  const info = [8n, 16n, 32n, 64n].findIndex((bits) => number < 1n << bits)
  const length = 2 ** info
  const bytes = Array.from({ length }, (_, i) =>
    Number((number >> BigInt(8 * (length - 1 - i))) & 0xffn),
  )
  return Uint8Array.of((major << 5) | (24 + info), ...bytes)
}

/** Integers, many of them where the length of a head changes. */
const integers: fc.Arbitrary<number | bigint> = fc
  .oneof(
    fc.integer({ min: -300, max: 300 }).map(BigInt),
    fc.maxSafeInteger().map(BigInt),
    fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n - 1n }),
    fc
      .tuple(fc.constantFrom(8n, 16n, 32n, 53n, 63n), fc.integer({ min: -2, max: 2 }), fc.boolean())
      .map(([bits, offset, negative]) => (negative ? -1n : 1n) * (2n ** bits + BigInt(offset))),
  )
  .map((n) => (n >= Number.MIN_SAFE_INTEGER && n <= Number.MAX_SAFE_INTEGER ? Number(n) : n))

const texts = fc.string({ unit: 'binary', maxLength: 30 })

/** Any value of the profile, some with nested containers. */
export const { value: values } = fc.letrec<{ value: CborValue; key: CborKey }>((tie) => ({
  key: fc.oneof(fc.integer({ min: -70000, max: 70000 }), fc.maxSafeInteger(), texts),
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.oneof(
      integers,
      texts,
      fc.uint8Array({ maxLength: 300 }),
      fc.constantFrom(true, false, null),
    ) as fc.Arbitrary<CborValue>,
    fc.array(tie('value'), { maxLength: 30 }),
    fc.array(fc.tuple(tie('key'), tie('value')), { maxLength: 12 }).map((list) => new Map(list)),
    fc.tuple(fc.nat(), tie('value')).map(([tag, contents]) => new CborTag(tag, contents)),
  ),
}))
