// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { fromHex, toHex, WaxwingError } from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import { decodeOscoreOption, encodeOscoreOption, encodePartialIv } from '../../src/index.js'

const hexOf = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : toHex(bytes)

const options = fc.record({
  partialIv: fc.option(fc.integer({ min: 0, max: 2 ** 40 - 1 }).map(encodePartialIv), {
    nil: undefined,
  }),
  kid: fc.option(fc.uint8Array({ maxLength: 7 }), { nil: undefined }),
  kidContext: fc.option(fc.uint8Array({ maxLength: 255 }), { nil: undefined }),
})

describe('the OSCORE option', () => {
  // RFC 8613 Section 6.3, examples 1 to 5.
  it.each([
    ['090525', '05', '25', undefined],
    ['0900', '00', '', undefined],
    ['19050544616c656b', '05', '', '44616c656b'],
    ['', undefined, undefined, undefined],
    ['0107', '07', undefined, undefined],
  ])('is %s, as published', (value, partialIv, kid, kidContext) => {
    const option = decodeOscoreOption(fromHex(value))
    expect(hexOf(option.partialIv)).toBe(partialIv)
    expect(hexOf(option.kid)).toBe(kid)
    expect(hexOf(option.kidContext)).toBe(kidContext)
    expect(toHex(encodeOscoreOption(option))).toBe(value)
  })

  it('is read back as it was written', () => {
    fc.assert(
      fc.property(options, (option) => {
        expect(decodeOscoreOption(encodeOscoreOption(option))).toEqual(option)
      }),
    )
  })

  it.each([
    ['reserved bit 5', '2914'],
    ['reserved bit 6', '4914'],
    ['reserved bit 7', '8914'],
    ['n of 6', '06010000000000'],
    ['n of 7', '0701000000000000'],
    ['flags of zero that are written out', '00'],
    ['a Partial IV that is cut off', '0514'],
    ['a Partial IV with a leading zero', '020014'],
    ['a kid context without its length', '1114'],
    ['a kid context that is cut off', '10ff01'],
    ['bytes that belong to nothing', '011400'],
  ])('is refused with %s', (_, value) => {
    expect(() => decodeOscoreOption(fromHex(value))).toThrow(
      expect.objectContaining({ code: 'ERR_MALFORMED' }),
    )
  })

  it('decodes, or is malformed, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), (value) => {
        try {
          expect(encodeOscoreOption(decodeOscoreOption(value))).toStrictEqual(value)
        } catch (error) {
          expect(error).toBeInstanceOf(WaxwingError)
          expect(error).toHaveProperty('code', 'ERR_MALFORMED')
        }
      }),
      { numRuns: 2000 },
    )
  })

  it.each([
    ['an empty Partial IV', { partialIv: new Uint8Array(0) }],
    ['a Partial IV of 6 bytes', { partialIv: new Uint8Array(6).fill(1) }],
    ['a Partial IV with a leading zero', { partialIv: Uint8Array.of(0, 1) }],
    ['a kid context of 256 bytes', { kidContext: new Uint8Array(256) }],
  ])('is not written with %s', (_, option) => {
    expect(() => encodeOscoreOption(option)).toThrow(RangeError)
  })
})
