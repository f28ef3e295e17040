// SPDX-License-Identifier: Apache-2.0
import { createHmac } from 'node:crypto'
import { fromHex, toHex, utf8 } from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import { providers, providersOf } from './providers.js'

const repeat = (byte: number, count: number): Uint8Array => new Uint8Array(count).fill(byte)
const count = (from: number, to: number): Uint8Array =>
  Uint8Array.from({ length: to - from + 1 }, (_, i) => from + i)

const LONG_DATA =
  'This is a test using a larger than block-size key and a larger than block-size data. ' +
  'The key needs to be hashed before being used by the HMAC algorithm.'

/** RFC 4231 Sections 4.2 to 4.8: section, key, data, HMAC-SHA-512 (of 4.6 the first 16 bytes). */
const RFC_4231: readonly (readonly [string, Uint8Array, Uint8Array, string])[] = [
  [
    '4.2',
    repeat(0x0b, 20),
    utf8('Hi There'),
    '87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde' +
      'daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854',
  ],
  [
    '4.3',
    utf8('Jefe'),
    utf8('what do ya want for nothing?'),
    '164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554' +
      '9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737',
  ],
  [
    '4.4',
    repeat(0xaa, 20),
    repeat(0xdd, 50),
    'fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39' +
      'bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb',
  ],
  [
    '4.5',
    count(1, 25),
    repeat(0xcd, 50),
    'b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3db' +
      'a91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd',
  ],
  ['4.6', repeat(0x0c, 20), utf8('Test With Truncation'), '415fad6271580a531d4179bc891d87a6'],
  [
    '4.7',
    repeat(0xaa, 131),
    utf8('Test Using Larger Than Block-Size Key - Hash Key First'),
    '80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352' +
      '6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598',
  ],
  [
    '4.8',
    repeat(0xaa, 131),
    utf8(LONG_DATA),
    'e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944' +
      'b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58',
  ],
]

/** FIPS 180-2, Appendix B: SHA-256 of nothing and of the two examples. */
const SHA_256 = [
  ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  [
    'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq',
    '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
  ],
] as const

/** RFC 5869 Appendices A.1 to A.3: section, IKM, salt, info, PRK, OKM. */
const RFC_5869 = [
  [
    'A.1',
    '0b'.repeat(22),
    '000102030405060708090a0b0c',
    'f0f1f2f3f4f5f6f7f8f9',
    '077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5',
    '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
  ],
  [
    'A.2',
    toHex(count(0x00, 0x4f)),
    toHex(count(0x60, 0xaf)),
    toHex(count(0xb0, 0xff)),
    '06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244',
    'b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c' +
      '59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71' +
      'cc30c58179ec3e87c14c01d5c1f3434f1d87',
  ],
  [
    'A.3',
    '0b'.repeat(22),
    '',
    '',
    '19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04',
    '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
  ],
] as const

describe.each(providers.map((p) => [p.name, p] as const))('%s', (_name, provider) => {
  it.each(RFC_4231)('computes HMAC-SHA-512 as RFC 4231 Section %s', (_section, key, data, mac) => {
    const expected = fromHex(mac)
    expect(provider.hmacSha512(key, data).subarray(0, expected.length)).toStrictEqual(expected)
  })

  it('computes HMAC-SHA-512 with an empty key and over data longer than any scratch buffer', () => {
    const data = repeat(0x5a, 100_000)
    const expected = createHmac('sha512', '').update(data).digest()
    expect(Buffer.from(provider.hmacSha512(new Uint8Array(), data))).toStrictEqual(expected)
  })

  it.each(RFC_5869)('extracts and expands as RFC 5869 Appendix %s', (_section, ...texts) => {
    const [ikm, salt, info, prk, okm] = texts.map(fromHex)
    expect(provider.hkdfExtractSha256(salt!, ikm!)).toStrictEqual(prk)
    expect(provider.hkdfExpandSha256(prk!, info!, okm!.length)).toStrictEqual(okm)
  })

  it('extracts with an empty salt as with 32 zeros', () => {
    const ikm = utf8('keying material')
    const prk = provider.hkdfExtractSha256(new Uint8Array(), ikm)
    expect(provider.hkdfExtractSha256(new Uint8Array(32), ikm)).toStrictEqual(prk)
    expect(provider.hkdfExtractSha256(new Uint8Array(64), ikm)).toStrictEqual(prk)
    expect(provider.hkdfExtractSha256(new Uint8Array(65), ikm)).not.toStrictEqual(prk)
  })

  it.each(SHA_256)('computes SHA-256 of "%s"', (text, digest) => {
    expect(provider.sha256(utf8(text))).toStrictEqual(fromHex(digest))
  })
})

/** Both AES-CCM, with the bytes of their tags. */
const CCM = [
  [10, 8],
  [30, 16],
] as const

/** RFC 3610 Section 8, packet vectors 1 to 3: 13-byte nonce, 8-byte tag. */
const RFC_3610 = [
  [
    '00000003020100a0a1a2a3a4a5',
    30,
    '588c979a61c663d2f066d0c2c0f989806d5f6b61dac38417e8d12cfdf926e0',
  ],
  [
    '00000004030201a0a1a2a3a4a5',
    31,
    '72c91a36e135f8cf291ca894085c87e3cc15c439c9e43a3ba091d56e10400916',
  ],
  [
    '00000005040302a0a1a2a3a4a5',
    32,
    '51b1e5f44a197d1da46b0f8e2d282ae871e838bb64da8596574adaa76fbd9fb0c5',
  ],
] as const

describe.each(providersOf(10).map((p) => [p.name, p] as const))(
  'AES-CCM of %s',
  (_name, provider) => {
    it.each(RFC_3610)('seals as RFC 3610 Section 8, nonce %s', (nonce, last, sealed) => {
      const aead = provider.aead(10, count(0xc0, 0xcf))
      const out = new Uint8Array(sealed.length / 2)
      aead.seal(fromHex(nonce), count(0, 7), count(8, last), out)
      expect(out).toStrictEqual(fromHex(sealed))
      const opened = new Uint8Array(last - 7)
      expect(aead.open(fromHex(nonce), count(0, 7), out, opened)).toBe(true)
      expect(opened).toStrictEqual(count(8, last))
    })

    it('seals with a tag of 16 bytes as Wycheproof has it', () => {
      const aead = provider.aead(30, fromHex('30829416d80d4b6dd91a16c4694c5acd'))
      const [nonce, aad] = [fromHex('8bc7ecd5bde196b72319de6b77'), fromHex('970fe65b7789a555')]
      const plaintext = fromHex('4a3122f801d6638228fa0e30af3f36627a')
      const sealed = new Uint8Array(33)
      aead.seal(nonce, aad, plaintext, sealed)
      const tag = '1da320c8bab525e375f37a3bba3e0eb9'
      expect(toHex(sealed)).toBe(`5125ed68afbd34bc00c73171ada31ee84a${tag}`)
    })

    it.each(CCM)('seals 65,535 bytes, and not one more (algorithm $0)', (alg, tagBytes) => {
      const aead = provider.aead(alg, new Uint8Array(16))
      const nonce = new Uint8Array(13)
      const most = new Uint8Array(65_535)
      const sealed = new Uint8Array(65_535 + tagBytes)
      aead.seal(nonce, new Uint8Array(), most, sealed)
      expect(aead.open(nonce, new Uint8Array(), sealed, most)).toBe(true)
      const seal = (): void =>
        aead.seal(
          nonce,
          new Uint8Array(),
          new Uint8Array(65_536),
          new Uint8Array(65_536 + tagBytes),
        )
      const rule = 'plaintext length of AES-CCM-16'
      expect(seal).toThrow(expect.objectContaining({ code: 'ERR_LIMIT', details: { rule } }))
    })

    it.each(CCM)(
      'opens nothing longer than it could have sealed (algorithm $0)',
      (alg, tagBytes) => {
        const aead = provider.aead(alg, new Uint8Array(16))
        const sealed = new Uint8Array(65_536 + tagBytes)
        expect(
          aead.open(new Uint8Array(13), new Uint8Array(), sealed, new Uint8Array(65_536)),
        ).toBe(false)
      },
    )
  },
)
