// SPDX-License-Identifier: Apache-2.0
// Reaches nothing of Node, so that it runs in browsers as well.
import { fromHex, toHex, utf8 } from '@waxwing/core'
import { pureProvider } from '@waxwing/core/pure'
import { CipherSuite } from 'hpke'
import { describe, expect, it } from 'vitest'

const SUNSCREEN =
  "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, " +
  'sunscreen would be it.'

describe('the pure provider, wherever it runs', () => {
  it('seals and opens RFC 8439 Section 2.8.2', () => {
    const key = Uint8Array.from({ length: 32 }, (_, i) => 0x80 + i)
    const nonce = fromHex('070000004041424344454647')
    const aad = fromHex('50515253c0c1c2c3c4c5c6c7')
    const aead = pureProvider.aead(24, key)
    const sealed = new Uint8Array(SUNSCREEN.length + 16)
    aead.seal(nonce, aad, utf8(SUNSCREEN), sealed)
    expect(toHex(sealed.subarray(0, 16))).toBe('d31a8d34648e60db7b86afbc53ef7ec2')
    expect(toHex(sealed.subarray(-16))).toBe('1ae10b594f09e26a7e902ecbd0600691')
    const opened = new Uint8Array(SUNSCREEN.length)
    expect(aead.open(nonce, aad, sealed, opened)).toBe(true)
    expect(opened).toStrictEqual(utf8(SUNSCREEN))
    sealed[0]! ^= 1
    expect(aead.open(nonce, aad, sealed, opened)).toBe(false)
  })

  it('signs and verifies RFC 8032 Section 7.1, TEST 2', () => {
    const seed = fromHex('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb')
    const { publicKey, sign } = pureProvider.ed25519SigningKey(seed)
    const signature = sign(fromHex('72'))
    expect(toHex(publicKey)).toBe(
      '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    )
    expect(toHex(signature)).toBe(
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da' +
        '085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    )
    const key = pureProvider.ed25519VerifyingKey(publicKey)
    expect(key.verify(fromHex('72'), signature)).toBe(true)
    expect(key.verify(fromHex('73'), signature)).toBe(false)
  })

  it('derives RFC 5869 Appendix A.1', () => {
    const prk = fromHex('077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5')
    expect(toHex(pureProvider.hkdfExpandSha256(prk, fromHex('f0f1f2f3f4f5f6f7f8f9'), 42))).toBe(
      '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
    )
  })

  it('draws more random bytes than the runtime gives in one call', () => {
    expect(pureProvider.randomBytes(65_537)).toHaveLength(65_537)
  })

  it.each(['x25519', 'xWing'] as const)('opens what it sealed with %s', async (kem) => {
    const { [kem]: factory, hkdfSha256, chacha20Poly1305 } = pureProvider.hpke
    const suite = new CipherSuite(factory, hkdfSha256, chacha20Poly1305)
    const { publicKey, privateKey } = await suite.GenerateKeyPair()
    const { encapsulatedSecret, ciphertext } = await suite.Seal(publicKey, utf8('nodes'))
    expect(await suite.Open(privateKey, encapsulatedSecret, ciphertext)).toStrictEqual(
      utf8('nodes'),
    )
  })
})
