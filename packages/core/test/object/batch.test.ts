// SPDX-License-Identifier: Apache-2.0
import {
  decodeObject,
  deriveLeaf,
  encodeMetadata,
  MAX_BATCH_OBJECTS,
  ObjectOpener,
  ObjectSealer,
  rootNode,
  signBatch,
  utf8,
  type CryptoProvider,
  type DecodedObject,
  type Ed25519VerifyingKey,
  type UnsignedObject,
} from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BatchHasher, buildTree, pathNodes } from '../../src/object/batch-tree.js'
import { VerifiedBatch } from '../../src/object/verified-batch.js'
import { providers } from '../crypto/providers.js'
import { bytesOf } from '../support/arbitraries.js'
import { EPOCH, stranger } from '../support/domain.js'
import { outcomeOf } from '../support/outcome.js'
import { manifestOf, ROOT } from '../support/stream.js'
import { naiveLeaf, naivePath, naiveRoot } from '../twin/batch-tree.ts'
import { referenceEncode } from './reference.js'

const PLANT = stranger('plant')
const MANIFEST = manifestOf(PLANT, null, { signatureMode: 'batch' })
const PLAIN = encodeMetadata({})

function sealerOf(options: { crypto?: CryptoProvider; session?: number; epoch?: number } = {}) {
  const { crypto = sodiumProvider, session = 3, epoch = EPOCH } = options
  const leaf = deriveLeaf(crypto, rootNode(ROOT), epoch)
  const bytes = new Uint8Array(7).fill(session)
  const inputs = { crypto, manifest: MANIFEST, leaf, epoch, session: bytes }
  return new ObjectSealer({ ...inputs, signingKey: PLANT.key })
}

function openerOf(
  options: { crypto?: CryptoProvider; session?: number; epoch?: number } = {},
  producerKey?: Ed25519VerifyingKey,
) {
  const { crypto = sodiumProvider, session = 3, epoch = EPOCH } = options
  const leaf = deriveLeaf(crypto, rootNode(ROOT), epoch)
  const key = producerKey ?? crypto.ed25519VerifyingKey(PLANT.key.publicKey)
  const bytes = new Uint8Array(7).fill(session)
  return new ObjectOpener({
    crypto,
    manifest: MANIFEST,
    leaf,
    epoch,
    session: bytes,
    producerKey: key,
  })
}

function sealBatch(count: number, crypto: CryptoProvider = sodiumProvider): readonly Uint8Array[] {
  const sealer = sealerOf({ crypto })
  const unsigned = Array.from({ length: count }, (_, i) =>
    sealer.sealUnsigned({ metadata: PLAIN, plaintext: utf8(`message ${i}`) }),
  )
  return sign(unsigned)
}

function sign(unsigned: readonly UnsignedObject[]): readonly Uint8Array[] {
  const { generationId } = MANIFEST
  return signBatch(sodiumProvider, unsigned, { generationId, key: PLANT.key })
}

/** A number of leaves, and places to look at in turn, some with a byte of the path changed. */
const treeAndTries = fc.integer({ min: 1, max: 40 }).chain((count) =>
  fc.record({
    count: fc.constant(count),
    tries: fc.array(
      fc.record({
        index: fc.nat({ max: count - 1 }),
        flip: fc.oneof(fc.constant(Infinity), fc.nat({ max: 200 })),
      }),
      { maxLength: 30 },
    ),
  }),
)

const textOf = (opened: { plaintext: Uint8Array } | undefined): string | undefined =>
  opened && new TextDecoder().decode(opened.plaintext)

describe('the tree under a batch signature', () => {
  it('is the one of RFC 9162, for any number of leaves', () => {
    const hasher = new BatchHasher(sodiumProvider)
    fc.assert(
      fc.property(fc.array(bytesOf(5), { minLength: 1, maxLength: 140 }), (contents) => {
        const leaves = contents.map((content) => naiveLeaf(content))
        expect(contents.map((content) => hasher.leaf(content))).toEqual(leaves)
        const { root, paths } = buildTree(hasher, leaves)
        expect(root).toEqual(naiveRoot(leaves))
        for (const index of leaves.keys()) {
          const path = naivePath(leaves, index)
          expect(pathNodes(index, leaves.length)).toBe(path.length)
          expect([...paths[index]!]).toEqual(path.flatMap((node) => [...node]))
        }
      }),
      { numRuns: 40 },
    )
  })

  it('is followed from any leaf to the signed root, whatever is known of it already', () => {
    const hasher = new BatchHasher(sodiumProvider)
    fc.assert(
      fc.property(treeAndTries, ({ count, tries }) => {
        const leaves = Array.from({ length: count }, (_, i) => naiveLeaf(Uint8Array.of(i)))
        const { root, paths } = buildTree(hasher, leaves)
        const batch = new VerifiedBatch(hasher, count, new Uint8Array(64))
        for (const { index, flip } of tries) {
          const path = paths[index]!.slice()
          const isFlipped = flip < path.length
          if (isFlipped) path[flip]! ^= 1
          const isRoot = (node: Uint8Array): boolean => Buffer.from(node).equals(root)
          const place = { index, count, path }
          expect(batch.holds(leaves[index]!, place, isRoot)).toBe(!isFlipped)
          expect(batch.holds(naiveLeaf(Uint8Array.of(255)), place, isRoot)).toBe(false)
        }
      }),
      { numRuns: 300 },
    )
  })
})

describe.each(providers)('objects of one batch, with the $name provider', (crypto) => {
  it.each([1, 2, 3, 7, 64])('stand alone, in any order: %d of them', (count) => {
    const objects = sealBatch(count, crypto)
    expect(objects).toHaveLength(count)
    for (const index of Array.from(objects.keys()).toReversed()) {
      const decoded = decodeObject(objects[index]!)
      expect(decoded).toMatchObject({ counter: index, batch: { index, count } })
      expect(textOf(openerOf({ crypto }).open(decoded))).toBe(`message ${index}`)
    }
  })
})

describe('objects of one batch', () => {
  it('have one encoding, which the general codec agrees with', () => {
    for (const object of sealBatch(300))
      expect(referenceEncode(decodeObject(object))).toEqual(object)
  })

  it('may be of several sessions and epochs', () => {
    const places = [{ session: 1 }, { session: 2 }, { session: 2, epoch: EPOCH + 1 }]
    const plaintext = utf8('one of three')
    const unsigned = places.map((place) =>
      sealerOf(place).sealUnsigned({ metadata: PLAIN, plaintext }),
    )
    const opened = sign(unsigned).map((object, i) =>
      textOf(openerOf(places[i]).open(decodeObject(object))),
    )
    expect(opened).toEqual(places.map(() => 'one of three'))
  })

  it('are verified by one signature check, while it is remembered', () => {
    const inner = sodiumProvider.ed25519VerifyingKey(PLANT.key.publicKey)
    let checks = 0
    const counting: Ed25519VerifyingKey = {
      publicKey: inner.publicKey,
      verify: (message, signature) => {
        checks++
        return inner.verify(message, signature)
      },
    }
    const opener = openerOf({}, counting)
    for (const object of sealBatch(64)) expect(opener.open(decodeObject(object))).toBeDefined()
    expect(checks).toBe(1)
  })

  it('add at most 336 bytes each, in bursts of 64', () => {
    const sealer = sealerOf()
    const metadata = encodeMetadata({ offsetMs: 3_599_999 })
    const plaintext = new Uint8Array(256)
    const unsigned = Array.from({ length: 64 }, () => sealer.sealUnsigned({ metadata, plaintext }))
    for (const object of sign(unsigned)) {
      expect(object.length - plaintext.length).toBeLessThanOrEqual(336)
    }
  })

  it('do not open with a part of their batch signature changed, also where the root is known', () => {
    const objects = sealBatch(5).map((object) => decodeObject(object))
    const [first, second] = objects as [DecodedObject, DecodedObject]
    const { batch } = second
    if (batch === undefined || first.batch === undefined) throw new Error('they are of a batch')
    const changes: readonly [string, Partial<DecodedObject>][] = [
      ['signature', { signature: flipped(second.signature!) }],
      ['path', { batch: { ...batch, path: flipped(batch.path) } }],
      ['index', { batch: { ...batch, index: 3 } }],
      ['count', { batch: { ...batch, count: 6 } }],
      ['place of another', { batch: first.batch }],
      ['no batch', { batch: undefined }],
      ['nothing', { batch: undefined, signature: undefined }],
      ['ciphertext', { ciphertext: flipped(second.ciphertext) }],
    ]
    const knowing = openerOf()
    for (const object of objects) expect(knowing.open(object)).toBeDefined()
    for (const [what, change] of changes) {
      for (const opener of [openerOf(), knowing]) {
        expect(opener.open({ ...second, ...change }), what).toBeUndefined()
      }
    }
  })

  it('do not open where every object has a signature of its own, nor the other way round', () => {
    const each = manifestOf(PLANT, null)
    expect(each.generationId).not.toEqual(MANIFEST.generationId)
    const inputs = { leaf: deriveLeaf(sodiumProvider, rootNode(ROOT), EPOCH), epoch: EPOCH }
    const session = new Uint8Array(7).fill(3)
    const crypto = sodiumProvider
    const sealer = new ObjectSealer({
      ...inputs,
      crypto,
      session,
      manifest: each,
      signingKey: PLANT.key,
    })
    const alone = decodeObject(sealer.seal({ metadata: PLAIN, plaintext: utf8('a') }))
    const [inBatch] = sealBatch(1).map((object) => decodeObject(object))
    expect(openerOf().open({ ...inBatch!, batch: undefined })).toBeUndefined()
    const producerKey = crypto.ed25519VerifyingKey(PLANT.key.publicKey)
    const opener = new ObjectOpener({ ...inputs, crypto, session, manifest: each, producerKey })
    expect(opener.open({ ...alone, batch: inBatch!.batch })).toBeUndefined()
    expect(opener.open(alone)).toBeDefined()
  })

  it('are one at least, and at most as many as a batch may have', () => {
    expect(() => sign([])).toThrow(RangeError)
    const one = sealerOf().sealUnsigned({ metadata: PLAIN, plaintext: utf8('a') })
    expect(() => sign(Array.from({ length: MAX_BATCH_OBJECTS + 1 }, () => one))).toThrow(RangeError)
  })
})

describe('the framing of a batch signature', () => {
  const [object] = sealBatch(3).slice(1)
  const at = indexOfLabel(object!)

  it.each([
    ['a signature of 63 bytes', at + 7, 63],
    ['an index that is its count', at + 5 + 1 + 2 + 64, 3],
    ['a count of none', at + 5 + 1 + 2 + 64 + 1, 0],
    ['an array of three', at + 5, 0x83],
  ])('is refused: %s', (_, place, byte) => {
    const changed = object!.slice()
    changed[place] = byte
    expect(outcomeOf(() => decodeObject(changed))).toBe('ERR_MALFORMED')
  })

  it('is refused with a path that is a node too long', () => {
    const decoded = decodeObject(object!)
    const batch = decoded.batch!
    const path = new Uint8Array(batch.path.length + 32)
    const bytes = referenceEncode({ ...decoded, batch: { ...batch, path } })
    expect(outcomeOf(() => decodeObject(bytes))).toBe('ERR_MALFORMED')
  })
})

function flipped(bytes: Uint8Array): Uint8Array {
  const changed = bytes.slice()
  changed[0]! ^= 1
  return changed
}

function indexOfLabel(bytes: Uint8Array): number {
  const label = [0x3a, 0x00, 0x01, 0x00, 0x01]
  return bytes.findIndex((_, i) => label.every((byte, j) => bytes[i + j] === byte))
}
