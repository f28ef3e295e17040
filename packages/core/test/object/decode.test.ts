// SPDX-License-Identifier: Apache-2.0
import {
  CborTag,
  concatBytes,
  decodeObject,
  encodeCbor,
  encodeProtectedHeader,
  toHex,
  type ContentAlgorithm,
  type CborKey,
  type CborValue,
} from '@waxwing/core'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesOf, bytesUpTo, mutated } from '../support/arbitraries.js'
import { outcomeOf } from '../support/outcome.js'
import { readObject } from '../twin/decoding.ts'
import { Refusal } from '../twin/refusal.ts'
import {
  headerMap,
  headerTokens,
  objectTokens,
  referenceEncode,
  writeIndefinite,
  writeTokens,
  type ObjectParts,
} from './reference.js'

const counters = bytesUpTo(5).filter(
  ({ length, 0: first }) => length === 1 || (length > 1 && first !== 0),
)

const parts: fc.Arbitrary<ObjectParts> = fc.record({
  alg: fc.constantFrom(1, 3, 10, 24),
  kid: fc.oneof(bytesOf(8), bytesOf(4)),
  partialIv: fc.oneof(bytesOf(10), counters),
  epoch: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  clearPart: fc.option(bytesUpTo(300), { nil: undefined }),
  signature: fc.option(bytesOf(64), { nil: undefined }),
  ciphertext: bytesUpTo(300),
})

const EXAMPLE: ObjectParts = {
  alg: 24,
  kid: new Uint8Array(8).fill(1),
  partialIv: new Uint8Array(10).fill(2),
  epoch: 500_000,
  clearPart: new Uint8Array(5).fill(3),
  signature: new Uint8Array(64).fill(4),
  ciphertext: new Uint8Array(40).fill(5),
}
const UNSIGNED: ObjectParts = { ...EXAMPLE, clearPart: undefined, signature: undefined }

const verdict = (bytes: Uint8Array): string => outcomeOf(() => decodeObject(bytes))

/** What the slow twin says. */
function referenceVerdict(bytes: Uint8Array): string {
  try {
    readObject(bytes)
    return 'valid'
  } catch (error) {
    if (error instanceof Refusal) return error.message
    throw error
  }
}

describe('the framing of an object', () => {
  it('is laid out by hand as the general codec encodes it', () => {
    fc.assert(
      fc.property(parts, ({ alg, clearPart, ...rest }) => {
        const fields = { ...rest, alg: alg as ContentAlgorithm }
        const laid = encodeProtectedHeader(
          clearPart === undefined ? fields : { ...fields, clearPart },
        )
        expect(laid).toEqual(encodeCbor(headerMap({ ...fields, clearPart })))
      }),
      { numRuns: 300 },
    )
  })

  it('decodes to the fields that the general codec encoded', () => {
    fc.assert(
      fc.property(parts, (fields) => {
        const bytes = referenceEncode(fields)
        const decoded = decodeObject(bytes)
        expect(decoded).toMatchObject(
          Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)),
        )
        expect(decoded.clearPart).toEqual(fields.clearPart)
        expect(decoded.signature).toEqual(fields.signature)
        expect(decoded.protectedBytes).toEqual(encodeCbor(headerMap(fields)))
        expect(concatBytes(decoded.session, beyond(decoded.session, fields))).toEqual(
          fields.partialIv,
        )
        expect(decoded.counter).toBe(Number(`0x${toHex(beyond(decoded.session, fields))}`))
      }),
      { numRuns: 300 },
    )
  })

  it('is accepted and refused as the slow twin says, whatever was changed about it', () => {
    const valid = [EXAMPLE, UNSIGNED, { ...EXAMPLE, alg: 1, partialIv: Uint8Array.of(1, 2) }]
    fc.assert(
      fc.property(mutated(valid.map(referenceEncode)), (bytes) => {
        expect(verdict(bytes)).toBe(referenceVerdict(bytes))
      }),
      { numRuns: 1500 },
    )
  })

  it('is accepted and refused as the slow twin says, whatever its fields hold', () => {
    const any = (longest: number): fc.Arbitrary<CborValue> =>
      fc.oneof(
        { weight: 6, arbitrary: bytesUpTo(longest) },
        fc.constantFrom<CborValue>('text', 7, -1, null, [], new Map()),
      )
    const rarely = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
      fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary })
    const wild = fc.record({
      alg: rarely(fc.constantFrom<CborValue>(1, 3, 10, 2, 30, 300, -24, 'alg')),
      kid: rarely(any(12)),
      partialIv: rarely(any(12)),
      epoch: rarely(any(6)),
      clearPart: rarely(any(300)),
      other: rarely(fc.constantFrom<CborKey>(2, 3, 5, -65538, 'label')),
      signature: rarely(any(66)),
      ciphertext: rarely(any(20)),
      left: rarely(fc.constantFrom(1, 4, 6, 10)),
    })
    let validCount = 0
    fc.assert(
      fc.property(parts, wild, (right, drawn) => {
        const header = headerMap(right)
        const changes: readonly (readonly [CborKey, CborValue | undefined])[] = [
          [1, drawn.alg],
          [4, drawn.kid],
          [6, drawn.partialIv],
          [10, drawn.epoch],
          [-65537, drawn.clearPart],
          [drawn.other ?? 0, drawn.other === undefined ? undefined : 0],
        ]
        for (const [label, value] of changes) if (value !== undefined) header.set(label, value)
        if (drawn.left !== undefined) header.delete(drawn.left)
        const signature = drawn.signature === undefined ? right.signature : drawn.signature
        const unprotected = new Map(signature === undefined ? [] : [[12, signature]])
        const ciphertext = drawn.ciphertext === undefined ? right.ciphertext : drawn.ciphertext
        const bytes = encodeCbor(new CborTag(16, [encodeCbor(header), unprotected, ciphertext]))
        expect(verdict(bytes)).toBe(referenceVerdict(bytes))
        if (verdict(bytes) === 'valid') validCount++
      }),
      { numRuns: 1500 },
    )
    expect(validCount).toBeGreaterThan(100)
  })

  it.each([23, 24, 255, 256, 65_535, 65_536, 70_000])('may hold %d bytes', (length) => {
    const ciphertext = new Uint8Array(length).fill(1)
    const clearPart = new Uint8Array(Math.min(length, 65_535))
    const bytes = referenceEncode({ ...EXAMPLE, ciphertext, clearPart })
    expect(decodeObject(bytes)).toMatchObject({ ciphertext, clearPart })
  })

  it('may not hold a clear part of more than 65,535 bytes', () => {
    const bytes = referenceEncode({ ...EXAMPLE, clearPart: new Uint8Array(65_536) })
    expect(verdict(bytes)).toBe('ERR_MALFORMED')
    expect(referenceVerdict(bytes)).toBe('ERR_MALFORMED')
  })

  it('fails on any bytes with its two errors alone', () => {
    fc.assert(
      fc.property(bytesUpTo(200), (bytes) => {
        expect(['valid', 'ERR_MALFORMED', 'ERR_UNSUPPORTED']).toContain(verdict(bytes))
      }),
      { numRuns: 500 },
    )
  })

  it('is refused with any of its heads longer than it has to be', () => {
    fc.assert(
      fc.property(parts, fc.nat(), fc.integer({ min: 1, max: 4 }), (fields, at, steps) => {
        const header = headerTokens(fields)
        const object = objectTokens(fields, writeTokens(header))
        expect(writeTokens(object)).toEqual(referenceEncode(fields))
        const inner = writeTokens(header, at % header.length, steps)
        expect(verdict(writeTokens(objectTokens(fields, inner)))).toBe('ERR_MALFORMED')
        expect(verdict(writeTokens(object, at % object.length, steps))).toBe('ERR_MALFORMED')
      }),
      { numRuns: 300 },
    )
  })

  it('is refused with an indefinite length anywhere', () => {
    const header = headerTokens(EXAMPLE)
    const object = objectTokens(EXAMPLE, writeTokens(header))
    const outer = object.map((_, i) => writeIndefinite(object, i))
    const inner = header
      .map((_, i) => writeIndefinite(header, i))
      .map((bytes) => bytes && writeTokens(objectTokens(EXAMPLE, bytes)))
    const variants = [...outer, ...inner].filter((bytes) => bytes !== undefined)
    expect(variants).toHaveLength(10)
    for (const bytes of variants) expect(verdict(bytes)).toBe('ERR_MALFORMED')
  })

  it('is refused with its protected header in any other order, or with a label twice', () => {
    const [map, ...entries] = headerTokens(EXAMPLE)
    if (map === undefined) throw new TypeError('a header begins with its map')
    const pairs = entries.flatMap((token, i) => (i % 2 === 0 ? [[token, entries[i + 1]!]] : []))
    const swapped = pairs.map((_, i) => pairs.with(i, pairs.at(i - 1)!).with(i - 1, pairs[i]!))
    const doubled = pairs.map((pair, i) => pairs.toSpliced(i, 0, pair))
    for (const order of [...swapped, ...doubled]) {
      const header = writeTokens([{ ...map, argument: order.length }, ...order.flat()])
      expect(verdict(writeTokens(objectTokens(EXAMPLE, header)))).toBe('ERR_MALFORMED')
    }
  })

  it('is refused when cut at any byte, and with a byte behind it', () => {
    const bytes = referenceEncode(EXAMPLE)
    for (let end = 0; end < bytes.length; end++) {
      expect(verdict(bytes.subarray(0, end))).toBe('ERR_MALFORMED')
    }
    expect(verdict(concatBytes(bytes, Uint8Array.of(0)))).toBe('ERR_MALFORMED')
  })

  it('is malformed without an algorithm, and unsupported with an unknown one', () => {
    for (const [alg, expected] of [
      [undefined, 'ERR_MALFORMED'],
      [2, 'ERR_UNSUPPORTED'],
      [30, 'ERR_UNSUPPORTED'], // of EDHOC and OSCORE alone
      ['A128GCM', 'ERR_UNSUPPORTED'],
    ] as const) {
      const header = headerMap(EXAMPLE)
      if (alg === undefined) header.delete(1)
      else header.set(1, alg)
      const bytes = writeTokens(objectTokens(EXAMPLE, encodeCbor(header)))
      expect(verdict(bytes)).toBe(expected)
      expect(referenceVerdict(bytes)).toBe(expected)
    }
  })

  it('says of an unknown label which it is only if it is a number, because it may be logged', () => {
    const header = headerMap(EXAMPLE).set('a\nforged line in a log', 0)
    const bytes = writeTokens(objectTokens(EXAMPLE, encodeCbor(header)))
    expect(() => decodeObject(bytes)).toThrow(/^object: unknown label$/)
    const numbered = headerMap(EXAMPLE).set(99, 0)
    const other = writeTokens(objectTokens(EXAMPLE, encodeCbor(numbered)))
    expect(() => decodeObject(other)).toThrow(/^object: unknown label 99$/)
  })
})

/** What follows the session id in a Partial IV: the counter. */
function beyond(session: Uint8Array, { partialIv }: ObjectParts): Uint8Array {
  return partialIv.subarray(session.length)
}
