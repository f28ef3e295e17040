// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { AEAD_PARAMETERS, type AeadAlgorithm, type CryptoProvider } from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import { providers, providersOf } from './providers.js'

const [reference] = providers as [CryptoProvider, ...CryptoProvider[]]

const bytes = (maxLength: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength })
const exactly = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length })

/** What every provider says, said once; fails if they differ. */
function agreed<T>(ask: (provider: CryptoProvider) => T, of = providers): T {
  const answers = of.map(ask)
  for (const answer of answers) expect(answer).toStrictEqual(answers[0])
  return answers[0]!
}

function flip(data: Uint8Array, bit: number): Uint8Array {
  const copy = new Uint8Array(data)
  if (copy.length > 0) copy[Math.floor(bit / 8) % copy.length]! ^= 1 << (bit % 8)
  return copy
}

describe('hashes and key derivation', () => {
  it('all providers compute the same SHA-256', () => {
    fc.assert(fc.property(bytes(300), (data) => void agreed((p) => p.sha256(data))))
  })

  it('all providers compute the same HMAC-SHA-512, for keys below, at and above the block', () => {
    fc.assert(
      fc.property(bytes(300), bytes(1200), (key, data) => {
        agreed((p) => p.hmacSha512(key, data))
      }),
    )
  })

  it('all providers extract the same key, with salts below, at and above the block', () => {
    fc.assert(
      fc.property(bytes(150), bytes(600), (salt, ikm) => {
        expect(agreed((p) => p.hkdfExtractSha256(salt, ikm))).toHaveLength(32)
      }),
    )
  })

  it('all providers expand to the same bytes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 100 }),
        bytes(600),
        fc.integer({ min: 0, max: 200 }),
        (prk, info, length) => {
          expect(agreed((p) => p.hkdfExpandSha256(prk, info, length))).toHaveLength(length)
        },
      ),
    )
  })

  it('returns plain arrays, because CBOR encoders take a Buffer for a map', () => {
    for (const p of providers) {
      const key = p.ed25519SigningKey(new Uint8Array(32))
      const all = [
        p.sha256(new Uint8Array(1)),
        p.hmacSha512(new Uint8Array(32), new Uint8Array(1)),
        p.hkdfExtractSha256(new Uint8Array(1), new Uint8Array(1)),
        p.hkdfExpandSha256(new Uint8Array(32), new Uint8Array(1), 44),
        p.randomBytes(16),
        key.publicKey,
        key.sign(new Uint8Array(1)),
        p.ed25519VerifyingKey(Buffer.from(key.publicKey)).publicKey,
      ]
      for (const result of all) expect(Object.getPrototypeOf(result)).toBe(Uint8Array.prototype)
    }
  })
})

describe.each([1, 3, 10, 24, 30] as AeadAlgorithm[])('AEAD %i', (alg) => {
  const offering = providersOf(alg)
  const { keyBytes, nonceBytes, tagBytes } = AEAD_PARAMETERS[alg]
  const inputs = fc.record({
    key: exactly(keyBytes),
    nonce: exactly(nonceBytes),
    aad: bytes(80),
    plaintext: bytes(400),
  })

  it('seals to the same bytes and opens what the others sealed', () => {
    fc.assert(
      fc.property(inputs, ({ key, nonce, aad, plaintext }) => {
        const sealed = agreed((p) => {
          const out = new Uint8Array(plaintext.length + tagBytes)
          p.aead(alg, key).seal(nonce, aad, plaintext, out)
          return out
        }, offering)
        for (const p of offering) {
          const out = new Uint8Array(plaintext.length)
          expect(p.aead(alg, key).open(nonce, aad, sealed, out)).toBe(true)
          expect(out).toStrictEqual(plaintext)
        }
      }),
    )
  })

  it('opens nothing of which one bit was changed', () => {
    fc.assert(
      fc.property(
        inputs,
        fc.nat(5000),
        fc.constantFrom('nonce', 'aad', 'sealed'),
        (input, bit, what) => {
          const { key, plaintext } = input
          fc.pre(what !== 'aad' || input.aad.length > 0)
          for (const p of offering) {
            const sealed = new Uint8Array(plaintext.length + tagBytes)
            p.aead(alg, key).seal(input.nonce, input.aad, plaintext, sealed)
            const nonce = what === 'nonce' ? flip(input.nonce, bit) : input.nonce
            const aad = what === 'aad' ? flip(input.aad, bit) : input.aad
            const bad = what === 'sealed' ? flip(sealed, bit) : sealed
            const out = new Uint8Array(plaintext.length)
            expect(p.aead(alg, key).open(nonce, aad, bad, out)).toBe(false)
          }
        },
      ),
    )
  })
})

describe('Ed25519', () => {
  it('all providers make the same key and signature of one seed, and verify it', () => {
    fc.assert(
      fc.property(exactly(32), bytes(200), (seed, message) => {
        const publicKey = agreed((p) => p.ed25519SigningKey(seed).publicKey)
        const signature = agreed((p) => p.ed25519SigningKey(seed).sign(message))
        const verdict = agreed((p) => p.ed25519VerifyingKey(publicKey).verify(message, signature))
        expect(verdict).toBe(true)
      }),
      { numRuns: 40 },
    )
  })

  it('all providers refuse a signature of which any bit was changed', () => {
    const { publicKey, sign } = reference.ed25519SigningKey(new Uint8Array(32).fill(7))
    const keys = providers.map((p) => p.ed25519VerifyingKey(publicKey))
    const message = new Uint8Array(20)
    const signature = sign(message)
    for (const key of keys) expect(key.verify(message, signature)).toBe(true)
    for (let bit = 0; bit < 512; bit++) {
      for (const key of keys) expect(key.verify(message, flip(signature, bit))).toBe(false)
    }
  })
})
