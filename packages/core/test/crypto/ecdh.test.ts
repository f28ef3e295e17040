// SPDX-License-Identifier: Apache-2.0
import { concatBytes, type CryptoProvider, fromHex, toHex } from '@waxwing/core'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { x25519Ecdh } from '../../src/crypto/x25519-ecdh.js'
import { providers } from './providers.js'

/** RFC 7748 Section 6.1 and RFC 5903 Section 8.1: secret and public keys of two, and their secret. */
const AGREEMENTS = {
  x25519: {
    a: [
      '77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a',
      '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a',
    ],
    b: [
      '5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb',
      'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f',
    ],
    shared: '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742',
  },
  p256: {
    a: [
      'c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433',
      'dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180',
    ],
    b: [
      'c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53',
      'd12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63',
    ],
    shared: 'd6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de',
  },
} as const

/** The y-coordinates of both, of RFC 5903. */
const P256_Y = {
  a: '5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3',
  b: '56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab',
}

/** All u-coordinates of small order on Curve25519 and its twist, and p and p + 1, which are 0 and 1. */
const SMALL_ORDER = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
].map(fromHex)

const P256_ORDER = 0xffffffff_00000000_ffffffff_ffffffff_bce6faad_a7179e84_f3b9cac2_fc632551n
const P256_PRIME = 0xffffffff_00000001_00000000_00000000_00000000_ffffffff_ffffffff_ffffffffn

const CURVES = ['x25519', 'p256'] as const
const zeros = (length: number): Uint8Array => new Uint8Array(length)
const bigEndian = (value: bigint): Uint8Array => fromHex(value.toString(16).padStart(64, '0'))
const invalidKey = expect.objectContaining({ code: 'ERR_KEY_INVALID' })
const named = providers.map((p) => [p.name, p] as const)
const each = CURVES.flatMap((curve) => providers.map((p) => [curve, p.name, p] as const))

const thirtyTwo = fc.uint8Array({ minLength: 32, maxLength: 32 })
const secretKeys = {
  x25519: thirtyTwo,
  p256: fc.bigInt({ min: 1n, max: P256_ORDER - 1n }).map(bigEndian),
}

describe.each(each)('%s of %s', (curve, _name, provider) => {
  const ecdh = provider.ecdh[curve]
  const { a, b, shared } = AGREEMENTS[curve]

  it('makes the public keys and the secret of the RFC', () => {
    const [one, other] = [a, b].map(([secret]) => ecdh.importSecretKey(fromHex(secret)))
    expect(toHex(one!.publicKey)).toBe(a[1])
    expect(toHex(other!.publicKey)).toBe(b[1])
    expect(toHex(one!.agree(fromHex(b[1])))).toBe(shared)
    expect(toHex(other!.agree(fromHex(a[1])))).toBe(shared)
  })

  it('draws secret keys that it takes, never the same', () => {
    const drawn = [ecdh.randomSecretKey(), ecdh.randomSecretKey()]
    expect(drawn[0]).not.toStrictEqual(drawn[1])
    const [one, other] = drawn.map((secretKey) => ecdh.importSecretKey(secretKey))
    expect(one!.agree(other!.publicKey)).toStrictEqual(other!.agree(one!.publicKey))
  })

  it('takes a secret key of another length for a bug, and a public key for a bad one', () => {
    const secret = ecdh.importSecretKey(fromHex(a[0]))
    const good = fromHex(b[1])
    for (const length of [0, 1, 31, 33, 64]) {
      expect(() => ecdh.importSecretKey(zeros(length).fill(1))).toThrow(RangeError)
    }
    const bad = [
      zeros(0),
      good.subarray(1),
      concatBytes(good, zeros(1)),
      concatBytes(zeros(1), good),
      concatBytes(Uint8Array.of(2), good),
      concatBytes(good, good),
    ]
    for (const publicKey of bad) expect(() => secret.agree(publicKey)).toThrow(invalidKey)
  })

  it('keeps its keys apart from what the caller holds', () => {
    const secretKey = Buffer.from(a[0], 'hex') // a Buffer: its slice() would be a view
    const secret = ecdh.importSecretKey(secretKey)
    const first = secret.agree(fromHex(b[1]))
    secretKey.fill(3)
    secret.publicKey.fill(0)
    const second = secret.agree(fromHex(b[1]))
    first.fill(0)
    expect(toHex(second)).toBe(shared)
    expect(toHex(secret.agree(fromHex(b[1])))).toBe(shared)
  })

  it('works on views into larger buffers, and gives plain arrays', () => {
    const room = concatBytes(zeros(3), fromHex(a[0]), zeros(5), fromHex(b[1]), zeros(2))
    const secret = ecdh.importSecretKey(room.subarray(3, 35))
    const agreed = secret.agree(room.subarray(40, 72))
    expect(toHex(agreed)).toBe(shared)
    const ofBuffers = ecdh.importSecretKey(Buffer.from(a[0], 'hex'))
    const arrays = [agreed, ofBuffers.publicKey, ofBuffers.agree(Buffer.from(b[1], 'hex'))]
    for (const array of [...arrays, ecdh.randomSecretKey()]) {
      expect(Object.getPrototypeOf(array)).toBe(Uint8Array.prototype)
    }
  })
})

describe.each(named)('x25519 of %s', (_name, { ecdh }) => {
  const secret = ecdh.x25519.importSecretKey(fromHex(AGREEMENTS.x25519.a[0]))

  it('refuses every public key of small order, with the topmost bit set as well', () => {
    for (const publicKey of SMALL_ORDER) {
      expect(() => secret.agree(publicKey)).toThrow(invalidKey)
      const withBit = publicKey.with(31, publicKey[31]! | 0x80)
      expect(() => secret.agree(withBit)).toThrow(invalidKey)
    }
  })

  it('ignores the topmost bit of a public key, as RFC 7748 Section 5 says', () => {
    const publicKey = fromHex(AGREEMENTS.x25519.b[1])
    const withBit = publicKey.with(31, publicKey[31]! | 0x80)
    expect(toHex(secret.agree(withBit))).toBe(AGREEMENTS.x25519.shared)
  })
})

describe.each(named)('p256 of %s', (_name, { ecdh, es256SigningKey }) => {
  it('gives the whole point as well, which is that of a signing key', () => {
    for (const name of ['a', 'b'] as const) {
      const [secretKey, x] = AGREEMENTS.p256[name]
      const { point } = ecdh.p256.importSecretKey(fromHex(secretKey))
      expect(toHex(point)).toBe(`04${x}${P256_Y[name]}`)
      expect(es256SigningKey(fromHex(secretKey)).publicKey).toStrictEqual(point)
    }
  })

  it('takes calls with a secret key that is no scalar for bugs', () => {
    for (const bad of [0n, P256_ORDER, P256_ORDER + 1n, 2n ** 256n - 1n]) {
      expect(() => ecdh.p256.importSecretKey(bigEndian(bad))).toThrow(RangeError)
    }
    const [one, last] = [1n, P256_ORDER - 1n].map((n) => ecdh.p256.importSecretKey(bigEndian(n)))
    expect(one!.publicKey).toStrictEqual(last!.publicKey)
    expect(one!.point).not.toStrictEqual(last!.point)
  })

  it('refuses what is no x-coordinate of a point, and one that is not reduced', () => {
    const secret = ecdh.p256.importSecretKey(fromHex(AGREEMENTS.p256.a[0]))
    // 0 is an x-coordinate, 1 is none; p is 0 written in another way.
    expect(secret.agree(zeros(32))).toHaveLength(32)
    const bad = [1n, P256_PRIME, P256_PRIME + 5n, 2n ** 256n - 1n]
    for (const x of bad) expect(() => secret.agree(bigEndian(x))).toThrow(invalidKey)
  })

  it('agrees on the same for both points with an x', () => {
    const { publicKey } = ecdh.p256.importSecretKey(fromHex(AGREEMENTS.p256.b[0]))
    const scalar = BigInt(`0x${AGREEMENTS.p256.b[0]}`)
    const negated = ecdh.p256.importSecretKey(bigEndian(P256_ORDER - scalar))
    expect(negated.publicKey).toStrictEqual(publicKey)
    const own = ecdh.p256.importSecretKey(fromHex(AGREEMENTS.p256.a[0]))
    expect(toHex(negated.agree(own.publicKey))).toBe(AGREEMENTS.p256.shared)
  })
})

describe.each(CURVES)('%s of all providers', (curve) => {
  it('makes the same public key and secret of any two keys', () => {
    fc.assert(
      fc.property(secretKeys[curve], secretKeys[curve], (one, other) => {
        const imported = (p: CryptoProvider, key: Uint8Array) => p.ecdh[curve].importSecretKey(key)
        const answers = providers.map((p) => {
          const { publicKey, agree } = imported(p, one)
          const peer = imported(p, other)
          const shared = agree(peer.publicKey)
          expect(peer.agree(publicKey)).toStrictEqual(shared)
          return { publicKey, shared }
        })
        for (const answer of answers) expect(answer).toStrictEqual(answers[0])
      }),
      { numRuns: 30 },
    )
  })

  it('says the same of any bytes in the place of a public key', () => {
    const verdict = (p: CryptoProvider, secret: Uint8Array, publicKey: Uint8Array): unknown => {
      const own = p.ecdh[curve].importSecretKey(secret)
      try {
        return toHex(own.agree(publicKey))
      } catch (error) {
        return (error as { readonly code?: unknown }).code ?? error
      }
    }
    const peers = fc.oneof(
      { weight: 4, arbitrary: thirtyTwo },
      { weight: 1, arbitrary: fc.constantFrom(...SMALL_ORDER) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 70 }) },
    )
    fc.assert(
      fc.property(secretKeys[curve], peers, (secret, publicKey) => {
        const verdicts = providers.map((p) => verdict(p, secret, publicKey))
        for (const one of verdicts) expect(one).toBe(verdicts[0])
      }),
      { numRuns: 60 },
    )
  })
})

describe('X25519 over a library that forgot the check', () => {
  it('refuses an all-zero secret all the same', () => {
    const forgetful = { publicKey: zeros(32), agree: () => zeros(32) }
    const secret = x25519Ecdh(() => forgetful, zeros).importSecretKey(zeros(32))
    const refused = { code: 'ERR_KEY_INVALID', details: { rule: 'small order' } }
    expect(() => secret.agree(zeros(32).fill(9))).toThrow(expect.objectContaining(refused))
  })
})
