// SPDX-License-Identifier: Apache-2.0
/**
 * Values of the CBOR profile to try codecs on (`docs/spec/01-conventions.md` Section 1.4).
 *
 * @module
 */

import * as fc from 'fast-check'
import { type CborKey, CborTag, type CborValue } from '../../src/cbor/cbor.js'

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
