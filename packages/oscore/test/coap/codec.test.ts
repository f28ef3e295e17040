// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { fromHex, toHex, WaxwingError } from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import { type CoapMessage, decodeCoap, encodeCoap, sortOptions } from '../../src/index.js'
import { requests, responses } from './arbitrary-messages.js'

const EMPTY = new Uint8Array(0)
const withOption = (number: number, length: number): CoapMessage => ({
  code: 1,
  options: [{ number, value: new Uint8Array(length) }],
  payload: EMPTY,
})
const headOf = (number: number, length: number): string =>
  toHex(encodeCoap(withOption(number, length)).subarray(1, -length || undefined))

describe('the CoAP codec', () => {
  it('gives back what it wrote, options sorted', () => {
    fc.assert(
      fc.property(fc.oneof(requests, responses), (message) => {
        const options = sortOptions(message.options)
        expect(decodeCoap(encodeCoap(message))).toEqual({ ...message, options })
      }),
    )
  })

  it.each([
    [12, 0, 'c0'],
    [13, 0, 'd000'],
    [268, 0, 'd0ff'],
    [269, 0, 'e00000'],
    [65_535, 0, 'e0fef2'],
    [1, 12, '1c'],
    [1, 13, '1d00'],
    [1, 268, '1dff'],
    [1, 269, '1e0000'],
    [1, 65_804, '1effff'],
    [300, 300, 'ee001f001f'],
  ])('writes option %i of %i bytes with the head %s', (number, length, head) => {
    expect(headOf(number, length)).toBe(head)
    expect(decodeCoap(encodeCoap(withOption(number, length)))).toEqual(withOption(number, length))
  })

  it('keeps the order of instances of one option', () => {
    const paths = ['a', 'b', 'c'].map((name) => ({
      number: 11,
      value: new TextEncoder().encode(name),
    }))
    const options = [{ number: 15, value: EMPTY }, ...paths, { number: 1, value: EMPTY }]
    const decoded = decodeCoap(encodeCoap({ code: 1, options, payload: EMPTY }))
    expect(decoded.options.slice(1, 4)).toStrictEqual(paths)
  })

  it.each([
    ['nothing', ''],
    ['a marker before no payload', '01ff'],
    ['a delta nibble of 15', '01f0'],
    ['a length nibble of 15', '010f'],
    ['a delta that is cut off', '01d0'],
    ['a long delta that is cut off', '01e000'],
    ['a length that is cut off', '010d'],
    ['a value that is cut off', '01b37476'],
    ['a number above 65535', '01e0fef310'],
    ['a sum of deltas above 65535', '01e0fef210'],
  ])('refuses %s', (_, hex) => {
    expect(() => decodeCoap(fromHex(hex))).toThrow(
      expect.objectContaining({ code: 'ERR_MALFORMED' }),
    )
  })

  it('decodes, or is malformed, whatever the bytes, and knows one encoding', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          expect(encodeCoap(decodeCoap(bytes))).toStrictEqual(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(WaxwingError)
          expect(error).toHaveProperty('code', 'ERR_MALFORMED')
        }
      }),
      { numRuns: 2000 },
    )
  })

  it.each([
    ['a code above 255', { code: 256, options: [], payload: EMPTY }],
    ['a code that is no integer', { code: 0.5, options: [], payload: EMPTY }],
    ['an option above 65535', withOption(65_536, 0)],
    ['an option below 0', withOption(-1, 0)],
    ['a value above 65804 bytes', withOption(1, 65_805)],
  ])('does not write %s', (_, message) => {
    expect(() => encodeCoap(message)).toThrow(RangeError)
  })
})

it('a message of more options than a call takes arguments is written again', () => {
  const bytes = new Uint8Array(300_000)
  bytes[0] = 1
  expect(encodeCoap(decodeCoap(bytes))).toEqual(bytes)
})
