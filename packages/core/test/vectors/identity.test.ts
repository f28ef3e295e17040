// SPDX-License-Identifier: Apache-2.0
import {
  decodeCredential,
  decodeKeyCard,
  decodeManifest,
  decodeTrustBundle,
  encodeBundleFields,
  fromHex,
  issueCredential,
  kemKeyThumbprint,
  kidOf,
  newerKeyCard,
  principalId,
  signManifest,
  toHex,
  Trust,
  verifyKeyCard,
  verifyManifest,
  type CryptoProvider,
  type KemKind,
  type ManifestFields,
} from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import { providers } from '../crypto/providers.js'
import { seedOf } from '../../../../tools/vectors/frozen/primitives.ts'
import {
  bytes,
  expectResults,
  nameOf,
  trustIn,
  vectorsOf,
  type VectorCase,
} from '../support/vectors.js'
import { hexed, said } from '../support/hexed.js'

interface ManifestCase extends VectorCase {
  readonly publicKey: string
  readonly manifest: string
  readonly payload?: string
  readonly kid?: string
}

interface CredentialCase extends VectorCase {
  readonly bundle: string
  readonly partnerBundles?: readonly string[]
  readonly credential: string
  readonly payload?: string
  readonly attributes?: Readonly<Record<string, string>>
}

interface CardCase extends VectorCase {
  readonly principalId: string
  readonly publicKey: string
  readonly now: number
  readonly held?: string
  readonly card: string
  readonly thumbprints?: readonly string[]
  readonly keys?: readonly { readonly kind: KemKind; readonly publicKey: string }[]
}

interface BundleCase extends VectorCase {
  readonly anchorId?: string
  readonly held?: string
  readonly partnerBundles?: readonly string[]
  readonly now: number
  readonly outcome?: string
  readonly bundle: string
  readonly payload?: string
}

const manifests = vectorsOf<ManifestCase>('manifests')
const credentials = vectorsOf<CredentialCase>('credentials')
const cards = vectorsOf<CardCase>('key-cards')
const bundles = vectorsOf<BundleCase>('bundles')

describe.each(providers)('with the $name provider', (crypto) => {
  it('manifests are verified, or refused, as the vectors say', () => {
    expectResults(manifests, (test) => {
      const manifest = decodeManifest(crypto, fromHex(test.manifest))
      const key = crypto.ed25519VerifyingKey(fromHex(test.publicKey))
      const verified = verifyManifest(manifest, key)
      const { predecessor, statement, ...fields } = verified
      const pair = predecessor && [predecessor.generationId, predecessor.closingEpoch]
      const kid = kidOf(verified)
      const found = hexed({ ...fields, predecessor: pair, kid, payload: statement.payload })
      expect(found).toMatchObject(said(test, ['manifest', 'publicKey']))
    })
  })

  it('manifests are signed byte for byte', () => {
    for (const test of manifests.filter(({ payload }) => payload !== undefined)) {
      const manifest: ManifestFields = decodeManifest(crypto, fromHex(test.manifest))
      const key = signerOf(crypto, 'plant')
      expect(toHex(signManifest(crypto, manifest, key).bytes), nameOf(test)).toBe(test.manifest)
    }
  })

  it('credentials are believed, or refused, as the vectors say', () => {
    expectResults(credentials, (test) => {
      const trust = trustIn(crypto, test.bundle, test.partnerBundles)
      const principal = trust.resolveCredential(fromHex(test.credential))
      const credential = decodeCredential(crypto, fromHex(test.credential))
      expect(principal.id).toEqual(credential.id)
      const { attributes, statement, bytes: _, ...fields } = credential
      const found = hexed({
        ...fields,
        attributes: Object.fromEntries(attributes),
        payload: statement.payload,
      })
      expect(found).toMatchObject(said(test, ['bundle', 'partnerBundles', 'credential']))
    })
  })

  it('credentials are issued byte for byte', () => {
    for (const test of credentials.filter(({ payload }) => payload !== undefined)) {
      const claims = decodeCredential(crypto, fromHex(test.credential))
      const issued = issueCredential(crypto, claims, signerOf(crypto, 'anchor'))
      expect(toHex(issued), nameOf(test)).toBe(test.credential)
    }
  })

  it('key cards are believed, or refused, as the vectors say', () => {
    expectResults(cards, (test) => {
      const card = decodeKeyCard(fromHex(test.card))
      const key = crypto.ed25519VerifyingKey(fromHex(test.publicKey))
      verifyKeyCard(card, { id: fromHex(test.principalId), key }, test.now)
      const held = bytes(test.held)
      newerKeyCard(held && decodeKeyCard(held), card)
      const thumbprints = card.keys.map((kem) => kemKeyThumbprint(crypto, kem))
      const { issued, expires, keys } = card
      const found = hexed({ issued, expires, keys, thumbprints })
      expect(found).toMatchObject(said(test, ['principalId', 'publicKey', 'now', 'held', 'card']))
    })
  })

  it('trust bundles are accepted, or refused, as the vectors say', () => {
    expectResults(bundles, (test) => {
      const trust = offered(crypto, test)
      if (test.payload === undefined) return
      const held = trust.bundle ?? decodeTrustBundle(crypto, new Uint8Array(0))
      const { domainId, version, issued, expires, requireXWing, digest } = held
      const payload = encodeBundleFields(held)
      const found = hexed({ domainId, version, issued, expires, requireXWing, digest, payload })
      expect(found).toMatchObject(said(test, ['anchorId', 'now', 'bundle']))
    })
  })
})

describe('the vectors', () => {
  it('name principals by the thumbprints of their keys', () => {
    for (const crypto of providers) {
      for (const { principalId: id, publicKey } of cards) {
        expect(toHex(principalId(crypto, fromHex(publicKey)))).toBe(id)
      }
    }
  })
})

/** Starts with a bundle, or offers it to who holds another. */
function offered(crypto: CryptoProvider, test: BundleCase): Trust {
  const { held, anchorId, partnerBundles, now, outcome, bundle } = test
  if (held === undefined) {
    const trust = new Trust({ crypto })
    trust.start(fromHex(bundle), fromHex(anchorId ?? ''))
    return trust
  }
  const trust = trustIn(crypto, held, partnerBundles)
  expect(trust.accept(fromHex(bundle), now)).toBe(outcome)
  return trust
}

function signerOf(crypto: CryptoProvider, name: string) {
  return crypto.ed25519SigningKey(seedOf(name))
}
