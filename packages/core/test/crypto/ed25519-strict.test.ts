// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs'
import { ed25519 } from '@noble/curves/ed25519.js'
import { sha512 } from '@noble/hashes/sha2.js'
import { type CryptoProvider, fromHex, toHex, WaxwingError } from '@waxwing/core'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkPublicKeyBytes, isWellFormedSignature } from '../../src/crypto/ed25519-rule.js'
import { providers } from './providers.js'

type Verdict = 'valid' | 'invalid' | 'ERR_KEY_INVALID'

interface StrictVector {
  readonly id: number
  readonly comment: string
  readonly publicKey: string
  readonly message: string
  readonly signature: string
  readonly result: Verdict
}

const file = JSON.parse(
  readFileSync(new URL('../../../../vectors/ed25519-strict.json', import.meta.url), 'utf8'),
) as { readonly tests: readonly StrictVector[] }

function judge(
  provider: CryptoProvider,
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): Verdict {
  try {
    const key = provider.ed25519VerifyingKey(publicKey)
    return key.verify(message, signature) ? 'valid' : 'invalid'
  } catch (error) {
    if (error instanceof WaxwingError && error.code === 'ERR_KEY_INVALID') return error.code
    throw error
  }
}

const { Point } = ed25519
const littleEndian = (bytes: Uint8Array): bigint =>
  bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n)

/** A point if the encoding is its one encoding, else `undefined`. */
function decodeCanonical(bytes: Uint8Array): InstanceType<typeof Point> | undefined {
  try {
    const point = Point.fromBytes(bytes, true)
    return toHex(point.toBytes()) === toHex(bytes) ? point : undefined
  } catch {
    return undefined
  }
}

/** The rule, written a second time and straight from its words, in curve arithmetic alone. */
function judgeSlowly(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Verdict {
  const a = publicKey.length === 32 ? decodeCanonical(publicKey) : undefined
  if (a === undefined || a.is0() || !a.isTorsionFree()) return 'ERR_KEY_INVALID'
  if (signature.length !== 64) return 'invalid'
  const r = decodeCanonical(signature.subarray(0, 32))
  const s = littleEndian(signature.subarray(32))
  if (r === undefined || r.isSmallOrder() || s >= Point.Fn.ORDER) return 'invalid'
  const input = Buffer.concat([signature.subarray(0, 32), publicKey, message])
  const k = littleEndian(sha512(input)) % Point.Fn.ORDER
  return Point.BASE.multiplyUnsafe(s).equals(r.add(a.multiplyUnsafe(k))) ? 'valid' : 'invalid'
}

describe('strict Ed25519 vectors', () => {
  it('are there, with every verdict', () => {
    const verdicts = file.tests.map((test) => test.result)
    expect(new Set(verdicts)).toStrictEqual(new Set(['valid', 'invalid', 'ERR_KEY_INVALID']))
    expect(verdicts.length).toBeGreaterThan(90)
  })

  const all = providers.map((p) => [p.name, judge.bind(undefined, p)] as const)
  it.each([...all, ['the slow twin', judgeSlowly] as const])('%s passes', (_name, judgeBy) => {
    for (const test of file.tests) {
      const [publicKey, message] = [fromHex(test.publicKey), fromHex(test.message)]
      const verdict = judgeBy(publicKey, message, fromHex(test.signature))
      expect(verdict, `#${test.id} ${test.comment}`).toBe(test.result)
    }
  })
})

describe('the part of the rule that needs no curve', () => {
  it('refuses encodings that are not reduced by itself, whatever the library does', () => {
    const unreduced = file.tests.filter((test) => /with y = p \+|of all ones/.test(test.comment))
    expect(unreduced.length).toBeGreaterThan(30)
    for (const test of unreduced) {
      if (test.comment.startsWith('A')) {
        expect(() => checkPublicKeyBytes(fromHex(test.publicKey)), test.comment).toThrow()
      } else expect(isWellFormedSignature(fromHex(test.signature)), test.comment).toBe(false)
    }
  })

  it('lets every valid vector pass', () => {
    for (const test of file.tests.filter((each) => each.result === 'valid')) {
      expect(() => checkPublicKeyBytes(fromHex(test.publicKey))).not.toThrow()
      expect(isWellFormedSignature(fromHex(test.signature))).toBe(true)
    }
  })
})

const distinct = (values: readonly string[]): readonly string[] => [...new Set(values)]
const keyPool = distinct(file.tests.map((test) => test.publicKey))
const pointPool = distinct([
  ...file.tests.map((test) => test.signature.slice(0, 64)),
  ...keyPool,
]).filter((hex) => hex.length === 64)
const scalarPool = distinct(file.tests.map((test) => test.signature.slice(64))).filter(
  (hex) => hex.length === 64,
)

const encodedPoint = fc.oneof(
  fc.constantFrom(...pointPool).map(fromHex),
  fc.uint8Array({ minLength: 32, maxLength: 32 }),
  // Near the edges of the field, where encodings stop being canonical.
  fc
    .tuple(fc.nat(255), fc.constantFrom(0, 0xff), fc.constantFrom(0, 0x7f, 0x80, 0xff))
    .map(([low, middle, top]) => new Uint8Array(32).fill(middle).fill(low, 0, 1).fill(top, 31)),
)

describe('Ed25519 on odd input', () => {
  it('all providers and the slow twin agree on keys, signatures and pieces of both', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.constantFrom(...keyPool).map(fromHex), encodedPoint),
        encodedPoint,
        fc.constantFrom(...scalarPool).map(fromHex),
        fc.uint8Array({ maxLength: 8 }),
        (publicKey, r, s, message) => {
          const signature = new Uint8Array(Buffer.concat([r, s]))
          const expected = judgeSlowly(publicKey, message, signature)
          for (const provider of providers) {
            expect(judge(provider, publicKey, message, signature), provider.name).toBe(expected)
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  it('all providers agree on a good signature with one bit changed anywhere', () => {
    const good = file.tests.find((test) => test.comment === 'honest')!
    const whole = fromHex(good.publicKey + good.signature + good.message)
    fc.assert(
      fc.property(fc.nat(8 * whole.length - 1), (bit) => {
        const copy = new Uint8Array(whole)
        copy[bit >> 3]! ^= 1 << (bit & 7)
        const parts = [copy.subarray(0, 32), copy.subarray(96), copy.subarray(32, 96)] as const
        const expected = judgeSlowly(...parts)
        expect(expected).not.toBe('valid')
        for (const provider of providers) {
          expect(judge(provider, ...parts), provider.name).toBe(expected)
        }
      }),
      { numRuns: 150 },
    )
  })
})
