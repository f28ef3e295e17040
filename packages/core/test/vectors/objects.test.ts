// SPDX-License-Identifier: Apache-2.0
import {
  AEAD_PARAMETERS,
  countersign0Structure,
  decodeManifest,
  decodeMetadata,
  decodeObject,
  deriveContentKey,
  deriveLeaf,
  encodeMetadata,
  encryptionAad,
  encStructure,
  fromHex,
  isContentAlgorithm,
  ObjectSealer,
  rootNode,
  signatureAad,
  toHex,
  type ContentAlgorithm,
  type CryptoProvider,
} from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import { providers } from '../crypto/providers.js'
import { manifestOf, openerOf, raise, type Opening } from '../support/object-vectors.js'
import { bytes, expectResults, nameOf, vectorsOf, type VectorCase } from '../support/vectors.js'

interface Sealing extends Opening {
  readonly alg: ContentAlgorithm
  readonly epoch: number
  readonly session: string
  readonly counter: number
  readonly generationId: string
  readonly metadata: string
  readonly plaintext: string
  readonly clearPart?: string
  readonly signingSeed: string | null
  readonly leaf: string
  readonly contentKey: string
  readonly baseIv: string
  readonly commitment: string
  readonly partialIv: string
  readonly protectedHeader: string
  readonly encryptionAad: string
  readonly encStructure: string
  readonly ciphertext: string
  readonly signatureAad?: string
  readonly countersignStructure?: string
  readonly signature?: string
}

const tests = vectorsOf<VectorCase & { readonly object: string }>('objects')
const openings = tests.filter((test): test is Opening => 'root' in test)
const sealings = openings.filter((test): test is Sealing => 'contentKey' in test)
const framings = tests.filter((test) => !('root' in test))

/** Those whose algorithm a provider offers. */
function offered<T extends Opening>(crypto: CryptoProvider, of: readonly T[]): readonly T[] {
  const algOf = ({ manifest }: T): ContentAlgorithm => decodeManifest(crypto, fromHex(manifest)).alg
  return of.filter((test) => crypto.aeads.has(algOf(test)))
}

describe.each(providers)('the vectors of objects with the $name provider', (crypto) => {
  it('are sealed byte for byte', () => {
    for (const test of offered(crypto, sealings)) {
      const { session, signingSeed, plaintext, counter } = test
      const inputs = {
        crypto,
        manifest: manifestOf(crypto, test),
        leaf: fromHex(test.leaf),
        epoch: test.epoch,
        session: fromHex(session),
        signingKey:
          signingSeed === null ? undefined : crypto.ed25519SigningKey(fromHex(signingSeed)),
      }
      const metadata = fromHex(test.metadata)
      const clearPart = bytes(test.clearPart)
      const sealer = new ObjectSealer(inputs, counter)
      const object = sealer.seal({ metadata, plaintext: fromHex(plaintext), clearPart })
      expect(toHex(object), nameOf(test)).toBe(test.object)
    }
  })

  it('have these steps', () => {
    for (const test of offered(crypto, sealings)) {
      expect(stepsOf(crypto, test), nameOf(test)).toMatchObject(stepsIn(test))
    }
  })

  it('open, or do not, as they say', () => {
    expectResults(offered(crypto, openings), (test) => {
      const outcome = openerOf(crypto, test).open(decodeObject(fromHex(test.object)))
      raise(outcome)
      if (outcome.kind !== 'opened' || !('plaintext' in test)) return
      const { plaintext, metadata, counter, session, clearPart } = test as Sealing
      expect(toHex(outcome.plaintext)).toBe(plaintext)
      const { metadata: said } = decodeMetadata(fromHex(metadata))
      expect(outcome.metadata).toEqual(said)
      expect(outcome).toMatchObject({ counter, session: fromHex(session) })
      expect(outcome.clearPart).toEqual(bytes(clearPart))
    })
  })
})

describe('the vectors of objects', () => {
  it('decode, or do not, as they say', () => {
    expectResults(framings, ({ object }) => {
      decodeObject(fromHex(object))
    })
    for (const { object } of openings) decodeObject(fromHex(object))
  })

  it('have metadata that is encoded byte for byte', () => {
    for (const test of sealings.filter(({ comment }) => !/padding|all there is/.test(comment))) {
      const { metadata } = decodeMetadata(fromHex(test.metadata))
      expect(toHex(encodeMetadata(metadata)), nameOf(test)).toBe(test.metadata)
    }
  })

  it('have cases for every algorithm, on one provider at least', () => {
    const algs = new Set(sealings.map(({ alg }) => alg))
    expect(algs).toEqual(
      new Set(Object.keys(AEAD_PARAMETERS).map(Number).filter(isContentAlgorithm)),
    )
    for (const alg of algs) expect(providers.some(({ aeads }) => aeads.has(alg))).toBe(true)
  })
})

const STEPS = [
  'generationId',
  'leaf',
  'contentKey',
  'baseIv',
  'commitment',
  'partialIv',
  'protectedHeader',
  'encryptionAad',
  'encStructure',
  'ciphertext',
  'signatureAad',
  'countersignStructure',
] as const

function stepsIn(test: Sealing): Record<string, string> {
  const steps = STEPS.map((name) => [name, test[name]] as const)
  return Object.fromEntries(steps.filter((step): step is [never, string] => step[1] !== undefined))
}

/** Every step again, by the public functions. */
function stepsOf(crypto: CryptoProvider, test: Sealing): Record<string, string> {
  const { alg, epoch } = test
  const manifest = manifestOf(crypto, test)
  const { generationId } = manifest
  const leaf = deriveLeaf(crypto, rootNode(fromHex(test.root)), epoch)
  const keys = deriveContentKey(crypto, leaf, {
    generationId,
    epoch,
    session: fromHex(test.session),
    alg,
  })
  const { protectedBytes, ciphertext, partialIv } = decodeObject(fromHex(test.object))
  const forEncryption = encryptionAad(generationId)
  const forSignature = signatureAad(generationId, keys.commitment)
  const steps = {
    generationId,
    leaf,
    contentKey: keys.key,
    baseIv: keys.baseIv,
    commitment: keys.commitment,
    partialIv,
    protectedHeader: protectedBytes,
    encryptionAad: forEncryption,
    encStructure: encStructure(protectedBytes, forEncryption),
    ciphertext,
    signatureAad: forSignature,
    countersignStructure: countersign0Structure(protectedBytes, forSignature, ciphertext),
  }
  return Object.fromEntries(Object.entries(steps).map(([name, value]) => [name, toHex(value)]))
}
