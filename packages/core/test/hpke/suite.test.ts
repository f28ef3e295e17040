// SPDX-License-Identifier: Apache-2.0
import { CipherSuite, type KEMFactory } from 'hpke'
import { createHash, createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { concatBytes, utf8 } from '../../src/bytes.js'
import type { CryptoProvider } from '../../src/crypto/provider.js'
import {
  generateKemKeyPair,
  type HpkeSealed,
  KEM_PARAMETERS,
  type KemKeyPair,
  type KemKind,
  openBase,
  sealBase,
} from '../../src/hpke/suite.js'
import { providers } from '../crypto/providers.js'

const kinds: readonly KemKind[] = ['x25519', 'x-wing']
const context = { info: utf8('info'), aad: utf8('aad') }
const plaintext = utf8('plaintext')
const notAuthentic: unknown = expect.objectContaining({
  code: 'ERR_NOT_AUTHENTIC',
  message: 'the object could not be opened',
})

/** A generator that repeats itself: what a restored snapshot of a machine may have. */
const stuck = (crypto: CryptoProvider): CryptoProvider => ({
  ...crypto,
  randomBytes: (lengthBytes) => new Uint8Array(lengthBytes).fill(0x5a),
})

const seal = (
  crypto: CryptoProvider,
  recipientKey: KemKeyPair,
  text = plaintext,
): Promise<HpkeSealed> => sealBase(crypto, { recipientKey, plaintext: text, ...context })

describe.each(providers)('HPKE with $name', (crypto) => {
  describe.each(kinds)('and %s', (kind) => {
    it('opens what was sealed, and nothing changed or misdirected', async () => {
      const key = await generateKemKeyPair(crypto, kind)
      const other = await generateKemKeyPair(crypto, kind)
      const sealed = await seal(crypto, key)
      expect(sealed.encapsulatedKey).toHaveLength(KEM_PARAMETERS[kind].encapsulatedKeyBytes)
      expect(sealed.ciphertext).toHaveLength(plaintext.length + 16)
      const input = { ...sealed, ...context }
      expect(await openBase(crypto, key, input)).toStrictEqual(plaintext)

      const flipped = (bytes: Uint8Array): Uint8Array => bytes.with(0, bytes[0]! ^ 1)
      const wrong = [
        { ...input, info: utf8('Info') },
        { ...input, aad: utf8('Aad') },
        { ...input, ciphertext: flipped(sealed.ciphertext) },
        { ...input, ciphertext: sealed.ciphertext.subarray(0, 15) },
        { ...input, ciphertext: new Uint8Array() },
        { ...input, encapsulatedKey: flipped(sealed.encapsulatedKey) },
        { ...input, encapsulatedKey: sealed.encapsulatedKey.subarray(1) },
        { ...input, encapsulatedKey: new Uint8Array(sealed.encapsulatedKey.length) },
      ]
      for (const bad of wrong)
        await expect(openBase(crypto, key, bad)).rejects.toThrow(notAuthentic)
      await expect(openBase(crypto, other, input)).rejects.toThrow(notAuthentic)
    })

    it('makes the same key pair of the same seed, and of fresh ones different pairs', async () => {
      const seed = new Uint8Array(32).fill(3)
      const pair = await generateKemKeyPair(crypto, kind, seed)
      expect(pair).toStrictEqual(await generateKemKeyPair(crypto, kind, seed))
      expect(pair.kind).toBe(kind)
      expect(pair.publicKey).toHaveLength(KEM_PARAMETERS[kind].publicKeyBytes)
      expect(pair.secretKey).toHaveLength(KEM_PARAMETERS[kind].secretKeyBytes)
      expect(pair.secretKey).not.toStrictEqual(seed)
      const fresh = await generateKemKeyPair(crypto, kind)
      expect(fresh.secretKey).not.toStrictEqual((await generateKemKeyPair(crypto, kind)).secretKey)
    })

    it('makes keys that the other providers make too, and opens what these seal', async () => {
      const seed = crypto.randomBytes(32)
      const key = await generateKemKeyPair(crypto, kind, seed)
      for (const other of providers) {
        expect(await generateKemKeyPair(other, kind, seed)).toStrictEqual(key)
        const sealed = await seal(other, key)
        expect(await openBase(crypto, key, { ...sealed, ...context })).toStrictEqual(plaintext)
      }
    })

    it('names a seed or a public key of a wrong length as the bug of the caller', async () => {
      const short = new Uint8Array(31)
      await expect(generateKemKeyPair(crypto, kind, short)).rejects.toThrow(RangeError)
      const key = { kind, publicKey: short, secretKey: short }
      await expect(seal(crypto, key)).rejects.toThrow(RangeError)
    })
  })

  it('refuses to seal to an X25519 key of small order', async () => {
    // 0, 1, and p + 1, which is 1 written in another way.
    for (const [low, high] of [
      [0, 0],
      [1, 0],
      [0xee, 0x7f],
    ] as const) {
      const publicKey = new Uint8Array(32).fill(high === 0 ? 0 : 0xff)
      publicKey[0] = low
      publicKey[31] = high
      const key = { kind: 'x25519', publicKey, secretKey: new Uint8Array(32) } as const
      await expect(seal(crypto, key)).rejects.toMatchObject({
        code: 'ERR_KEY_INVALID',
        details: { field: 'recipientKey' },
        cause: expect.any(Error),
      })
    }
  })

  it('refuses to seal to bytes that are no ML-KEM key', async () => {
    const publicKey = new Uint8Array(1216).fill(0xff)
    const key = { kind: 'x-wing', publicKey, secretKey: new Uint8Array(32) } as const
    await expect(seal(crypto, key)).rejects.toMatchObject({ code: 'ERR_KEY_INVALID' })
  })

  it('hedges the X25519 ephemeral: a stuck generator repeats none for another text or key', async () => {
    const key = await generateKemKeyPair(crypto, 'x25519')
    const other = await generateKemKeyPair(crypto, 'x25519')
    const weak = stuck(crypto)
    const sealed = await seal(weak, key)
    expect(await seal(weak, key)).toStrictEqual(sealed)
    const otherText = await seal(weak, key, utf8('Plaintext'))
    const otherKey = await seal(weak, other)
    expect(otherText.encapsulatedKey).not.toStrictEqual(sealed.encapsulatedKey)
    expect(otherKey.encapsulatedKey).not.toStrictEqual(sealed.encapsulatedKey)
    const fresh = await seal(crypto, key)
    expect(fresh.encapsulatedKey).not.toStrictEqual((await seal(crypto, key)).encapsulatedKey)
    expect(await openBase(crypto, key, { ...sealed, ...context })).toStrictEqual(plaintext)
  })

  it('derives the hedged ephemeral as specified', async () => {
    const key = await generateKemKeyPair(crypto, 'x25519', new Uint8Array(32).fill(9))
    const digest = createHash('sha256').update(plaintext).digest()
    const data = concatBytes(utf8('waxwing hedged ephemeral v1'), key.publicKey, digest)
    const mac = createHmac('sha512', Buffer.alloc(64, 0x5a)).update(data).digest()
    const ephemeral = await generateKemKeyPair(crypto, 'x25519', mac.subarray(0, 32))
    const sealed = await seal(stuck(crypto), key)
    expect(sealed.encapsulatedKey).toStrictEqual(ephemeral.publicKey)
  })

  it('refuses a KEM that makes its ephemeral in another way, for it would not be hedged', async () => {
    const x25519: KEMFactory = () => {
      const kem = crypto.hpke.x25519()
      return { ...kem, Encap: (publicKey) => kem.Encap(publicKey) }
    }
    const hpke = { ...crypto.hpke, x25519 }
    const key = await generateKemKeyPair(crypto, 'x25519')
    await expect(seal({ ...crypto, hpke }, key)).rejects.toThrow(TypeError)
  })

  it('blames no key for a fault of the AEAD', async () => {
    const part = crypto.hpke.chacha20Poly1305()
    const Seal = (): Promise<Uint8Array> => Promise.reject(new TypeError('a fault'))
    const hpke = { ...crypto.hpke, chacha20Poly1305: () => ({ ...part, Seal }) }
    const key = await generateKemKeyPair(crypto, 'x25519')
    await expect(seal({ ...crypto, hpke }, key)).rejects.not.toHaveProperty('code')
  })

  it('leaves the KEM of the provider as it is', async () => {
    const before = Object.entries(crypto.hpke.x25519())
    await seal(crypto, await generateKemKeyPair(crypto, 'x25519'))
    const suite = new CipherSuite(
      crypto.hpke.x25519,
      crypto.hpke.hkdfSha256,
      crypto.hpke.chacha20Poly1305,
    )
    expect(Object.keys(crypto.hpke.x25519())).toStrictEqual(before.map(([name]) => name))
    const first = await suite.SerializePublicKey((await suite.GenerateKeyPair()).publicKey)
    const second = await suite.SerializePublicKey((await suite.GenerateKeyPair()).publicKey)
    expect(first).not.toStrictEqual(second)
  })

  it('refuses kinds of key that are no KEM', async () => {
    const made = generateKemKeyPair(crypto, 'ed25519' as KemKind)
    await expect(made).rejects.toThrow(TypeError)
    await expect(made).rejects.toThrow(/^kind /)
  })
})
