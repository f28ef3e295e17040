// SPDX-License-Identifier: Apache-2.0
/**
 * The pure provider where it is meant to work. The vectors are typed in, so that these files need
 * nothing but the package; the long lists of published vectors run on Node.
 */
import { describe, expect, it } from 'vitest'
import {
  ALG_A128GCM,
  ALG_A256GCM,
  ALG_CHACHA20_POLY1305,
  decodeObject,
  encodeMetadata,
  equalBytes,
  fromHex,
  generateKemKeyPair,
  ObjectOpener,
  ObjectSealer,
  openHpke,
  principalId,
  sealHpke,
  signManifest,
  toHex,
  utf8,
  type AeadAlgorithm,
} from '@waxwing/core'
import { pureProvider } from '@waxwing/core/pure'

const EMPTY = new Uint8Array()

interface AeadVector {
  readonly source: string
  readonly alg: AeadAlgorithm
  readonly key: string
  readonly nonce: string
  readonly aad: string
  readonly plaintext: Uint8Array
  readonly sealed: string
}

const AEAD_VECTORS: readonly AeadVector[] = [
  {
    source: 'RFC 8439 Section 2.8.2',
    alg: ALG_CHACHA20_POLY1305,
    key: '808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f',
    nonce: '070000004041424344454647',
    aad: '50515253c0c1c2c3c4c5c6c7',
    plaintext: utf8(
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
    ),
    sealed:
      'd31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b' +
      '1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc' +
      '3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691',
  },
  {
    source: 'the GCM specification, test case 2',
    alg: ALG_A128GCM,
    key: '00'.repeat(16),
    nonce: '00'.repeat(12),
    aad: '',
    plaintext: new Uint8Array(16),
    sealed: '0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf',
  },
  {
    source: 'the GCM specification, test case 14',
    alg: ALG_A256GCM,
    key: '00'.repeat(32),
    nonce: '00'.repeat(12),
    aad: '',
    plaintext: new Uint8Array(16),
    sealed: 'cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919',
  },
]

describe('the pure provider', () => {
  it.each(AEAD_VECTORS)('seals and opens as $source, and opens nothing else', (vector) => {
    const aead = pureProvider.aead(vector.alg, fromHex(vector.key))
    const [nonce, aad] = [fromHex(vector.nonce), fromHex(vector.aad)]
    const sealed = new Uint8Array(vector.plaintext.length + 16)
    aead.seal(nonce, aad, vector.plaintext, sealed)
    expect(toHex(sealed)).toBe(vector.sealed)
    const opened = new Uint8Array(vector.plaintext.length)
    expect(aead.open(nonce, aad, sealed, opened)).toBe(true)
    expect(opened).toEqual(vector.plaintext)
    sealed[0]! ^= 1
    expect(aead.open(nonce, aad, sealed, opened)).toBe(false)
  })

  it('hashes as FIPS 180-4, RFC 4231 Section 4.3 and RFC 5869 Appendix A.1', () => {
    expect(toHex(pureProvider.sha256(utf8('abc')))).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    )
    const text = utf8('what do ya want for nothing?')
    expect(toHex(pureProvider.hmacSha512(utf8('Jefe'), text))).toBe(
      '164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554' +
        '9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737',
    )
    const prk = fromHex('077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5')
    const expanded = pureProvider.hkdfExpandSha256(prk, fromHex('f0f1f2f3f4f5f6f7f8f9'), 42)
    expect(toHex(expanded)).toBe(
      '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
    )
  })

  it('signs and verifies as RFC 8032 Section 7.1, test 1', () => {
    const key = pureProvider.ed25519SigningKey(
      fromHex('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60'),
    )
    const signature = key.sign(EMPTY)
    expect(toHex(key.publicKey)).toBe(
      'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    )
    expect(toHex(signature)).toBe(
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555' +
        'fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    )
    const verifier = pureProvider.ed25519VerifyingKey(key.publicKey)
    expect(verifier.verify(EMPTY, signature)).toBe(true)
    expect(verifier.verify(utf8('x'), signature)).toBe(false)
  })

  it('agrees as RFC 7748 Section 6.1 and RFC 5903 Section 8.1', () => {
    const alice = pureProvider.ecdh.x25519.importSecretKey(
      fromHex('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a'),
    )
    const bob = fromHex('de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f')
    expect(toHex(alice.agree(bob))).toBe(
      '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742',
    )
    const initiator = pureProvider.ecdh.p256.importSecretKey(
      fromHex('c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433'),
    )
    const responder = fromHex('d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63')
    expect(toHex(initiator.agree(responder))).toBe(
      'd6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de',
    )
  })

  it('signs and verifies as RFC 6979 Appendix A.2.5', () => {
    const key = pureProvider.es256SigningKey(
      fromHex('c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721'),
    )
    const signature = key.sign(utf8('sample'))
    expect(toHex(signature)).toBe(
      'efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716' +
        'f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8',
    )
    const verifier = pureProvider.es256VerifyingKey(key.publicKey)
    expect(verifier.verify(utf8('sample'), signature)).toBe(true)
    expect(verifier.verify(utf8('test'), signature)).toBe(false)
  })

  it.each(['x25519', 'x-wing'] as const)('seals to a key of %s and opens with it', async (kind) => {
    const pair = await generateKemKeyPair(pureProvider, kind)
    const [plaintext, info] = [utf8('nodes'), utf8('info')]
    const message = await sealHpke(pureProvider, { recipientKey: pair, plaintext, info })
    const opened = await openHpke(pureProvider, message, pair, { info })
    expect(opened.plaintext).toEqual(plaintext)
    const other = openHpke(pureProvider, message, pair, { info: utf8('other') })
    await expect(other).rejects.toMatchObject({ code: 'ERR_NOT_AUTHENTIC' })
  })

  it('seals an object that opens, and that opens no more with a bit changed', () => {
    const signingKey = pureProvider.ed25519SigningKey(new Uint8Array(32).fill(7))
    const manifest = signManifest(
      pureProvider,
      {
        domainId: null,
        producerId: principalId(pureProvider, signingKey.publicKey),
        streamName: 'plant/1/temperature',
        nonce: new Uint8Array(16),
        epochSeconds: 3600,
        alg: ALG_CHACHA20_POLY1305,
        kidBytes: 8,
        counterMode: 'session',
        signatureMode: 'each',
        historyMode: 'keep',
        predecessor: null,
      },
      signingKey,
    )
    const key = { leaf: new Uint8Array(32).fill(9), epoch: 494_000, session: new Uint8Array(7) }
    const sealer = new ObjectSealer({ crypto: pureProvider, manifest, signingKey, ...key })
    const producerKey = pureProvider.ed25519VerifyingKey(signingKey.publicKey)
    const opener = new ObjectOpener({ crypto: pureProvider, manifest, producerKey, ...key })
    const object = sealer.seal({ metadata: encodeMetadata({}), plaintext: utf8('21.5') })
    expect(opener.open(decodeObject(object))?.plaintext).toEqual(utf8('21.5'))
    object[object.length - 1]! ^= 1
    expect(opener.open(decodeObject(object))).toBeUndefined()
  })

  it('draws more randomness than the platform gives at once, and never the same', () => {
    const bytes = pureProvider.randomBytes(200_000)
    expect(bytes).toHaveLength(200_000)
    for (const start of [0, 65_536, 131_072, 199_936]) {
      expect(equalBytes(bytes.subarray(start, start + 32), new Uint8Array(32))).toBe(false)
    }
    expect(equalBytes(bytes.subarray(0, 32), pureProvider.randomBytes(32))).toBe(false)
  })
})
