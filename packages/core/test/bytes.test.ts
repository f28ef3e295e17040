// SPDX-License-Identifier: Apache-2.0
import {
  compareBytes,
  concatBytes,
  equalBytes,
  fromBase64Url,
  fromHex,
  toBase64Url,
  toHex,
} from '@waxwing/core'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const arbitrary = fc.uint8Array({ maxLength: 12 })

describe('bytes', () => {
  it('are in hex and in base64url what Node writes, and come back', () => {
    fc.assert(
      fc.property(arbitrary, (bytes) => {
        expect(toHex(bytes)).toBe(Buffer.from(bytes).toString('hex'))
        expect(toBase64Url(bytes)).toBe(Buffer.from(bytes).toString('base64url'))
        expect(fromHex(toHex(bytes).toUpperCase())).toEqual(bytes)
        expect(fromBase64Url(toBase64Url(bytes))).toEqual(bytes)
      }),
    )
  })

  it.each(['a', 'abc', 'a ', 'zz', '0x', '00g0', 'g000', '-1', '\n00\n'])('are not %j', (text) => {
    expect(() => fromHex(text)).toThrow(TypeError)
  })

  it.each(['A', 'AAAAA', 'AA==', 'AB', 'AAC', 'A+', 'A/', ' AA', 'AA\n', 'ÄA'])(
    'are not %j in base64url',
    (text) => {
      expect(fromBase64Url(text)).toBeUndefined()
    },
  )

  it('are compared byte by byte, then by their length', () => {
    fc.assert(
      fc.property(arbitrary, arbitrary, (a, b) => {
        expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(a, b))
        expect(equalBytes(a, b)).toBe(Buffer.compare(a, b) === 0)
        expect(equalBytes(a, a.slice())).toBe(true)
      }),
    )
    expect(equalBytes(fromHex('0102'), fromHex('0103'))).toBe(false)
    expect(equalBytes(fromHex('0202'), fromHex('0102'))).toBe(false)
  })

  it('are joined in order, in a new array', () => {
    const part = Uint8Array.of(1, 2)
    const joined = concatBytes(part, new Uint8Array(0), Uint8Array.of(3), part)
    expect([...joined]).toEqual([1, 2, 3, 1, 2])
    part.fill(9)
    expect([...joined]).toEqual([1, 2, 3, 1, 2])
    expect(concatBytes()).toHaveLength(0)
  })
})
