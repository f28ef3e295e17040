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
  type Ed25519VerifyingKey,
} from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import { describe, expect, it } from 'vitest'
import { EPOCH, stranger } from '../support/domain.js'
import { manifestOf, ROOT } from '../support/stream.js'

const PLANT = stranger('plant')
const MANIFEST = manifestOf(PLANT, null, { signatureMode: 'batch' })
const PLAIN = encodeMetadata({})
const COMMON = {
  manifest: MANIFEST,
  leaf: deriveLeaf(sodiumProvider, rootNode(ROOT), EPOCH),
  epoch: EPOCH,
  session: new Uint8Array(7).fill(3),
}

/** Seals batches of three, one after the other. */
function batchesOf(count: number): readonly (readonly Uint8Array[])[] {
  const sealer = new ObjectSealer({ ...COMMON, crypto: sodiumProvider, signingKey: PLANT.key })
  const { generationId } = MANIFEST
  return Array.from({ length: count }, (_, i) => {
    const unsigned = [0, 1, 2].map((n) =>
      sealer.sealUnsigned({ metadata: PLAIN, plaintext: utf8(`batch ${i}, ${n}`) }),
    )
    return signBatch(sodiumProvider, unsigned, { generationId, key: PLANT.key })
  })
}

/** An opener, with a count of the signatures that it verified. */
function countingOpener(crypto: CryptoProvider = sodiumProvider) {
  const inner = sodiumProvider.ed25519VerifyingKey(PLANT.key.publicKey)
  let checks = 0
  const producerKey: Ed25519VerifyingKey = {
    publicKey: inner.publicKey,
    verify: (message, signature) => {
      checks++
      return inner.verify(message, signature)
    },
  }
  const opener = new ObjectOpener({ ...COMMON, crypto, producerKey })
  const opens = (object: Uint8Array | undefined): boolean =>
    object !== undefined && opener.open(decodeObject(object)) !== undefined
  return { opens, checks: () => checks }
}

describe('what is remembered of batches', () => {
  it('is the eight that came last, however many objects of one come', () => {
    const batches = batchesOf(9)
    const { opens, checks } = countingOpener()
    for (const [object] of batches) expect(opens(object)).toBe(true)
    expect(checks()).toBe(9)
    for (const [, second, third] of batches.slice(1)) {
      expect([opens(second), opens(third), opens(third)]).toEqual([true, true, true])
    }
    expect(checks()).toBe(9)
    expect(opens(batches[0]?.[1])).toBe(true)
    expect(checks()).toBe(10)
  })

  it('is its own: the buffer that an object came in may be used again', () => {
    const [objects = []] = batchesOf(1)
    const { opens, checks } = countingOpener()
    const buffer = (objects[0] ?? new Uint8Array(0)).slice()
    expect(opens(buffer)).toBe(true)
    buffer.fill(0)
    for (const object of objects) expect(opens(object)).toBe(true)
    expect(checks()).toBe(1)
  })

  it('is every node of its tree, so that each is hashed once', () => {
    const count = 64
    const sealer = new ObjectSealer({ ...COMMON, crypto: sodiumProvider, signingKey: PLANT.key })
    const unsigned = Array.from({ length: count }, () =>
      sealer.sealUnsigned({ metadata: PLAIN, plaintext: PLAIN }),
    )
    let hashed = 0
    const crypto: CryptoProvider = {
      ...sodiumProvider,
      sha256: (data) => {
        hashed++
        return sodiumProvider.sha256(data)
      },
    }
    const { generationId } = MANIFEST
    const { opens } = countingOpener(crypto)
    for (const object of signBatch(sodiumProvider, unsigned, { generationId, key: PLANT.key })) {
      expect(opens(object)).toBe(true)
    }
    expect(hashed).toBe(count + count - 1)
  })
})

describe('a batch', () => {
  it('may be of one object, which is sealed like any other', () => {
    const sealer = new ObjectSealer({ ...COMMON, crypto: sodiumProvider, signingKey: PLANT.key })
    const object = sealer.seal({ metadata: PLAIN, plaintext: utf8('alone') })
    expect(decodeObject(object).batch).toEqual({ index: 0, count: 1, path: new Uint8Array(0) })
    expect(countingOpener().opens(object)).toBe(true)
  })

  it('may be of 4,096', () => {
    const sealer = new ObjectSealer({ ...COMMON, crypto: sodiumProvider, signingKey: PLANT.key })
    const one = sealer.sealUnsigned({ metadata: PLAIN, plaintext: PLAIN })
    const { generationId } = MANIFEST
    const objects = signBatch(sodiumProvider, Array<typeof one>(MAX_BATCH_OBJECTS).fill(one), {
      generationId,
      key: PLANT.key,
    })
    expect(objects).toHaveLength(4096)
    const { opens, checks } = countingOpener()
    for (const i of [0, 1000, 4095]) expect(opens(objects[i])).toBe(true)
    expect(checks()).toBe(1)
  })
})
