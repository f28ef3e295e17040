// SPDX-License-Identifier: Apache-2.0
import { array, assert, dictionary, property, string, tuple, uint8Array } from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeClearProperties,
  encodeCbor,
  encodeClearProperties,
  fromHex,
  MAX_CLEAR_PROPERTIES,
  toHex,
  utf8,
} from '@waxwing/core'

describe('properties in the clear part', () => {
  it('are a map of text to text, in one order whatever the application chose', () => {
    const bytes = encodeClearProperties({ region: 'north', unit: 'C', a: '' })
    expect(toHex(bytes)).toBe(
      'a3616160647 56e697461 43 66726567696f6e 656e6f727468'.replaceAll(' ', ''),
    )
    expect(encodeClearProperties({ a: '', unit: 'C', region: 'north' })).toEqual(bytes)
    expect(decodeClearProperties(bytes)).toEqual({ a: '', unit: 'C', region: 'north' })
    expect(decodeClearProperties(fromHex('a0'))).toEqual({})
  })

  it('come back as they were, whatever text they are', () => {
    const name = string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
    const value = string({ unit: 'grapheme', maxLength: 20 })
    const record = array(tuple(name, value), { maxLength: MAX_CLEAR_PROPERTIES })
    assert(
      property(record, (entries) => {
        const properties = Object.fromEntries(entries)
        expect(decodeClearProperties(encodeClearProperties(properties))).toEqual(properties)
      }),
    )
    const odd = Object.fromEntries([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ])
    const decoded = decodeClearProperties(encodeClearProperties(odd)) ?? {}
    expect(new Map(Object.entries(decoded))).toEqual(new Map(Object.entries(odd)))
    expect(Object.isFrozen(decoded)).toBe(true)
  })

  it('are none in a clear part of any other form', () => {
    const others = [
      utf8('north'),
      new Uint8Array(0),
      encodeCbor(['a', 'b']),
      encodeCbor(new Map([[1, 'a']])),
      encodeCbor(new Map([['a', 1]])),
      encodeCbor(new Map([['', 'a']])),
      fromHex('a2616260616160'), // not in order
      fromHex('a2616160616160'), // twice
      fromHex('bf616160ff'), // without a length
      fromHex('b801616160'), // longer than it has to be
      fromHex('a16161'), // cut off
      fromHex('a0a0'), // and something behind
    ]
    for (const one of others) expect(decodeClearProperties(one)).toBeUndefined()
    const tooMany = Array.from({ length: 65 }, (_, i): [string, string] => [`${i}`, ''])
    expect(decodeClearProperties(encodeCbor(new Map(tooMany)))).toBeUndefined()
  })

  it('are found in any bytes, or not, without an error', () => {
    assert(
      property(uint8Array({ maxLength: 40 }), (bytes) => {
        const found = decodeClearProperties(bytes)
        if (found !== undefined) expect(encodeClearProperties(found)).toEqual(bytes)
      }),
    )
    assert(
      property(
        dictionary(string(), string()),
        (any) => void decodeClearProperties(utf8(JSON.stringify(any))),
      ),
    )
  })

  it('are refused where they are too many, too long or no text', () => {
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`p${i}`, '']))
    expect(() => encodeClearProperties(many)).toThrow(RangeError)
    expect(() => encodeClearProperties({ a: 'x'.repeat(65_535) })).toThrow(RangeError)
    expect(encodeClearProperties({ a: 'x'.repeat(65_529) })).toHaveLength(65_535)
    expect(() => encodeClearProperties({ '': 'x' })).toThrow(TypeError)
    expect(() => encodeClearProperties({ a: 1 } as never)).toThrow(/a must be text/)
    expect(() => encodeClearProperties({ a: '\ud800' })).toThrow(TypeError)
  })
})
