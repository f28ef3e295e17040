// SPDX-License-Identifier: Apache-2.0
import {
  countersign0Structure,
  decodeObject,
  deriveContentKey,
  deriveLeaf,
  encodeMetadata,
  isContentAlgorithm,
  MAX_CLEAR_PART_BYTES,
  ObjectOpener,
  ObjectSealer,
  rootNode,
  signatureAad,
  utf8,
  WaxwingError,
  type CryptoProvider,
  type ManifestFields,
  type SealerInputs,
  type VerifiedManifest,
} from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { providers } from '../crypto/providers.js'
import { bytesOf, bytesUpTo, metadata } from '../support/arbitraries.js'
import { EPOCH, stranger } from '../support/domain.js'
import { outcomeOf } from '../support/outcome.js'
import { manifestOf, ROOT } from '../support/stream.js'
import { referenceEncode } from './reference.js'

const PLANT = stranger('plant')
const PLAIN = encodeMetadata({})
const SESSION = new Uint8Array(7).fill(3)
const leafOf = (root: Uint8Array): Uint8Array => deriveLeaf(sodiumProvider, rootNode(root), EPOCH)

function inputsOf(manifest: VerifiedManifest, inputs: Partial<SealerInputs> = {}): SealerInputs {
  return {
    crypto: sodiumProvider,
    manifest,
    leaf: leafOf(ROOT),
    epoch: EPOCH,
    session: manifest.counterMode === 'session' ? SESSION : new Uint8Array(0),
    signingKey: manifest.signatureMode === 'none' ? undefined : PLANT.key,
    ...inputs,
  }
}

function openerOf(manifest: VerifiedManifest, inputs: Partial<SealerInputs> = {}): ObjectOpener {
  const all = inputsOf(manifest, inputs)
  const producerKey = all.crypto.ed25519VerifyingKey(PLANT.key.publicKey)
  return new ObjectOpener({ ...all, producerKey })
}

function commitmentOf(leaf: Uint8Array): Uint8Array {
  const { generationId, alg } = manifestOf(PLANT, null)
  const inputs = { generationId, epoch: EPOCH, session: SESSION, alg }
  return deriveContentKey(sodiumProvider, leaf, inputs).commitment
}

function sealText(sealer: ObjectSealer): Uint8Array {
  return sealer.seal({ metadata: PLAIN, plaintext: utf8('21.5') })
}

const streams: fc.Arbitrary<Partial<ManifestFields>> = fc.record({
  kidBytes: fc.constantFrom(4, 8),
  counterMode: fc.constantFrom('session', 'durable'),
  signatureMode: fc.constantFrom('each', 'none'),
})

describe.each(providers)('an object sealed with the $name provider', (crypto) => {
  it('opens to what was sealed, in any stream', () => {
    const algs = fc.constantFrom(...[...crypto.aeads].filter(isContentAlgorithm))
    fc.assert(
      fc.property(
        streams,
        algs,
        metadata,
        bytesUpTo(300),
        fc.option(bytesUpTo(60), { nil: undefined }),
        fc.integer({ min: 0, max: 2 ** 20 - 2 }),
        (fields, alg, meta, plaintext, clearPart, counter) => {
          const manifest = manifestOf(PLANT, null, { ...fields, alg })
          const sealer = new ObjectSealer(inputsOf(manifest, { crypto }), counter)
          const opener = openerOf(manifest, { crypto })
          for (const next of [counter, counter + 1]) {
            const object = sealer.seal({ metadata: encodeMetadata(meta), plaintext, clearPart })
            const decoded = decodeObject(object)
            expect(referenceEncode(decoded)).toEqual(object)
            expect(decoded).toMatchObject({ kind: 'decoded', counter: next, epoch: EPOCH })
            expect(decoded.clearPart).toEqual(clearPart)
            expect(opener.open(decoded)).toEqual({ metadata: meta, plaintext })
          }
        },
      ),
      { numRuns: crypto.name === 'pure' ? 40 : 200 },
    )
  })
})

describe('an object', () => {
  const manifest = manifestOf(PLANT, null)
  const seal = sealText

  it('does not open with its tag, its ciphertext or its header changed', () => {
    const object = seal(new ObjectSealer(inputsOf(manifest)))
    const decoded = decodeObject(object)
    const opener = openerOf(manifest)
    expect(opener.open(decoded)).toBeDefined()
    for (const field of ['ciphertext', 'protectedBytes', 'partialIv', 'signature'] as const) {
      const bytes = decoded[field]?.slice() ?? new Uint8Array(0)
      bytes[bytes.length - 1]! ^= 1
      expect(opener.open({ ...decoded, [field]: bytes }), field).toBeUndefined()
    }
    expect(opener.failures).toBe(4)
  })

  it('counts against its key by tag or signature, and not by its form or its metadata', () => {
    const opener = openerOf(manifest)
    const decoded = decodeObject(seal(new ObjectSealer(inputsOf(manifest))))
    const noMetadata = { metadata: new Uint8Array(0), plaintext: utf8('21.5') }
    const others = [
      { ...decoded, kid: decoded.kid.slice(0, 4) },
      { ...decoded, signature: undefined },
      { ...decoded, ciphertext: decoded.ciphertext.slice(0, 16) },
      decodeObject(new ObjectSealer(inputsOf(manifest)).seal(noMetadata)),
    ]
    for (const other of others) expect(opener.open(other)).toBeUndefined()
    expect(opener.failures).toBe(0)
    for (const signatureFirst of [false, true]) {
      const forged = { ...decoded, signature: new Uint8Array(64) }
      expect(opener.open(forged, signatureFirst)).toBeUndefined()
    }
    expect(opener.failures).toBe(2)
  })

  it('does not open with its signature gone, nor with one where the stream has none', () => {
    const unsigned = manifestOf(PLANT, null, { signatureMode: 'none' })
    const signed = decodeObject(seal(new ObjectSealer(inputsOf(manifest))))
    expect(openerOf(manifest).open({ ...signed, signature: undefined })).toBeUndefined()
    const bare = decodeObject(seal(new ObjectSealer(inputsOf(unsigned))))
    const opener = openerOf(unsigned)
    expect(opener.open(bare)).toBeDefined()
    expect(opener.open({ ...bare, signature: new Uint8Array(64) })).toBeUndefined()
  })

  it('does not open where only its signature is wrong, whichever is checked first', () => {
    const other = stranger('someone else')
    const forged = decodeObject(
      seal(new ObjectSealer(inputsOf(manifest, { signingKey: other.key }))),
    )
    expect(openerOf(manifest).open(forged)).toBeUndefined()
    expect(openerOf(manifest).open(forged, true)).toBeUndefined()
    const right = decodeObject(seal(new ObjectSealer(inputsOf(manifest))))
    expect(openerOf(manifest).open(right, true)).toEqual(openerOf(manifest).open(right))
  })

  it('has its tag tried first, and only where it is asked for its signature', () => {
    let tried = 0
    const crypto: CryptoProvider = {
      ...sodiumProvider,
      aead: (alg, key) => {
        const real = sodiumProvider.aead(alg, key)
        return {
          seal: (...args) => {
            real.seal(...args)
          },
          open: (...args) => {
            tried++
            return real.open(...args)
          },
        }
      },
    }
    const right = decodeObject(seal(new ObjectSealer(inputsOf(manifest))))
    const forged = { ...right, signature: new Uint8Array(64) }
    const opener = openerOf(manifest, { crypto })
    expect(opener.open(forged)).toBeUndefined()
    expect(tried).toBe(1)
    expect(opener.open(forged, true)).toBeUndefined()
    expect(tried).toBe(1)
  })

  it('has a signature that holds for one content key only', () => {
    fc.assert(
      fc.property(bytesOf(32), (otherRoot) => {
        const leaf = leafOf(otherRoot)
        const object = decodeObject(seal(new ObjectSealer(inputsOf(manifest, { leaf }))))
        const opener = openerOf(manifest, { leaf })
        const signedFor = (committed: Uint8Array): Uint8Array =>
          PLANT.key.sign(
            countersign0Structure(
              object.protectedBytes,
              signatureAad(manifest.generationId, commitmentOf(committed)),
              object.ciphertext,
            ),
          )
        // The tag is right under the other key, and the producer signed these very bytes.
        const signature = signedFor(leafOf(ROOT))
        expect(opener.open({ ...object, signature })).toBeUndefined()
        expect(opener.open({ ...object, signature: signedFor(leaf) })).toBeDefined()
      }),
      { numRuns: 30 },
    )
  })

  it('does not open under another kid than its generation has', () => {
    const shortened = { ...manifest, kidBytes: 4 } as VerifiedManifest
    const object = decodeObject(seal(new ObjectSealer(inputsOf(shortened))))
    expect(openerOf(shortened).open(object)).toBeDefined()
    expect(openerOf(manifest).open(object)).toBeUndefined()
  })

  it('does not open as of another algorithm than its stream has', () => {
    const object = decodeObject(seal(new ObjectSealer(inputsOf(manifest))))
    expect(openerOf(manifest).open({ ...object, alg: 3 })).toBeUndefined()
    expect(openerOf(manifest).open(object)).toBeDefined()
  })

  it('does not open in the counter mode that its stream has not', () => {
    const durable = { ...manifest, counterMode: 'durable' } as VerifiedManifest
    const object = decodeObject(seal(new ObjectSealer(inputsOf(durable))))
    const opener = openerOf(manifest, { session: new Uint8Array(0) })
    expect(opener.open(object)).toBeUndefined()
  })
})

describe('a sealer', () => {
  const manifest = manifestOf(PLANT, null)

  it('never uses a counter twice, and ends when the content key is used up', () => {
    for (const [alg, limit] of [
      [24, 2 ** 24],
      [10, 2 ** 20],
    ] as const) {
      const stream = manifestOf(PLANT, null, { alg, signatureMode: 'none' })
      const crypto = providers.find(({ aeads }) => aeads.has(alg)) ?? sodiumProvider
      const sealer = new ObjectSealer(inputsOf(stream, { crypto }), limit - 2)
      const counters = [1, 2].map(
        () => decodeObject(sealer.seal({ metadata: PLAIN, plaintext: PLAIN })).counter,
      )
      expect(counters).toEqual([limit - 2, limit - 1])
      expect(sealer.exhausted).toBe(true)
      const outcome = outcomeOf(() => sealer.seal({ metadata: PLAIN, plaintext: PLAIN }))
      expect(outcome).toBe('ERR_COUNTER_EXHAUSTED')
    }
  })

  it('keeps its session id when the caller uses the buffer again', () => {
    const session = SESSION.slice()
    const sealer = new ObjectSealer(inputsOf(manifest, { session }))
    session.fill(9)
    expect(sealer.session).toEqual(SESSION)
    expect(openerOf(manifest).open(decodeObject(sealText(sealer)))).toBeDefined()
  })

  it('seals nothing for a batch where the stream has none', () => {
    const sealer = new ObjectSealer(inputsOf(manifest))
    expect(() => sealer.sealUnsigned({ metadata: PLAIN, plaintext: PLAIN })).toThrow(TypeError)
    expect(sealer.nextCounter).toBe(0)
  })

  it('seals nothing more once it was wiped', () => {
    const sealer = new ObjectSealer(inputsOf(manifest))
    sealer.wipe()
    expect(() => sealer.seal({ metadata: PLAIN, plaintext: PLAIN })).toThrow(WaxwingError)
  })

  it('uses no counter up on a clear part that is too long', () => {
    const sealer = new ObjectSealer(inputsOf(manifest))
    const clearPart = new Uint8Array(MAX_CLEAR_PART_BYTES + 1)
    expect(() => sealer.seal({ metadata: PLAIN, plaintext: PLAIN, clearPart })).toThrow(RangeError)
    expect(sealer.nextCounter).toBe(0)
    const longest = sealer.seal({
      metadata: PLAIN,
      plaintext: PLAIN,
      clearPart: clearPart.subarray(1),
    })
    expect(decodeObject(longest).clearPart).toHaveLength(MAX_CLEAR_PART_BYTES)
  })

  it.each([6, 7, 238, 239, 65_518, 65_519])('writes %d bytes in the shortest form', (length) => {
    const plaintext = new Uint8Array(length).fill(7)
    const object = new ObjectSealer(inputsOf(manifest)).seal({ metadata: PLAIN, plaintext })
    expect(referenceEncode(decodeObject(object))).toEqual(object)
    expect(openerOf(manifest).open(decodeObject(object))?.plaintext).toEqual(plaintext)
  })

  it('writes big payloads as it does small ones', () => {
    const plaintext = new Uint8Array(200_000).fill(7)
    const sealer = new ObjectSealer(inputsOf(manifest))
    const big = decodeObject(sealer.seal({ metadata: PLAIN, plaintext }))
    const small = decodeObject(sealer.seal({ metadata: PLAIN, plaintext: PLAIN }))
    const opener = openerOf(manifest)
    expect(opener.open(big)?.plaintext).toEqual(plaintext)
    expect(opener.open(small)?.plaintext).toEqual(PLAIN)
  })

  it('wants a signing key where the stream is signed, and none where it is not', () => {
    const unsigned = manifestOf(PLANT, null, { signatureMode: 'none' })
    const make = (stream: VerifiedManifest, inputs: Partial<SealerInputs>) => () =>
      new ObjectSealer(inputsOf(stream, inputs))
    expect(make(manifest, { signingKey: undefined })).toThrow(TypeError)
    expect(make(unsigned, { signingKey: PLANT.key })).toThrow(TypeError)
    expect(make(manifest, { session: new Uint8Array(6) })).toThrow(TypeError)
  })
})
