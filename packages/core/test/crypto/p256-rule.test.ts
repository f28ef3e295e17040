// SPDX-License-Identifier: Apache-2.0
// What is checked before a library is asked: alone, because most libraries check it again.
import { concatBytes, fromHex, WaxwingError } from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import {
  checkP256SecretKey,
  checkPointForm,
  isWellFormedEs256Signature,
  pointWithX,
  randomP256SecretKey,
  xOf,
} from '../../src/crypto/p256-rule.js'
import { providers } from './providers.js'

const ORDER = 0xffffffff_00000000_ffffffff_ffffffff_bce6faad_a7179e84_f3b9cac2_fc632551n
const bigEndian = (value: bigint): Uint8Array => fromHex(value.toString(16).padStart(64, '0'))
const zeros = (length: number): Uint8Array => new Uint8Array(length)

const IN_RANGE = [1n, 2n, 255n, 256n, 1n << 255n, ORDER - 256n, ORDER - 1n].map(bigEndian)
const OUT_OF_RANGE = [0n, ORDER, ORDER + 1n, ORDER + 256n, 2n ** 256n - 1n].map(bigEndian)

/** The rule that a call says is broken; `none` if it returns. */
function brokenRule(call: () => unknown): string | undefined {
  try {
    call()
    return 'none'
  } catch (error) {
    expect(error).toBeInstanceOf(WaxwingError)
    expect(error).toMatchObject({ code: 'ERR_KEY_INVALID' })
    return (error as WaxwingError).details.rule
  }
}

describe('the rule for P-256', () => {
  it('has secret keys from 1 to n - 1', () => {
    for (const secretKey of IN_RANGE) checkP256SecretKey(secretKey)
    for (const secretKey of OUT_OF_RANGE) {
      expect(() => checkP256SecretKey(secretKey)).toThrow(/^secretKey must be from 1 to n - 1$/)
    }
    for (const length of [0, 31, 33, 64]) {
      const expected = `secretKey must be 32 bytes, got ${length}`
      expect(() => checkP256SecretKey(zeros(length).fill(1))).toThrow(new RangeError(expected))
    }
  })

  it('has secret keys drawn again while they are none', () => {
    const [none, order] = [OUT_OF_RANGE[0]!, OUT_OF_RANGE[1]!]
    const draws = [none, order, IN_RANGE[6]!, none]
    let drawn = 0
    const secretKey = randomP256SecretKey((length) => {
      expect(length).toBe(32)
      return draws[drawn++]!
    })
    expect(secretKey).toStrictEqual(IN_RANGE[6])
    expect(drawn).toBe(3)
  })

  it('has r and s of signatures from 1 to n - 1, each for itself', () => {
    for (const r of IN_RANGE) {
      for (const s of IN_RANGE) expect(isWellFormedEs256Signature(concatBytes(r, s))).toBe(true)
      for (const bad of OUT_OF_RANGE) {
        expect(isWellFormedEs256Signature(concatBytes(r, bad))).toBe(false)
        expect(isWellFormedEs256Signature(concatBytes(bad, r))).toBe(false)
      }
    }
    const [r, s] = [IN_RANGE[3]!, IN_RANGE[4]!]
    for (const signature of [zeros(0), r, concatBytes(r, s, zeros(1)), concatBytes(r, s, s)]) {
      expect(isWellFormedEs256Signature(signature)).toBe(false)
    }
    expect(isWellFormedEs256Signature(concatBytes(r, s).subarray(0, 63))).toBe(false)
  })

  it('has points of 33 bytes under 2 and 3, and of 65 under 4', () => {
    const point = (head: number, length: number): Uint8Array =>
      concatBytes(Uint8Array.of(head), zeros(length - 1))
    for (const length of [1, 32, 33, 34, 64, 65, 66]) {
      for (const head of [0, 1, 2, 3, 4, 5, 6, 7, 255]) {
        const isGood = length === 33 ? head === 2 || head === 3 : length === 65 && head === 4
        const expected = isGood ? 'none' : 'form'
        expect(brokenRule(() => checkPointForm(point(head, length)))).toBe(expected)
      }
    }
    expect(brokenRule(() => checkPointForm(zeros(0)))).toBe('form')
  })

  it('makes a compressed point of 32 bytes alone, and takes its x out again', () => {
    const x = IN_RANGE[5]!
    const point = pointWithX(x)
    expect(point).toStrictEqual(concatBytes(Uint8Array.of(2), x))
    expect(xOf(point)).toStrictEqual(x)
    for (const length of [0, 31, 33, 65]) {
      expect(brokenRule(() => pointWithX(zeros(length)))).toBe('length')
    }
  })
})

describe.each(providers.map((p) => [p.name, p] as const))('%s', (_name, provider) => {
  it('names what a public key breaks', () => {
    const p256 = provider.ecdh.p256.importSecretKey(bigEndian(7n))
    const x25519 = provider.ecdh.x25519.importSecretKey(bigEndian(7n))
    const noPoint = concatBytes(Uint8Array.of(2), bigEndian(1n))
    expect(brokenRule(() => p256.agree(bigEndian(1n)))).toBe('point of the curve')
    expect(brokenRule(() => p256.agree(zeros(31)))).toBe('length')
    expect(brokenRule(() => provider.es256VerifyingKey(noPoint))).toBe('point of the curve')
    expect(brokenRule(() => provider.es256VerifyingKey(zeros(33)))).toBe('form')
    expect(brokenRule(() => x25519.agree(zeros(32)))).toBe('small order')
    expect(brokenRule(() => x25519.agree(zeros(31)))).toBe('length')
  })
})
