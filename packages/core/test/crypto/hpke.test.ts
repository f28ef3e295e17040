// SPDX-License-Identifier: Apache-2.0
import { type CryptoProvider, fromHex } from '@waxwing/core'
import {
  AEAD_ChaCha20Poly1305,
  CipherSuite,
  KDF_HKDF_SHA256,
  KEM_DHKEM_X25519_HKDF_SHA256,
  KEM_MLKEM768_X25519,
  type KEMFactory,
  ValidationError,
} from 'hpke'
import { describe, expect, it } from 'vitest'
import { dhkemX25519 } from '../../src/crypto/dhkem-x25519.js'
import { providers } from './providers.js'

type KemName = 'x25519' | 'xWing'

const named = providers.map((p) => [p.name, p] as const)
const pairs = providers.flatMap((a) => providers.map((b) => [a.name, b.name, a, b] as const))
const info = new Uint8Array([1, 2, 3])
const aad = new Uint8Array([4, 5])
const text = new TextEncoder().encode('nodes of a grant')

function suiteOf(provider: CryptoProvider, kem: KemName, factory?: KEMFactory): CipherSuite {
  const { hkdfSha256, chacha20Poly1305 } = provider.hpke
  return new CipherSuite(factory ?? provider.hpke[kem], hkdfSha256, chacha20Poly1305)
}

/** The `hpke` package's own parts, on WebCrypto: an implementation that others wrote. */
const peers: Readonly<Record<KemName, CipherSuite>> = {
  x25519: new CipherSuite(KEM_DHKEM_X25519_HKDF_SHA256, KDF_HKDF_SHA256, AEAD_ChaCha20Poly1305),
  xWing: new CipherSuite(KEM_MLKEM768_X25519, KDF_HKDF_SHA256, AEAD_ChaCha20Poly1305),
}

describe.each(['x25519', 'xWing'] as KemName[])('HPKE with %s', (kem) => {
  it.each(pairs)('what %s seals, %s opens', async (_a, _b, sender, recipient) => {
    const [from, to] = [suiteOf(sender, kem), suiteOf(recipient, kem)]
    const keys = await to.GenerateKeyPair(false)
    const publicKey = await from.DeserializePublicKey(await to.SerializePublicKey(keys.publicKey))
    const sealed = await from.Seal(publicKey, text, { info, aad })
    const { encapsulatedSecret: enc, ciphertext } = sealed
    expect(await to.Open(keys.privateKey, enc, ciphertext, { info, aad })).toStrictEqual(text)
    expect(await to.Open(keys, enc, ciphertext, { info, aad })).toStrictEqual(text)
    ciphertext[0]! ^= 1
    await expect(to.Open(keys, enc, ciphertext, { info, aad })).rejects.toThrow()
    ciphertext[0]! ^= 1
    enc[3]! ^= 1
    await expect(to.Open(keys, enc, ciphertext, { info, aad })).rejects.toThrow()
    await expect(to.Open(keys, new Uint8Array(enc.length), ciphertext)).rejects.toThrow()
  })

  it.each(named)('%s and WebCrypto open what the other sealed', async (_name, provider) => {
    const ours = suiteOf(provider, kem)
    const theirs = peers[kem]
    for (const [from, to] of [
      [ours, theirs],
      [theirs, ours],
    ] as const) {
      const keys = await to.GenerateKeyPair(true)
      const publicKey = await from.DeserializePublicKey(await to.SerializePublicKey(keys.publicKey))
      const { encapsulatedSecret, ciphertext } = await from.Seal(publicKey, text, { info, aad })
      const opened = await to.Open(keys, encapsulatedSecret, ciphertext, { info, aad })
      expect(opened).toStrictEqual(text)
    }
  })

  it('all providers derive the same keys, and import what the others exported', async () => {
    const ikm = new Uint8Array(32).fill(3)
    const exported = []
    for (const provider of providers) {
      const suite = suiteOf(provider, kem)
      const derived = await suite.DeriveKeyPair(ikm, true)
      const secret = await suite.SerializePrivateKey(derived.privateKey)
      const imported = await suite.DeserializePrivateKey(secret, true)
      expect(await suite.SerializePrivateKey(imported)).toStrictEqual(secret)
      exported.push({ secret, public: await suite.SerializePublicKey(derived.publicKey) })
    }
    for (const each of exported) expect(each).toStrictEqual(exported[0])
  })

  it.each(named)('%s keeps a secret key that is not extractable', async (_name, provider) => {
    const suite = suiteOf(provider, kem)
    const secret = new Uint8Array(32).fill(8)
    for (const key of [
      (await suite.GenerateKeyPair()).privateKey,
      (await suite.DeriveKeyPair(secret)).privateKey,
      await suite.DeserializePrivateKey(secret),
    ]) {
      await expect(suite.SerializePrivateKey(key)).rejects.toThrow(TypeError)
      await expect(provider.hpke[kem]().SerializePrivateKey(key)).rejects.toThrow(TypeError)
    }
  })

  it.each(named)('%s refuses keys that another implementation made', async (_name, provider) => {
    const suite = suiteOf(provider, kem)
    const { algorithm } = (await suite.GenerateKeyPair()).publicKey
    const forged = { algorithm, extractable: true, type: 'public' as const }
    await expect(suite.Seal(forged, text)).rejects.toThrow()
  })

  it.each(named)('%s copies what it imports', async (_name, provider) => {
    const suite = suiteOf(provider, kem)
    const keys = await suite.DeriveKeyPair(new Uint8Array(32).fill(1), true)
    const publicBytes = await suite.SerializePublicKey(keys.publicKey)
    const secretBytes = await suite.SerializePrivateKey(keys.privateKey)
    const publicKey = await suite.DeserializePublicKey(publicBytes)
    const secretKey = await suite.DeserializePrivateKey(secretBytes)
    publicBytes.fill(0)
    secretBytes.fill(0)
    const { encapsulatedSecret, ciphertext } = await suite.Seal(publicKey, text)
    expect(await suite.Open(secretKey, encapsulatedSecret, ciphertext)).toStrictEqual(text)
  })
})

/** Public keys of small order on Curve25519 and its twist, reduced and not (RFC 7748 Section 7). */
const SMALL_ORDER = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
]

describe.each(named)('an all-zero X25519 secret, %s', (_name, provider) => {
  it.each(SMALL_ORDER)('is refused at both ends, for X25519 (%s)', async (bytes) => {
    const suite = suiteOf(provider, 'x25519')
    const keys = await suite.GenerateKeyPair()
    const publicKey = await suite.DeserializePublicKey(fromHex(bytes))
    await expect(suite.Seal(publicKey, text)).rejects.toThrow()
    await expect(suite.Open(keys, fromHex(bytes), new Uint8Array(40))).rejects.toThrow()
    const kem = provider.hpke.x25519()
    await expect(kem.Decap(fromHex(bytes), keys.privateKey, keys.publicKey)).rejects.toThrow()
  })

  it('is refused at both ends, for X-Wing', async () => {
    const suite = suiteOf(provider, 'xWing')
    const kem = provider.hpke.xWing()
    const keys = await suite.GenerateKeyPair()
    const publicBytes = await suite.SerializePublicKey(keys.publicKey)
    const { enc } = await kem.Encap(keys.publicKey)
    for (const bytes of SMALL_ORDER) {
      publicBytes.set(fromHex(bytes), 1184)
      enc.set(fromHex(bytes), 1088)
      await expect(kem.Decap(enc, keys.privateKey, keys.publicKey)).rejects.toThrow()
      const bad = await suite.DeserializePublicKey(publicBytes)
      await expect(suite.Seal(bad, text)).rejects.toThrow()
    }
  })
})

describe('DHKEM over a library that lets an all-zero secret through', () => {
  it('refuses it all the same', async () => {
    const kem = dhkemX25519({
      x25519: () => ({ publicKey: new Uint8Array(32), agree: () => new Uint8Array(32) }),
      hmacSha256: (_key, data) => providers[0]!.sha256(data),
      randomBytes: (length) => new Uint8Array(length),
    })()
    const { privateKey, publicKey } = await kem.GenerateKeyPair(false)
    await expect(kem.Encap(publicKey)).rejects.toThrow(ValidationError)
    await expect(kem.Decap(new Uint8Array(32), privateKey, publicKey)).rejects.toThrow(
      ValidationError,
    )
  })
})
