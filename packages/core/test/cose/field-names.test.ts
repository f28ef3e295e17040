// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { type CborKey, CborTag, type CborValue, encodeCbor } from '../../src/cbor/cbor.js'
import { decodeEncrypt0 } from '../../src/cose/encrypt0.js'
import { decodeHpke } from '../../src/cose/hpke.js'
import { parseCoseKey } from '../../src/cose/key.js'
import { decodeSign1 } from '../../src/cose/sign1.js'
import { fieldOf } from '../support/outcome.js'

const none = new Uint8Array(0)
const EMPTY: CborValue = new Map()
const header = (...entries: readonly [CborKey, CborValue][]): Uint8Array =>
  encodeCbor(new Map(entries))

describe('what is refused of', () => {
  it.each<readonly [string, readonly CborValue[]]>([
    ['array', [none, EMPTY, none]],
    ['protected header', [1, EMPTY, none, none]],
    ['protected header', [Uint8Array.of(0x80), EMPTY, none, none]],
    ['unprotected header', [none, 1, none, none]],
    ['header: a label stands in both buckets', [header([4, 0]), new Map([[4, 0]]), none, none]],
    ['header: IV and Partial IV', [header([5, none], [6, none]), EMPTY, none, none]],
    ['crit', [header([2, [99]]), EMPTY, none, none]],
    ['payload', [none, EMPTY, 1, none]],
    ['signature', [none, EMPTY, none, 1]],
  ])('a COSE_Sign1 is named: its %s', (field, elements) => {
    const message = encodeCbor(new CborTag(18, elements))
    expect(fieldOf(() => decodeSign1(message, 'test'))).toBe(field)
  })

  it('a COSE_Encrypt0 is named', () => {
    const field = (value: CborValue): string | undefined =>
      fieldOf(() => decodeEncrypt0(encodeCbor(value), 'test'))
    expect(field(new CborTag(18, [none, EMPTY, none]))).toBe('tag 16')
    expect(field(new CborTag(16, [none, EMPTY]))).toBe('array')
    expect(field(new CborTag(16, [none, EMPTY, 1]))).toBe('ciphertext')
    expect(field(new CborTag(16, [none, EMPTY, none]))).toBeUndefined()
  })

  it('a COSE-HPKE message is named', () => {
    const ek = new Map<CborKey, CborValue>([[-4, new Uint8Array(32)]])
    const field = (protectedHeader: Uint8Array, unprotected: CborValue): string | undefined =>
      fieldOf(() =>
        decodeHpke(encodeCbor(new CborTag(16, [protectedHeader, unprotected, new Uint8Array(16)]))),
      )
    expect(field(header([1, 42]), ek)).toBeUndefined()
    expect(field(none, ek)).toBe('alg')
    expect(field(header([1, 41]), ek)).toBe('alg')
    expect(field(header([-5, none], [1, 42]), ek)).toBe('psk_id')
    expect(field(header([1, 42]), EMPTY)).toBe('ek')
    expect(field(header([1, 42]), new Map([[-4, new Uint8Array(31)]]))).toBe('ek')
    expect(field(header([1, -65_539]), ek)).toBe('ek')
  })

  const x = new Uint8Array(32)
  it.each<readonly [string, readonly [CborKey, CborValue][]]>([
    ['kty', []],
    ['kty', [[1, 2]]],
    ['crv', [[1, 1]]],
    [
      'crv',
      [
        [1, 1],
        [-1, 7],
      ],
    ],
    [
      'x',
      [
        [1, 1],
        [-1, 6],
      ],
    ],
    [
      'x',
      [
        [1, 1],
        [-1, 6],
        [-2, x.subarray(1)],
      ],
    ],
    ['alg', [[1, 7]]],
    [
      'alg',
      [
        [1, 7],
        [3, -49],
      ],
    ],
    [
      'pub',
      [
        [1, 7],
        [3, -65_539],
      ],
    ],
    [
      'pub',
      [
        [1, 7],
        [3, -65_539],
        [-1, x],
      ],
    ],
  ])('a COSE_Key is named: its %s', (field, entries) => {
    expect(fieldOf(() => parseCoseKey(new Map(entries), 'test'))).toBe(field)
  })
})
