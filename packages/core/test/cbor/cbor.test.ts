// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../../src/bytes.js'
import { CborTag, type CborValue, decodeCbor, encodeCbor } from '../../src/cbor/cbor.js'
import { encodeByTheBook } from '../twin/cbor.ts'
import { values } from './values.js'

const decodeHex = (hex: string): CborValue => decodeCbor(fromHex(hex), 'test')
const encodeAny = (value: unknown): Uint8Array => encodeCbor(value as CborValue)
const nest = (depth: number, wrap: (inner: CborValue) => CborValue): CborValue =>
  depth === 0 ? 0 : wrap(nest(depth - 1, wrap))

describe('encodeCbor', () => {
  it('writes what the specification says', () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(toHex(encodeCbor(value))).toBe(toHex(encodeByTheBook(value)))
      }),
      { numRuns: 300 },
    )
  })

  it.each([
    [23, '17'],
    [24, '1818'],
    [255, '18ff'],
    [256, '190100'],
    [65_535, '19ffff'],
    [65_536, '1a00010000'],
    [2 ** 32 - 1, '1affffffff'],
    [2 ** 32, '1b0000000100000000'],
    [Number.MAX_SAFE_INTEGER, '1b001fffffffffffff'],
    [2n ** 53n, '1b0020000000000000'],
    [2n ** 64n - 1n, '1bffffffffffffffff'],
    [-1, '20'],
    [-24, '37'],
    [-25, '3818'],
    [-256, '38ff'],
    [-257, '390100'],
    [Number.MIN_SAFE_INTEGER, '3b001ffffffffffffe'],
    [-(2n ** 53n), '3b001fffffffffffff'],
    [-(2n ** 64n), '3bffffffffffffffff'],
  ])('gives %s its shortest form, and reads it back', (integer, hex) => {
    expect(toHex(encodeCbor(integer))).toBe(hex)
    expect(decodeHex(hex)).toBe(integer)
  })

  it('writes small bigints and minus zero like the numbers that they are', () => {
    expect(toHex(encodeCbor(5n))).toBe('05')
    expect(toHex(encodeCbor(-0))).toBe('00')
    expect(toHex(encodeCbor(new Map([[-0, 1]])))).toBe('a10001')
  })

  it('sorts map keys by their encoded bytes, not by length and not as inserted', () => {
    const keys = ['z', -1, 'aa', 100, 10, '', -70_000, 24]
    const map = new Map<number | string, CborValue>(keys.map((key) => [key, 0]))
    const sorted = ['0a', '1818', '1864', '20', '3a0001116f', '60', '617a', '626161']
    expect(toHex(encodeCbor(map))).toBe(`a8${sorted.map((key) => `${key}00`).join('')}`)
  })

  it('takes any kind of Uint8Array as a byte string', () => {
    const buffer = Buffer.from('xabcx').subarray(1, 4)
    expect(toHex(encodeCbor([buffer]))).toBe('8143616263')
    expect(toHex(encodeCbor(new CborTag(18, buffer)))).toBe('d243616263')
  })

  it('returns bytes of their own, without slack', () => {
    const input = new Uint8Array(300)
    const bytes = encodeCbor(input)
    input.fill(1)
    expect(bytes[10]).toBe(0)
    expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype)
    expect(bytes.buffer.byteLength).toBe(bytes.length)
  })

  it.each([
    ['a fraction', 1.5],
    ['NaN', Number.NaN],
    ['infinity', Infinity],
    ['a number that lost precision', 2 ** 53],
    ['undefined', undefined],
    ['undefined in an array', [undefined]],
    ['undefined as contents of a tag', new CborTag(1, undefined as unknown as null)],
    ['a lone surrogate', '\ud800'],
    ['a lone surrogate in a key', new Map([['\udc00', 0]])],
    ['a plain object', { a: 1 }],
    ['a date', new Date(0)],
    ['a typed array of another kind', new Uint16Array(1)],
    ['a function', () => 0],
    ['a symbol', Symbol.for('x')],
    ['a bigint as key', new Map([[1n, 0]])],
    ['a fraction as key', new Map([[1.5, 0]])],
    ['bytes as key', new Map([[new Uint8Array(1), 0]])],
  ])('refuses %s as the bug of the caller', (_, value) => {
    expect(() => encodeAny(value)).toThrow(TypeError)
  })

  it('refuses integers of more than 64 bits and tags that are none', () => {
    expect(() => encodeCbor(2n ** 64n)).toThrow(RangeError)
    expect(() => encodeCbor(-(2n ** 64n) - 1n)).toThrow(RangeError)
    expect(() => new CborTag(-1, 0)).toThrow(RangeError)
    expect(() => new CborTag(0.5, 0)).toThrow(RangeError)
    expect(() => new CborTag(2 ** 53, 0)).toThrow(RangeError)
  })

  it('refuses what is nested too deep, a value inside itself among it', () => {
    const self: CborValue[] = []
    self.push(self)
    expect(() => encodeCbor(self)).toThrow(RangeError)
    expect(() => encodeCbor(nest(17, (inner) => [inner]))).toThrow(RangeError)
  })
})

describe('decodeCbor', () => {
  it('gives back what was encoded', () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(decodeCbor(encodeCbor(value), 'test')).toStrictEqual(value)
      }),
      { numRuns: 300 },
    )
  })

  it.each([
    ['arrays', (inner: CborValue) => [inner]],
    ['maps', (inner: CborValue) => new Map([[1, inner]])],
    ['tags', (inner: CborValue) => new CborTag(1, inner)],
  ] as const)('takes 16 nested %s and refuses 17', (_, wrap) => {
    const deepest = nest(16, wrap)
    expect(decodeCbor(encodeCbor(deepest), 'test')).toStrictEqual(deepest)
    const deeper = encodeByTheBook(nest(17, wrap))
    expect(() => decodeCbor(deeper, 'test')).toThrow('test: bad CBOR')
  })

  it('returns byte strings as plain views into the input', () => {
    const input = Buffer.from('8143616263', 'hex')
    const [bytes] = decodeCbor(input, 'test') as [Uint8Array]
    expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype)
    input[2] = 0x7a
    expect(bytes).toStrictEqual(Uint8Array.of(0x7a, 0x62, 0x63))
  })

  it('keeps a byte order mark, and interprets no tag', () => {
    expect(decodeHex('63efbbbf')).toBe('\ufeff')
    expect(decodeHex('c100')).toStrictEqual(new CborTag(1, 0))
    expect(decodeHex('c24101')).toStrictEqual(new CborTag(2, Uint8Array.of(1)))
    expect(decodeHex('d81843010203')).toStrictEqual(new CborTag(24, Uint8Array.of(1, 2, 3)))
  })

  it.each([
    ['nothing', ''],
    ['bytes behind the item', '0000'],
    ['a duplicate key', 'a201000100'],
    ['keys out of order', 'a202000100'],
    ['keys sorted by length first', 'a218180020001864'],
    ['a duplicate key further down', '81a16161a201000100'],
    ['an indefinite array', '9f00ff'],
    ['an indefinite map', 'bf0000ff'],
    ['an indefinite byte string', '5f4100ff'],
    ['an indefinite text', '7f6161ff'],
    ['a number of one byte too many', '1817'],
    ['a number of two bytes that fits one', '1900ff'],
    ['a number of four bytes that fits two', '1a0000ffff'],
    ['a number of eight bytes that fits four', '1b00000000ffffffff'],
    ['a long negative number', '3817'],
    ['a long length of bytes', '580100'],
    ['a long length of text', '780161'],
    ['a long count of items', '980100'],
    ['a long count of entries', 'b8010000'],
    ['a long tag', 'd80100'],
    ['a long key', 'a1180100'],
    ['text that is no UTF-8', '61ff'],
    ['text with an overlong character', '62c0ae'],
    ['text with a surrogate', '63eda080'],
    ['text cut within a character', '61c3'],
    ['a float of 16 bits', 'f93c00'],
    ['a float of 32 bits', 'fa3fc00000'],
    ['a float of 64 bits', 'fb3ff199999999999a'],
    ['undefined', 'f7'],
    ['an unassigned simple value', 'f0'],
    ['a simple value of two bytes', 'f8ff'],
    ['false in two bytes', 'f814'],
    ['a break', 'ff'],
    ['bytes as key', 'a1410000'],
    ['null as key', 'a1f600'],
    ['an array as key', 'a18000'],
    ['a tagged key', 'a1c00000'],
    ['a key of more than 53 bits', 'a11b002000000000000000'],
    ['a tag of more than 53 bits', 'db002000000000000000'],
  ])('refuses %s', (_, hex) => {
    const refusal = { code: 'ERR_MALFORMED', message: 'test: bad CBOR' }
    expect(() => decodeHex(hex)).toThrow(expect.objectContaining(refusal))
  })

  it('accepts of arbitrary bytes only what it would have written itself', () => {
    let accepted = 0
    fc.assert(
      fc.property(mutated, (bytes) => {
        const rewritten = reencoded(bytes)
        if (rewritten !== REFUSED) accepted += 1
        expect([REFUSED, toHex(bytes)]).toContain(rewritten)
      }),
      { numRuns: 500 },
    )
    expect(accepted).toBeGreaterThan(20)
  })

  it('is not impressed by the lengths that a few bytes claim', () => {
    const heads = ['5b', '7b', '9b', 'bb'].flatMap((major) => [
      `${major}7fffffffffffffff`,
      `${major}ffffffffffffffff`,
      `${major}0000000100000000`,
    ])
    const started = performance.now()
    for (const hex of heads) expect(() => decodeHex(`${hex}00`)).toThrow('test: bad CBOR')
    expect(performance.now() - started).toBeLessThan(10_000)
  })
})

/** Encodings of which some bytes were changed, inserted or removed, and some plain noise. */
const mutated = fc.oneof(
  fc.uint8Array({ maxLength: 12 }),
  fc
    .tuple(values, fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.nat(2)), { maxLength: 2 }))
    .map(([value, edits]) => {
      const bytes = [...encodeCbor(value)]
      for (const [at, byte, kind] of edits) bytes.splice(at % bytes.length, kind, byte)
      return Uint8Array.from(bytes)
    }),
)

const REFUSED = 'WaxwingError ERR_MALFORMED'

/** What decoding and encoding again makes of the bytes, or the name of the error. */
function reencoded(bytes: Uint8Array): string {
  try {
    return toHex(encodeCbor(decodeCbor(bytes, 'test')))
  } catch (error) {
    const { name, code } = error as { name: string; code?: string }
    return `${name} ${code}`
  }
}
