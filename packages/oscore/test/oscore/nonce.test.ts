// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { toHex } from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import {
  constructNonce,
  decodePartialIv,
  encodePartialIv,
  MAX_SEQUENCE_NUMBER,
} from '../../src/index.js'

const numbers = fc.integer({ min: 0, max: MAX_SEQUENCE_NUMBER })

describe('Partial IVs', () => {
  it.each([
    [0, '00'],
    [255, 'ff'],
    [256, '0100'],
    [2 ** 32, '0100000000'],
    [MAX_SEQUENCE_NUMBER, 'ffffffffff'],
  ])('write %i as %s', (sequenceNumber, hex) => {
    expect(toHex(encodePartialIv(sequenceNumber))).toBe(hex)
  })

  it('give the number back', () => {
    fc.assert(
      fc.property(numbers, (sequenceNumber) => {
        expect(decodePartialIv(encodePartialIv(sequenceNumber))).toBe(sequenceNumber)
      }),
    )
  })

  it('end before 2^40', () => {
    expect(() => encodePartialIv(MAX_SEQUENCE_NUMBER + 1)).toThrow(
      expect.objectContaining({ code: 'ERR_COUNTER_EXHAUSTED' }),
    )
    for (const bad of [-1, 0.5, Number.NaN]) expect(() => encodePartialIv(bad)).toThrow(RangeError)
  })
})

describe('constructNonce', () => {
  const commonIv = new Uint8Array(13)

  it('puts the length, the identifier and the number at their places', () => {
    const idPiv = Uint8Array.of(0xa, 0xb)
    const partialIv = encodePartialIv(0x123456)
    expect(toHex(constructNonce({ commonIv, idPiv, partialIv }))).toBe('0200000000000a0b0000123456')
  })

  it('gives each pair of identifier and number a nonce of its own', () => {
    const ids = fc.uint8Array({ maxLength: 3 })
    fc.assert(
      fc.property(ids, numbers, ids, numbers, (idA, a, idB, b) => {
        const iv = new Uint8Array(9).fill(0x5a)
        const one = constructNonce({ commonIv: iv, idPiv: idA, partialIv: encodePartialIv(a) })
        const other = constructNonce({ commonIv: iv, idPiv: idB, partialIv: encodePartialIv(b) })
        expect(toHex(one) === toHex(other)).toBe(a === b && toHex(idA) === toHex(idB))
      }),
    )
  })

  it('has room for a Common IV of 7 bytes, with identifiers of one', () => {
    const inputs = { commonIv: new Uint8Array(7), partialIv: encodePartialIv(5) }
    expect(toHex(constructNonce({ ...inputs, idPiv: Uint8Array.of(9) }))).toBe('01090000000005')
    expect(() => constructNonce({ ...inputs, idPiv: Uint8Array.of(9, 9) })).toThrow(RangeError)
  })

  it.each([
    ['a Common IV below 7 bytes', { commonIv: new Uint8Array(6) }],
    ['an identifier of 8 bytes beside 13', { idPiv: new Uint8Array(8) }],
    ['no Partial IV', { partialIv: new Uint8Array(0) }],
    ['a Partial IV of 6 bytes', { partialIv: new Uint8Array(6) }],
  ])('refuses %s', (_, wrong) => {
    const inputs = { commonIv, idPiv: new Uint8Array(7), partialIv: new Uint8Array(1) }
    expect(constructNonce(inputs)).toHaveLength(13)
    expect(() => constructNonce({ ...inputs, ...wrong })).toThrow(RangeError)
  })
})
