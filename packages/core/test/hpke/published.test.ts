// SPDX-License-Identifier: Apache-2.0
/** RFC 9180 and draft-ietf-hpke-pq: the two suites in use, single-shot and as contexts. */

import { CipherSuite, type KEM, type KEMFactory, type KeyPair } from 'hpke'
import { describe, expect, it } from 'vitest'
import { concatBytes, fromHex, toHex } from '../../src/bytes.js'
import type { CryptoProvider } from '../../src/crypto/provider.js'
import { generateKemKeyPair, type KemKind, openBase, sealBase } from '../../src/hpke/suite.js'
import { describePublished, readPublished } from '../cbor/published.js'
import { providers } from '../crypto/providers.js'

interface Setup {
  readonly mode: number
  readonly kem_id: number
  readonly kdf_id: number
  readonly aead_id: number
  readonly info: string
  readonly ikmR: string
  readonly ikmE: string
  readonly skRm: string
  readonly pkRm: string
  readonly enc: string
  readonly encryptions: readonly { seq?: number; aad: string; ct: string; pt: string }[]
  readonly exports: readonly { exporter_context: string; L: number; exported_value: string }[]
}

const BASE = 0
const KDF_HKDF_SHA256 = 1
const AEAD_CHACHA20_POLY1305 = 3

/** The one setup in a file that is of our suite. */
function setupOf(file: string, kemId: number): Setup {
  const found = readPublished<readonly Setup[]>(file).filter(
    (setup) =>
      setup.mode === BASE &&
      setup.kem_id === kemId &&
      setup.kdf_id === KDF_HKDF_SHA256 &&
      setup.aead_id === AEAD_CHACHA20_POLY1305,
  )
  expect(found).toHaveLength(1)
  return found[0]!
}

function suiteOf(crypto: CryptoProvider, kem: KEMFactory): CipherSuite {
  return new CipherSuite(kem, crypto.hpke.hkdfSha256, crypto.hpke.chacha20Poly1305)
}

async function recipientPair(suite: CipherSuite, setup: Setup): Promise<KeyPair> {
  const privateKey = await suite.DeserializePrivateKey(fromHex(setup.skRm))
  return { privateKey, publicKey: await suite.DeserializePublicKey(fromHex(setup.pkRm)) }
}

/** The encryptions with the number that each has within its context. */
function numbered({ encryptions }: Setup): Map<number, Setup['encryptions'][number]> {
  return new Map(encryptions.map((encryption, i) => [encryption.seq ?? i, encryption]))
}

describePublished('published HPKE vectors', () => {
  describe.each([
    ['x25519', 'hpke/rfc9180.json', 0x20],
    ['x-wing', 'hpke/pq.json', 0x64_7a],
  ] as const)('%s', (kind: KemKind, file, kemId) => {
    describe.each(providers)('with $name', (crypto) => {
      const setup = (): Setup => setupOf(file, kemId)
      const factory = kind === 'x25519' ? crypto.hpke.x25519 : crypto.hpke.xWing

      it('derives the key pair', async () => {
        const { ikmR, skRm, pkRm } = setup()
        const key = await generateKemKeyPair(crypto, kind, fromHex(ikmR))
        expect([toHex(key.secretKey), toHex(key.publicKey)]).toStrictEqual([skRm, pkRm])
      })

      it('opens the first message', async () => {
        const { info, skRm, pkRm, enc, encryptions } = setup()
        const { aad, ct, pt } = encryptions[0]!
        const key = { kind, publicKey: fromHex(pkRm), secretKey: fromHex(skRm) }
        const opened = await openBase(crypto, key, {
          encapsulatedKey: fromHex(enc),
          ciphertext: fromHex(ct),
          info: fromHex(info),
          aad: fromHex(aad),
        })
        expect(toHex(opened)).toBe(pt)
      })

      it('opens the messages of a context in turn, and exports its secrets', async () => {
        const vector = setup()
        const suite = suiteOf(crypto, factory)
        const context = await suite.SetupRecipient(
          await recipientPair(suite, vector),
          fromHex(vector.enc),
          { info: fromHex(vector.info) },
        )
        const encryptions = numbered(vector)
        let seq = 0
        for (; encryptions.has(seq); seq++) {
          const { aad, ct, pt } = encryptions.get(seq)!
          expect(toHex(await context.Open(fromHex(ct), fromHex(aad)))).toBe(pt)
        }
        expect(seq).toBeGreaterThanOrEqual(8)
        for (const { exporter_context, L, exported_value } of vector.exports) {
          const exported = await context.Export(fromHex(exporter_context), L)
          expect(toHex(exported)).toBe(exported_value)
        }
      })
    })
  })

  describe.each(providers)('sealing by RFC 9180 with $name', (crypto) => {
    it('seals the first message, given its ephemeral key', async () => {
      const { info, ikmE, pkRm, enc, encryptions } = setupOf('hpke/rfc9180.json', 0x20)
      const { aad, ct, pt } = encryptions[0]!
      // What the hedge derives is replaced by what the vector says.
      const given = { ...crypto, hmacSha512: () => concatBytes(fromHex(ikmE), new Uint8Array(32)) }
      const sealed = await sealBase(given, {
        recipientKey: { kind: 'x25519', publicKey: fromHex(pkRm) },
        info: fromHex(info),
        aad: fromHex(aad),
        plaintext: fromHex(pt),
      })
      expect([toHex(sealed.encapsulatedKey), toHex(sealed.ciphertext)]).toStrictEqual([enc, ct])
    })

    it('seals the 257 messages of a context, whose nonces carry at 256', async () => {
      const vector = setupOf('hpke/rfc9180.json', 0x20)
      const kem = Object.create(crypto.hpke.x25519()) as KEM
      kem.GenerateKeyPair = (extractable) => kem.DeriveKeyPair(fromHex(vector.ikmE), extractable)
      const suite = suiteOf(crypto, () => kem)
      const publicKey = await suite.DeserializePublicKey(fromHex(vector.pkRm))
      const options = { info: fromHex(vector.info) }
      const { encapsulatedSecret, ctx } = await suite.SetupSender(publicKey, options)
      expect(toHex(encapsulatedSecret)).toBe(vector.enc)
      const encryptions = numbered(vector)
      const text = fromHex(vector.encryptions[0]!.pt)
      for (let seq = 0; seq <= 256; seq++) {
        const { aad, ct } = encryptions.get(seq) ?? { aad: '' }
        const sealed = toHex(await ctx.Seal(text, fromHex(aad)))
        expect(ct ?? sealed).toBe(sealed)
      }
      expect([...encryptions.keys()]).toStrictEqual([0, 1, 2, 3, 4, 5, 6, 7, 255, 256])
    })
  })
})
