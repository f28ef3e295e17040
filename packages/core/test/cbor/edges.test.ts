// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../../src/bytes.js'
import {
  type CborKey,
  CborTag,
  type CborValue,
  decodeCbor,
  encodeCbor,
} from '../../src/cbor/cbor.js'
import { ArrayFields, MapFields } from '../../src/cbor/fields.js'
import { itemEnd } from '../../src/cbor/item-end.js'

const nest = (depth: number, wrap: (inner: CborValue) => CborValue): CborValue =>
  depth === 0 ? 0 : wrap(nest(depth - 1, wrap))
const bad: unknown = expect.objectContaining({ code: 'ERR_MALFORMED' })

describe('encodeCbor, at the edges,', () => {
  it.each([
    ['arrays', (inner: CborValue) => [inner]],
    ['maps', (inner: CborValue) => new Map([[1, inner]])],
    ['tags', (inner: CborValue) => new CborTag(1, inner)],
  ] as const)('writes 16 nested %s and refuses 17', (_, wrap) => {
    expect(encodeCbor(nest(16, wrap)).length).toBeGreaterThan(16)
    expect(() => encodeCbor(nest(17, wrap))).toThrow(RangeError)
  })

  it('puts 0 before all other keys, and -1 behind all from 0 on', () => {
    const map = (...keys: readonly number[]): string =>
      toHex(encodeCbor(new Map(keys.map((key) => [key, 0]))))
    for (const keys of [
      [0, 5, -1, -2],
      [5, 0, -2, -1],
      [-1, 5, -2, 0],
      [-2, -1, 0, 5],
    ]) {
      expect(map(...keys)).toBe('a40000050020002100')
    }
  })

  it.each([
    [0n, '00'],
    [-1n, '20'],
    [2n ** 53n - 1n, '1b001fffffffffffff'],
  ])('writes the bigint %s as the number that it is', (integer, hex) => {
    expect(toHex(encodeCbor(integer))).toBe(hex)
  })

  it.each(['\u007f', '\u0080', '\u07ff', '\u0800', '\ud7ff', '\ue000', '\uffff', '\u{10000}'])(
    'counts the bytes of %j',
    (character) => {
      const text = `a${character}b`
      const bytes = encodeCbor([text, text])
      expect(bytes).toHaveLength(1 + 2 * (1 + Buffer.byteLength(text)))
      expect(decodeCbor(bytes, 'test')).toEqual([text, text])
    },
  )

  it('names what is no data', () => {
    const noData = { a: 1 } as unknown as CborValue
    expect(() => encodeCbor(noData)).toThrow(/^value must be CBOR data/)
    expect(() => encodeCbor([noData])).toThrow(/^value must be CBOR data/)
  })
})

describe('optional fields', () => {
  const entries: readonly [CborKey, CborValue][] = [
    [1, Uint8Array.of(1)],
    [2, 7],
    [3, -7],
    [4, 'text'],
    [5, false],
    [6, [1]],
    [7, new Map([[1, 2]])],
    [8, null],
  ]
  const read = (map: MapFields): readonly unknown[] => [
    map.optBytes(1, 'a'),
    map.optUint(2, 'b'),
    map.optInt(3, 'c'),
    map.optText(4, 'd'),
    map.optBool(5, 'e'),
    map.optArray(6, 'f'),
    map.optMap(7, 'g'),
    map.optValue(8, 'h'),
  ]

  it('are read where they are there, and undefined where they are not', () => {
    const all = new MapFields('test', new Map(entries))
    expect(read(all)).toEqual(entries.map(([, value]) => value))
    expect(() => all.end()).not.toThrow()
    expect(read(new MapFields('test', new Map()))).toEqual(entries.map(() => undefined))
  })

  it('are held to their type and limits where they are there', () => {
    const none = new MapFields('test', new Map(entries.map(([key]) => [key, new CborTag(1, 0)])))
    const reads = [
      () => none.optBytes(1, 'a'),
      () => none.optUint(2, 'b'),
      () => none.optInt(3, 'c'),
      () => none.optText(4, 'd'),
      () => none.optBool(5, 'e'),
      () => none.optArray(6, 'f'),
      () => none.optMap(7, 'g'),
    ]
    for (const each of reads) expect(each).toThrow(bad)
    const all = new MapFields('test', new Map(entries))
    expect(() => all.optMap(7, 'g', { min: 2 })).toThrow(bad)
    expect(() => all.optMap(7, 'g', { max: 0 })).toThrow(bad)
    expect(all.optMap(7, 'g', { min: 1, max: 1 })).toEqual(new Map([[1, 2]]))
    expect(() => all.optArray(6, 'f', { max: 0 })).toThrow(bad)
    expect(() => all.optInt(3, 'c', { min: -6 })).toThrow(bad)
    expect(() => all.optText(4, 'd', { maxBytes: 3 })).toThrow(bad)
  })

  it('of arrays are read by their places', () => {
    const list = new ArrayFields('test', [Uint8Array.of(1), 7])
    expect([list.optBytes(0, 'a'), list.optUint(1, 'b'), list.optUint(2, 'c')]).toEqual([
      Uint8Array.of(1),
      7,
      undefined,
    ])
  })
})

describe('itemEnd', () => {
  it('says that a head alone is too long', () => {
    expect(() => itemEnd(fromHex('19'), 0, { maxBytes: 1 })).toThrow(
      expect.objectContaining({ code: 'ERR_LIMIT', details: { rule: 'item size', offset: 1 } }),
    )
  })
})
