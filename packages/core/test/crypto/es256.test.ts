// SPDX-License-Identifier: Apache-2.0
import { type CryptoProvider, concatBytes, fromHex, toHex, utf8 } from '@waxwing/core'
import { pureProvider } from '@waxwing/core/pure'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { providers } from './providers.js'

/** RFC 6979 Appendix A.2.5. */
const RFC_6979 = {
  secretKey: fromHex('c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721'),
  publicKey:
    '0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6' +
    '7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299',
  signatures: [
    [
      'sample',
      'efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716' +
        'f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8',
    ],
    [
      'test',
      'f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367' +
        '019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083',
    ],
  ],
} as const

const ORDER = 0xffffffff_00000000_ffffffff_ffffffff_bce6faad_a7179e84_f3b9cac2_fc632551n
const PRIME = 0xffffffff_00000001_00000000_00000000_00000000_ffffffff_ffffffff_ffffffffn

const bigEndian = (value: bigint): Uint8Array => fromHex(value.toString(16).padStart(64, '0'))
const numberOf = (bytes: Uint8Array): bigint => BigInt(`0x${toHex(bytes)}`)
const secretKeys = fc.bigInt({ min: 1n, max: ORDER - 1n }).map(bigEndian)
const invalidKey = expect.objectContaining({ code: 'ERR_KEY_INVALID' })

describe.each(providers.map((p) => [p.name, p] as const))('ES256 of %s', (_name, provider) => {
  const { secretKey } = RFC_6979
  const signing = provider.es256SigningKey(secretKey)
  const key = provider.es256VerifyingKey(signing.publicKey)
  const message = utf8('sample')
  const good = fromHex(RFC_6979.signatures[0][1])
  const withR = (r: bigint): Uint8Array => concatBytes(bigEndian(r), good.subarray(32))
  const withS = (s: bigint): Uint8Array => concatBytes(good.subarray(0, 32), bigEndian(s))

  it('makes the public key and verifies the signatures of RFC 6979 Appendix A.2.5', () => {
    expect(toHex(signing.publicKey)).toBe(RFC_6979.publicKey)
    for (const [text, signature] of RFC_6979.signatures) {
      expect(key.verify(utf8(text), fromHex(signature))).toBe(true)
      expect(key.verify(utf8(`${text}s`), fromHex(signature))).toBe(false)
    }
  })

  it('verifies what it signed, and nothing of which a bit was changed', () => {
    const signature = signing.sign(message)
    expect(signature).toHaveLength(64)
    expect(key.verify(message, signature)).toBe(true)
    for (let bit = 0; bit < 512; bit += 5) {
      const changed = signature.with(bit >> 3, signature[bit >> 3]! ^ (1 << (bit & 7)))
      expect(key.verify(message, changed)).toBe(false)
    }
  })

  it('takes the other s, and neither r nor s out of range', () => {
    const [r, s] = [numberOf(good.subarray(0, 32)), numberOf(good.subarray(32))]
    expect(key.verify(message, withS(ORDER - s))).toBe(true)
    for (const bad of [0n, ORDER, 2n ** 256n - 1n]) {
      expect(key.verify(message, withR(bad))).toBe(false)
      expect(key.verify(message, withS(bad))).toBe(false)
    }
    expect(r + ORDER).toBeGreaterThan(2n ** 256n)
    expect(key.verify(message, withS(1n))).toBe(false)
    expect(key.verify(message, withS(ORDER - 1n))).toBe(false)
  })

  it('verifies nothing that is not 64 bytes long', () => {
    expect(key.verify(message, good)).toBe(true)
    for (const length of [0, 1, 32, 63]) {
      expect(key.verify(message, good.subarray(0, length))).toBe(false)
    }
    expect(key.verify(message, concatBytes(good, Uint8Array.of(0)))).toBe(false)
    expect(key.verify(message, concatBytes(Uint8Array.of(0), good))).toBe(false)
  })

  it('imports compressed and uncompressed points to the same key', () => {
    const { publicKey } = signing
    const head = 2 + (publicKey[64]! & 1)
    const compressed = concatBytes(Uint8Array.of(head), publicKey.subarray(1, 33))
    const imported = provider.es256VerifyingKey(compressed)
    expect(imported.publicKey).toStrictEqual(publicKey)
    expect(imported.verify(message, good)).toBe(true)
    const other = provider.es256VerifyingKey(compressed.with(0, head ^ 1))
    expect(other.verify(message, good)).toBe(false)
  })

  it('imports nothing in another form, and no point off the curve', () => {
    const point = signing.publicKey
    const [x, y] = [point.subarray(1, 33), point.subarray(33)]
    const noPoint = [bigEndian(1n), bigEndian(PRIME), bigEndian(PRIME + 5n)]
    const bad = [
      new Uint8Array(),
      Uint8Array.of(0), // infinity
      new Uint8Array(33),
      new Uint8Array(65),
      x,
      point.subarray(1),
      point.subarray(0, 64),
      point.subarray(0, 33),
      concatBytes(point, Uint8Array.of(0)),
      concatBytes(Uint8Array.of(2), x, y),
      concatBytes(Uint8Array.of(6 + (y[31]! & 1)), x, y), // hybrid
      concatBytes(Uint8Array.of(5), x),
      point.with(64, point[64]! ^ 1),
      point.with(1, point[1]! ^ 1),
      ...noPoint.flatMap((each) => [2, 3].map((head) => concatBytes(Uint8Array.of(head), each))),
      // (0, √b) is a point, and p another way to write its x.
      concatBytes(Uint8Array.of(4), bigEndian(PRIME), rootOfB(provider)),
    ]
    for (const each of bad) {
      expect(() => provider.es256VerifyingKey(each), toHex(each)).toThrow(invalidKey)
    }
  })

  it('takes calls with a bad secret key for bugs', () => {
    for (const bad of [0n, ORDER, ORDER + 1n, 2n ** 256n - 1n]) {
      expect(() => provider.es256SigningKey(bigEndian(bad))).toThrow(RangeError)
    }
    for (const length of [0, 31, 33]) {
      const bad = new Uint8Array(length).fill(1)
      expect(() => provider.es256SigningKey(bad)).toThrow(RangeError)
    }
    for (const fine of [1n, ORDER - 1n]) provider.es256SigningKey(bigEndian(fine))
  })

  it('keeps its keys apart from what the caller holds', () => {
    const secret = Buffer.from(secretKey)
    const own = provider.es256SigningKey(secret)
    const publicKey = Buffer.from(own.publicKey)
    const verifying = provider.es256VerifyingKey(publicKey)
    secret.fill(0)
    publicKey.fill(0)
    verifying.publicKey.fill(0)
    own.publicKey.fill(0)
    expect(key.verify(message, own.sign(message))).toBe(true)
    expect(verifying.verify(message, good)).toBe(true)
  })

  it('works on views into larger buffers, and gives plain arrays', () => {
    const room = concatBytes(Uint8Array.of(9, 9, 9), secretKey, Uint8Array.of(9))
    const own = provider.es256SigningKey(room.subarray(3, 35))
    expect(own.publicKey).toStrictEqual(signing.publicKey)
    const shared = concatBytes(own.publicKey, good, Uint8Array.of(7))
    const verifying = provider.es256VerifyingKey(shared.subarray(0, 65))
    expect(verifying.verify(message, shared.subarray(65, 129))).toBe(true)
    const fromBuffer = provider.es256VerifyingKey(Buffer.from(own.publicKey))
    for (const each of [own.publicKey, own.sign(message), fromBuffer.publicKey]) {
      expect(Object.getPrototypeOf(each)).toBe(Uint8Array.prototype)
    }
  })
})

describe('ES256 of all providers', () => {
  it('makes the same key of one secret, and each verifies what the others signed', () => {
    fc.assert(
      fc.property(secretKeys, fc.uint8Array({ maxLength: 200 }), (secretKey, message) => {
        const keys = providers.map((p) => p.es256SigningKey(secretKey))
        for (const { publicKey } of keys) expect(publicKey).toStrictEqual(keys[0]!.publicKey)
        const signatures = keys.map(({ sign }) => sign(message))
        for (const p of providers) {
          const verifying = p.es256VerifyingKey(keys[0]!.publicKey)
          for (const signature of signatures) {
            expect(verifying.verify(message, signature)).toBe(true)
          }
        }
      }),
      { numRuns: 30 },
    )
  })

  it('says the same of any bytes', () => {
    const point = providers[0]!.es256SigningKey(RFC_6979.secretKey).publicKey
    const points = fc.oneof(
      fc.constant(point),
      fc
        .tuple(fc.constantFrom(2, 3, 4), fc.uint8Array({ minLength: 32, maxLength: 32 }))
        .map(([head, x]) => concatBytes(Uint8Array.of(head), x)),
    )
    const halves = fc.oneof(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.bigInt({ min: 0n, max: 3n }).map(bigEndian),
      fc.bigInt({ min: ORDER - 3n, max: ORDER + 3n }).map(bigEndian),
    )
    fc.assert(
      fc.property(points, halves, halves, fc.uint8Array(), (publicKey, r, s, message) => {
        const verdicts = providers.map((p) => judge(p, publicKey, message, concatBytes(r, s)))
        for (const verdict of verdicts) expect(verdict).toBe(verdicts[0])
      }),
      { numRuns: 300 },
    )
  })

  it('signs as RFC 6979 on pure alone', () => {
    for (const [text, signature] of RFC_6979.signatures) {
      const key = pureProvider.es256SigningKey(RFC_6979.secretKey)
      expect(toHex(key.sign(utf8(text)))).toBe(signature)
    }
  })
})

function judge(
  provider: CryptoProvider,
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): unknown {
  try {
    return provider.es256VerifyingKey(publicKey).verify(message, signature)
  } catch (error) {
    return (error as { readonly code?: unknown }).code ?? error
  }
}

/** The y of a point with x = 0. */
function rootOfB(provider: CryptoProvider): Uint8Array {
  const { publicKey } = provider.es256VerifyingKey(Uint8Array.of(2, ...new Uint8Array(32)))
  return publicKey.subarray(33)
}
