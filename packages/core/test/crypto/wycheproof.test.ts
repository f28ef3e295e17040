// SPDX-License-Identifier: Apache-2.0
import { hkdfSync } from 'node:crypto'
import {
  AEAD_PARAMETERS,
  type AeadAlgorithm,
  type CryptoProvider,
  type Ed25519VerifyingKey,
  WaxwingError,
} from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import { providers, providersOf } from './providers.js'
import {
  havePublishedVectors,
  hex,
  labelOf,
  readWycheproof,
  WHY_SKIPPED,
  type WycheproofTest,
} from './published-vectors.js'

interface AeadTest extends WycheproofTest {
  readonly key: string
  readonly iv: string
  readonly aad: string
  readonly msg: string
  readonly ct: string
  readonly tag: string
}

interface AeadShared {
  readonly ivSize: number
  readonly keySize: number
  readonly tagSize: number
}

/** The tests of a file whose lengths are those of the algorithm. */
function aeadTests(file: string, alg: AeadAlgorithm): AeadTest[] {
  const { keyBytes, nonceBytes, tagBytes } = AEAD_PARAMETERS[alg]
  const fits = ({ ivSize, keySize, tagSize }: AeadShared): boolean =>
    ivSize === 8 * nonceBytes && keySize === 8 * keyBytes && tagSize === 8 * tagBytes
  return readWycheproof<AeadTest, AeadShared>(file).flatMap(({ shared, tests }) =>
    fits(shared) ? tests : [],
  )
}

function runAeadTest(provider: CryptoProvider, alg: AeadAlgorithm, test: AeadTest): void {
  const [nonce, aad, plaintext] = [hex(test.iv), hex(test.aad), hex(test.msg)]
  const aead = provider.aead(alg, hex(test.key))
  const sealed = hex(test.ct + test.tag)
  const opened = new Uint8Array(hex(test.ct).length)
  const good = test.result === 'valid'
  expect(aead.open(nonce, aad, sealed, opened), labelOf(test)).toBe(good)
  if (!good) return
  expect(opened, labelOf(test)).toStrictEqual(plaintext)
  const out = new Uint8Array(sealed.length)
  aead.seal(nonce, aad, plaintext, out)
  expect(out, labelOf(test)).toStrictEqual(sealed)
}

describe.skipIf(!havePublishedVectors)('Wycheproof, content algorithms', () => {
  // Its AES-CCM file has no group with a 13-byte nonce and an 8-byte tag: see rfc-vectors.test.ts.
  const files: [string, AeadAlgorithm, number][] = [
    ['aes_gcm', 1, 60],
    ['aes_gcm', 3, 60],
    ['chacha20_poly1305', 24, 300],
  ]
  for (const [file, alg, atLeast] of files) {
    for (const provider of providersOf(alg)) {
      it(`${provider.name} passes ${file} as algorithm ${alg}`, () => {
        const tests = aeadTests(file, alg)
        expect(tests.length).toBeGreaterThanOrEqual(atLeast)
        for (const test of tests) runAeadTest(provider, alg, test)
      })
    }
  }
})

interface HkdfTest extends WycheproofTest {
  readonly ikm: string
  readonly salt: string
  readonly info: string
  readonly size: number
  readonly okm: string
}

describe.skipIf(!havePublishedVectors)('Wycheproof, HKDF with SHA-256', () => {
  it.each(providers.map((p) => [p.name, p] as const))('%s passes', async (_name, provider) => {
    const kdf = provider.hpke.hkdfSha256()
    for (const { tests } of readWycheproof<HkdfTest>('hkdf_sha256')) {
      for (const test of tests) {
        const prk = await kdf.Extract(hex(test.salt), hex(test.ikm))
        const expand = (): Uint8Array => provider.hkdfExpandSha256(prk, hex(test.info), test.size)
        if (test.result === 'invalid') expect(expand, labelOf(test)).toThrow(RangeError)
        else {
          expect(expand(), labelOf(test)).toStrictEqual(hex(test.okm))
          const byPart = await kdf.Expand(prk, hex(test.info), test.size)
          expect(byPart, labelOf(test)).toStrictEqual(hex(test.okm))
        }
      }
    }
  })
})

interface EddsaTest extends WycheproofTest {
  readonly msg: string
  readonly sig: string
}

describe.skipIf(!havePublishedVectors)('Wycheproof, Ed25519', () => {
  const importKey = (provider: CryptoProvider, pk: string): Ed25519VerifyingKey | undefined => {
    try {
      return provider.ed25519VerifyingKey(hex(pk))
    } catch (error) {
      expect(error).toBeInstanceOf(WaxwingError)
      expect(error).toHaveProperty('code', 'ERR_KEY_INVALID')
      return undefined
    }
  }

  it.each(providers.map((p) => [p.name, p] as const))('%s passes', (_name, provider) => {
    const groups = readWycheproof<EddsaTest, { publicKey: { pk: string } }>('ed25519')
    for (const { shared, tests } of groups) {
      const key = importKey(provider, shared.publicKey.pk)
      for (const test of tests) {
        const good = key?.verify(hex(test.msg), hex(test.sig)) ?? false
        expect(good, labelOf(test)).toBe(test.result === 'valid')
      }
    }
  })
})

interface XdhTest extends WycheproofTest {
  readonly public: string
  readonly private: string
  readonly shared: string
}

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

/** ExtractAndExpand of RFC 9180 Section 4.1, written a second time. */
function dhkemSecret(dh: Uint8Array, enc: Uint8Array, recipient: Uint8Array): Uint8Array {
  const suite = Buffer.concat([ascii('KEM'), Uint8Array.of(0, 0x20)])
  const ikm = Buffer.concat([ascii('HPKE-v1'), suite, ascii('eae_prk'), dh])
  const head = Buffer.concat([Uint8Array.of(0, 32), ascii('HPKE-v1'), suite])
  const info = Buffer.concat([head, ascii('shared_secret'), enc, recipient])
  return new Uint8Array(hkdfSync('sha256', ikm, new Uint8Array(), info, 32))
}

describe.skipIf(!havePublishedVectors)('Wycheproof, X25519 inside its KEM', () => {
  const recipient = new Uint8Array(32).fill(9)

  const decap = async (provider: CryptoProvider, test: XdhTest): Promise<Uint8Array> => {
    const kem = provider.hpke.x25519()
    const secret = await kem.DeserializePrivateKey(hex(test.private), false)
    const pkR = await kem.DeserializePublicKey(recipient)
    return kem.Decap(hex(test.public), secret, pkR)
  }

  it.each(providers.map((p) => [p.name, p] as const))(
    '%s agrees on every secret, and refuses the all-zero one',
    async (_name, provider) => {
      for (const test of readWycheproof<XdhTest>('x25519').flatMap((group) => group.tests)) {
        const dh = hex(test.shared)
        if (dh.every((byte) => byte === 0)) {
          await expect(decap(provider, test), labelOf(test)).rejects.toThrow()
        } else {
          const expected = dhkemSecret(dh, hex(test.public), recipient)
          expect(await decap(provider, test), labelOf(test)).toStrictEqual(expected)
        }
      }
    },
  )
})

describe('published vectors', () => {
  it('are there', ({ skip }) => {
    if (!havePublishedVectors) skip(WHY_SKIPPED)
    expect(havePublishedVectors).toBe(true)
  })
})
