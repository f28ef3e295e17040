// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes, fromHex } from '../../src/bytes.js'
import { decodeCbor, encodeCbor } from '../../src/cbor/cbor.js'
import { type ItemLimits, itemEnd } from '../../src/cbor/item-end.js'
import { values } from './values.js'

const endOf = (hex: string, limits?: ItemLimits): number | undefined =>
  itemEnd(fromHex(hex), 0, limits)
const code = (wanted: string): unknown => expect.objectContaining({ code: wanted })
const noise = fc.uint8Array({ maxLength: 20 })

describe('itemEnd', () => {
  it('finds the end of an item between other bytes', () => {
    fc.assert(
      fc.property(noise, values, noise, (before, value, after) => {
        const item = encodeCbor(value)
        const end = before.length + item.length
        expect(itemEnd(concatBytes(before, item, after), before.length)).toBe(end)
      }),
      { numRuns: 200 },
    )
  })

  it('asks for more at every cut of an item', () => {
    fc.assert(
      fc.property(values, fc.nat(), (value, cut) => {
        const item = encodeCbor(value)
        expect(itemEnd(item.subarray(0, cut % item.length), 0)).toBeUndefined()
      }),
      { numRuns: 300 },
    )
  })

  it('takes a sequence apart, byte by byte as it arrives', () => {
    fc.assert(
      fc.property(fc.array(values, { maxLength: 4 }), (list) => {
        const sequence = concatBytes(...list.map((value) => encodeCbor(value)))
        const found: unknown[] = []
        let start = 0
        for (let length = 1; length <= sequence.length; length++) {
          const end = itemEnd(sequence.subarray(0, length), start)
          if (end === undefined) continue
          found.push(decodeCbor(sequence.subarray(start, end), 'item'))
          start = end
        }
        expect(found).toStrictEqual(list)
      }),
      { numRuns: 50 },
    )
  })

  it('throws nothing but its two codes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 16 }), (bytes) => {
        expect(errorOf(() => itemEnd(bytes, 0))).toBeOneOf([
          undefined,
          'ERR_MALFORMED',
          'ERR_LIMIT',
        ])
      }),
      { numRuns: 500 },
    )
  })

  it('finds all of the input to be the item wherever decoding succeeds', () => {
    let decoded = 0
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4 }), (bytes) => {
        fc.pre(errorOf(() => decodeCbor(bytes, 'item')) === undefined)
        decoded += 1
        expect(itemEnd(bytes, 0)).toBe(bytes.length)
      }),
      { numRuns: 200 },
    )
    expect(decoded).toBeGreaterThan(50)
  })

  it.each([
    ['an indefinite length', '9f'],
    ['a break', 'ff'],
    ['reserved additional information', '1c'],
    ['a number longer than it has to be', '1800'],
    ['a length longer than it has to be', '5900ff'],
    ['a float', 'f9'],
    ['undefined', 'f7'],
    ['a simple value of two bytes', 'f8'],
    ['a fault inside an unfinished array', '8200ff'],
    ['a tag of more than 53 bits', 'db0020000000000000'],
  ])('refuses %s before the item is complete', (_, hex) => {
    expect(() => endOf(hex)).toThrow(code('ERR_MALFORMED'))
  })

  it('leaves the order of keys and the validity of text to the decoder', () => {
    expect(endOf('a202000100')).toBe(5)
    expect(endOf('61ff')).toBe(2)
  })

  it('counts arrays, maps and tags as levels, empty ones too', () => {
    expect(endOf('80', { maxDepth: 1 })).toBe(1)
    expect(endOf('8180', { maxDepth: 2 })).toBe(2)
    expect(() => endOf('8180', { maxDepth: 1 })).toThrow(code('ERR_LIMIT'))
    expect(() => endOf('a100a0', { maxDepth: 1 })).toThrow(code('ERR_LIMIT'))
    expect(() => endOf('c080', { maxDepth: 1 })).toThrow(code('ERR_LIMIT'))
    expect(endOf('00', { maxDepth: 0 })).toBe(1)
    expect(endOf('81'.repeat(15) + '80')).toBe(16)
    expect(() => endOf('81'.repeat(16) + '80')).toThrow(code('ERR_LIMIT'))
  })

  it('does not count items that stand side by side as levels', () => {
    expect(endOf(`9864${'80'.repeat(100)}`, { maxDepth: 2 })).toBe(102)
  })

  it('takes an item of just the longest size and refuses one byte more', () => {
    expect(endOf('43010203', { maxBytes: 4 })).toBe(4)
    expect(endOf('8300010200', { maxBytes: 4 })).toBe(4)
    expect(() => endOf('43010203', { maxBytes: 3 })).toThrow(code('ERR_LIMIT'))
    expect(() => endOf('83000102', { maxBytes: 3 })).toThrow(code('ERR_LIMIT'))
    expect(itemEnd(fromHex('ffff43010203'), 2, { maxBytes: 4 })).toBe(6)
  })

  it('refuses what can only become too long without waiting for it', () => {
    expect(() => endOf('44', { maxBytes: 4 })).toThrow(code('ERR_LIMIT'))
    expect(() => endOf('84', { maxBytes: 4 })).toThrow(code('ERR_LIMIT'))
    expect(() => endOf('a2', { maxBytes: 4 })).toThrow(code('ERR_LIMIT'))
    expect(() => endOf('19', { maxBytes: 1 })).toThrow(code('ERR_LIMIT'))
    expect(() => endOf('82810000', { maxBytes: 3 })).toThrow(code('ERR_LIMIT'))
    expect(endOf('83', { maxBytes: 4 })).toBeUndefined()
  })

  it.each(['5b', '7b', '9b', 'bb'])('refuses a claim of 2^63 at once (%s)', (major) => {
    expect(() => endOf(`${major}7fffffffffffffff`)).toThrow(code('ERR_LIMIT'))
    expect(endOf(`${major}0000010000000000`)).toBeUndefined()
  })

  it('needs time in proportion to the input', () => {
    const count = 1_000_000
    const bytes = new Uint8Array(5 + count)
    bytes.set(fromHex('9a000f4240'))
    const started = performance.now()
    expect(itemEnd(bytes, 0)).toBe(bytes.length)
    expect(performance.now() - started).toBeLessThan(10_000) // with its square it would be hours
  })

  it('names an offset outside of the input as the bug of the caller', () => {
    expect(itemEnd(new Uint8Array(2), 2)).toBeUndefined()
    expect(() => itemEnd(new Uint8Array(2), 3)).toThrow(RangeError)
    expect(() => itemEnd(new Uint8Array(2), -1)).toThrow(RangeError)
    expect(() => itemEnd(new Uint8Array(2), 0.5)).toThrow(RangeError)
  })
})

/** The code that a call throws, or the error where it has none. */
function errorOf(call: () => unknown): unknown {
  try {
    call()
    return undefined
  } catch (error) {
    return (error as { code?: string }).code ?? error
  }
}
