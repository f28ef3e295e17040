// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { type CborKey, CborTag, type CborValue } from '../../src/cbor/cbor.js'
import { ArrayFields, MapFields, untag } from '../../src/cbor/fields.js'

const map = (...entries: readonly [CborKey, CborValue][]): MapFields =>
  new MapFields('card', new Map(entries))
const bad = (name: string): unknown =>
  expect.objectContaining({
    code: 'ERR_MALFORMED',
    message: `card: bad ${name}`,
    details: { field: name },
  })

describe('MapFields', () => {
  it('reads each type of field', () => {
    const bytes = Uint8Array.of(1, 2)
    const fields = map(
      [1, bytes],
      [2, 7],
      [3, -7],
      ['four', 'text'],
      [5, true],
      [6, [1]],
      [7, new Map([[1, 2]])],
      [8, new CborTag(1, 0)],
    )
    expect(fields.bytes(1, 'one')).toStrictEqual(bytes)
    expect(fields.uint(2, 'two')).toBe(7)
    expect(fields.int(3, 'three')).toBe(-7)
    expect(fields.text('four', 'four')).toBe('text')
    expect(fields.bool(5, 'five')).toBe(true)
    expect(fields.array(6, 'six')).toStrictEqual([1])
    expect(fields.map(7, 'seven')).toStrictEqual(new Map([[1, 2]]))
    expect(fields.value(8, 'eight')).toStrictEqual(new CborTag(1, 0))
    fields.end()
  })

  it('names the field that is missing or of another type', () => {
    const fields = map([1, 'text'], [2, 2n ** 60n], [3, null])
    expect(() => fields.bytes(1, 'id')).toThrow(bad('id'))
    expect(() => fields.uint(1, 'count')).toThrow(bad('count'))
    expect(() => fields.uint(2, 'count')).toThrow(bad('count'))
    expect(() => fields.int(2, 'count')).toThrow(bad('count'))
    expect(() => fields.bool(1, 'flag')).toThrow(bad('flag'))
    expect(() => fields.array(1, 'list')).toThrow(bad('list'))
    expect(() => fields.map(1, 'map')).toThrow(bad('map'))
    expect(() => fields.text(3, 'name')).toThrow(bad('name'))
    expect(() => fields.value(9, 'gone')).toThrow(bad('gone'))
    expect(() => fields.text('1', 'name')).toThrow(bad('name'))
  })

  it('holds each field to its limits', () => {
    const fields = map([1, new Uint8Array(4)], [2, 9], [3, 'äö'], [4, [0, 0]], [5, -9])
    expect(fields.bytes(1, 'b', { length: 4 })).toHaveLength(4)
    expect(fields.bytes(1, 'b', { min: 4, max: 4 })).toHaveLength(4)
    expect(() => fields.bytes(1, 'b', { length: 5 })).toThrow(bad('b'))
    expect(() => fields.bytes(1, 'b', { max: 3 })).toThrow(bad('b'))
    expect(() => fields.bytes(1, 'b', { min: 5 })).toThrow(bad('b'))
    expect(fields.uint(2, 'n', { max: 9 })).toBe(9)
    expect(() => fields.uint(2, 'n', { max: 8 })).toThrow(bad('n'))
    expect(() => fields.uint(2, 'n', { min: 10 })).toThrow(bad('n'))
    expect(fields.text(3, 't', { maxBytes: 4 })).toBe('äö')
    expect(() => fields.text(3, 't', { maxBytes: 3 })).toThrow(bad('t'))
    expect(() => fields.text(3, 't', { minBytes: 5 })).toThrow(bad('t'))
    expect(() => fields.array(4, 'a', { max: 1 })).toThrow(bad('a'))
    expect(() => fields.array(4, 'a', { min: 3 })).toThrow(bad('a'))
    expect(() => fields.uint(5, 'n')).toThrow(bad('n'))
    expect(() => fields.int(5, 'n', { min: -8 })).toThrow(bad('n'))
  })

  it('copies byte strings', () => {
    const bytes = Uint8Array.of(1)
    const copy = map([1, bytes]).bytes(1, 'b')
    bytes[0] = 2
    expect(copy[0]).toBe(1)
  })

  it('tells absent from null', () => {
    const fields = map([1, null], [2, Uint8Array.of(1)], [3, 4], [4, 'x'], [5, []], [6, new Map()])
    expect(fields.has(1)).toBe(true)
    expect(fields.optBytes(9, 'b')).toBeUndefined()
    expect(fields.optUint(9, 'b')).toBeUndefined()
    expect(fields.optInt(9, 'b')).toBeUndefined()
    expect(fields.optText(9, 'b')).toBeUndefined()
    expect(fields.optBool(9, 'b')).toBeUndefined()
    expect(fields.optArray(9, 'b')).toBeUndefined()
    expect(fields.optMap(9, 'b')).toBeUndefined()
    expect(fields.optValue(9, 'b')).toBeUndefined()
    expect(() => fields.optBytes(1, 'b')).toThrow(bad('b'))
    expect(() => fields.bytesOrNull(9, 'b')).toThrow(bad('b'))
    expect(fields.bytesOrNull(1, 'b')).toBeNull()
    expect(fields.uintOrNull(1, 'b')).toBeNull()
    expect(fields.intOrNull(1, 'b')).toBeNull()
    expect(fields.textOrNull(1, 'b')).toBeNull()
    expect(fields.arrayOrNull(1, 'b')).toBeNull()
    expect(fields.mapOrNull(1, 'b')).toBeNull()
    expect(fields.bytesOrNull(2, 'b')).toStrictEqual(Uint8Array.of(1))
    expect(() => fields.bytesOrNull(2, 'b', { length: 2 })).toThrow(bad('b'))
    expect(fields.uintOrNull(3, 'b')).toBe(4)
    expect(fields.intOrNull(3, 'b')).toBe(4)
    expect(fields.textOrNull(4, 'b')).toBe('x')
    expect(fields.arrayOrNull(5, 'b')).toStrictEqual([])
    expect(fields.mapOrNull(6, 'b')).toStrictEqual(new Map())
    expect(fields.optValue(1, 'b')).toBeNull()
    fields.end()
  })

  it('refuses at the end what nobody read, and names it', () => {
    const fields = map([1, 0], [2, null], ['x', 0])
    fields.uint(1, 'one')
    fields.uint(1, 'one')
    expect(() => fields.end()).toThrow(bad('field 2'))
    fields.textOrNull(2, 'two')
    expect(() => fields.end()).toThrow(bad('field "x"'))
    fields.value('x', 'x')
    fields.end()
  })

  it('refuses what is no map', () => {
    for (const value of [[], 0, null, 'x', new CborTag(1, new Map()), new Uint8Array(0)]) {
      expect(() => new MapFields('card', value)).toThrow(bad('map'))
    }
  })
})

describe('ArrayFields', () => {
  it('reads fields by position; what lies behind the end is absent', () => {
    const fields = new ArrayFields('card', ['a', 2])
    expect(fields.text(0, 'name')).toBe('a')
    expect(() => fields.end()).toThrow(bad('field 1'))
    expect(fields.optUint(1, 'count')).toBe(2)
    expect(fields.optUint(2, 'more')).toBeUndefined()
    expect(() => fields.uint(2, 'more')).toThrow(bad('more'))
    fields.end()
  })

  it('refuses another length than the one that it is told', () => {
    expect(new ArrayFields('card', [1, 2], 2).uint(1, 'n')).toBe(2)
    expect(() => new ArrayFields('card', [1, 2], 3)).toThrow(bad('array'))
    expect(() => new ArrayFields('card', [1, 2], 1)).toThrow(bad('array'))
    expect(() => new ArrayFields('card', new Map())).toThrow(bad('array'))
  })
})

describe('untag', () => {
  it('takes off the expected tag and refuses another or none', () => {
    expect(untag(new CborTag(18, 'x'), 18, 'card')).toBe('x')
    expect(() => untag(new CborTag(17, 'x'), 18, 'card')).toThrow(bad('tag 18'))
    expect(() => untag('x', 18, 'card')).toThrow(bad('tag 18'))
  })
})
