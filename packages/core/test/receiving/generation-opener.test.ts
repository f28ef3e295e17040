// SPDX-License-Identifier: Apache-2.0
import {
  containsEpoch,
  decodeObject,
  deriveLeaf,
  encodeMetadata,
  LAST_EPOCH,
  objectDigest,
  ObjectSealer,
  rootNode,
  signBatch,
  utf8,
  type CryptoProvider,
  type Ed25519VerifyingKey,
} from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EPOCH, NOW, seedOf } from '../support/domain.js'
import { countingCrypto, PLANT, say, streamAndReader } from '../support/generation.js'
import { source } from '../support/node-source.js'
import { nodesOf, ROOT, SPAN } from '../support/stream.js'

const crypto = sodiumProvider
const WRONG_ROOT = seedOf('wrong root')

describe('an object of a generation', () => {
  it('opens for a grant of its epoch, and for no other', () => {
    const epochs = fc.oneof(fc.nat(LAST_EPOCH), fc.integer({ min: 2 ** 31 - 3, max: 2 ** 31 + 3 }))
    const { opener, ring, sealed } = streamAndReader({ epochSeconds: 1 })
    fc.assert(
      fc.property(
        epochs,
        epochs,
        fc.integer({ min: -2, max: 2 }),
        fc.boolean(),
        (a, b, near, at) => {
          const span = { first: Math.min(a, b), last: Math.max(a, b) }
          const epoch = Math.min(Math.max((at ? span.first : span.last) + near, 0), LAST_EPOCH)
          ring.wipe()
          ring.add(nodesOf(span), source('grant'))
          opener.reset()
          const expected = containsEpoch(span, epoch) ? ['opened', 'EXPIRED'] : ['no-key']
          expect(expected).toContain(say(opener.open(sealed(epoch))).replace('ERR_', ''))
        },
      ),
      { numRuns: 100 },
    )
  })

  it('comes with everything that is known of it', () => {
    const { manifest, opener, ring, sealed } = streamAndReader()
    ring.add(nodesOf(SPAN), source('grant 1'))
    expect(opener.open(sealed(EPOCH))).toMatchObject({
      kind: 'opened',
      manifest,
      producer: { name: 'plant' },
      epoch: EPOCH,
      session: new Uint8Array(7).fill(3),
      counter: 0,
      metadata: {},
      plaintext: utf8(`epoch ${EPOCH}`),
      clearPart: undefined,
      signed: true,
      sources: ['grant 1'],
      disproved: [],
    })
  })

  it('proves the node that opened it, and that node only', () => {
    const { opener, ring, sealed } = streamAndReader()
    ring.add(nodesOf(SPAN), source('grant'))
    expect(ring.spans('proven')).toEqual([])
    expect(say(opener.open(sealed(EPOCH)))).toBe('opened')
    const proven = ring.spans('proven')
    expect(proven).toHaveLength(1)
    expect(proven[0] && containsEpoch(proven[0], EPOCH)).toBe(true)
    expect(ring.spans('provisional').length).toBeGreaterThan(0)
  })

  it('fails under wrong nodes, and opens once the right ones come: evidence', () => {
    const { opener, ring, sealed } = streamAndReader()
    ring.add(nodesOf(SPAN, WRONG_ROOT), source('liar'))
    expect(say(opener.open(sealed(EPOCH)))).toBe('failed, provisional')
    ring.add(nodesOf(SPAN), source('honest'))
    opener.reset()
    expect(opener.open(sealed(EPOCH))).toMatchObject({
      kind: 'opened',
      sources: ['honest'],
      disproved: ['liar'],
    })
    expect(opener.open(sealed(EPOCH))).toMatchObject({ kind: 'opened', disproved: [] })
  })

  it('opens under proven nodes whatever anybody grants afterwards', () => {
    const { opener, ring, sealed } = streamAndReader()
    ring.add(nodesOf(SPAN), source('honest'))
    opener.open(sealed(EPOCH))
    const { contradicts } = ring.add(nodesOf(SPAN, WRONG_ROOT), source('liar'))
    expect(contradicts).toEqual(['honest'])
    opener.reset()
    expect(opener.open(sealed(EPOCH))).toMatchObject({ kind: 'opened', sources: ['honest'] })
  })

  it('that is forged fails, and is not parked where its node is proven', () => {
    const { opener, ring, sealed } = streamAndReader()
    ring.add(nodesOf(SPAN), source('honest'))
    expect(say(opener.open(sealed(EPOCH, 3, WRONG_ROOT)))).toBe('failed, provisional')
    opener.open(sealed(EPOCH))
    expect(say(opener.open(sealed(EPOCH, 3, WRONG_ROOT)))).toBe('failed')
  })

  it('needs a key for its own epoch', () => {
    const { opener, ring, sealed } = streamAndReader()
    expect(say(opener.open(sealed(EPOCH)))).toBe('no-key')
    ring.add(nodesOf({ first: EPOCH, last: EPOCH }), source('grant'))
    opener.reset()
    expect(say(opener.open(sealed(EPOCH)))).toBe('opened')
    expect(say(opener.open(sealed(EPOCH - 1)))).toBe('no-key')
    expect(say(opener.open(sealed(EPOCH + 1)))).toBe('no-key')
  })

  it('opens again and again, in whatever order sessions and epochs come', () => {
    const { opener, ring, sealed } = streamAndReader()
    ring.add(nodesOf(SPAN), source('grant'))
    const objects = Array.from({ length: 150 }, (_, i) => sealed(EPOCH - (i % 5), i % 100))
    for (const object of [...objects, ...objects.toReversed()]) {
      expect(say(opener.open(object))).toBe('opened')
    }
  })
})

describe('the key of a session and an epoch', () => {
  it('is made ready once when its node comes, and once more when it is proven', () => {
    const { crypto: counted, keyed } = countingCrypto()
    const { opener, ring, sealed } = streamAndReader({}, { crypto: counted })
    ring.add(nodesOf(SPAN), source('grant'))
    const object = sealed(EPOCH)
    const before = keyed()
    for (let i = 0; i < 5; i++) expect(say(opener.open(object))).toBe('opened')
    expect(keyed() - before).toBe(2)
  })

  it('stands ready with 63 others, and gives way to the 65th', () => {
    const { crypto: counted, keyed } = countingCrypto()
    const { opener, ring, sealed } = streamAndReader({}, { crypto: counted })
    ring.addProven(nodesOf(SPAN), source('own'))
    const objects = Array.from({ length: 65 }, (_, session) => sealed(EPOCH, session))
    const [first, second, ...others] = objects
    const before = keyed()
    const open = (...many: (typeof first)[]): number => {
      for (const object of many) if (object !== undefined) opener.open(object)
      return keyed() - before
    }
    expect(open(...objects.slice(0, 64))).toBe(64)
    expect(open(...objects.slice(0, 64))).toBe(64)
    expect(open(objects[64])).toBe(65)
    expect(open(second, ...others)).toBe(65)
    expect(open(first)).toBe(66)
  })

  it('leaves no leaf behind from which it could be derived again', () => {
    const leaves: Uint8Array[] = []
    const watching: CryptoProvider = {
      ...crypto,
      hkdfExpandSha256: (leaf, info, lengthBytes) => {
        leaves.push(leaf)
        return crypto.hkdfExpandSha256(leaf, info, lengthBytes)
      },
    }
    const { opener, ring, sealed } = streamAndReader({}, { crypto: watching })
    ring.addProven(nodesOf(SPAN), source('own'))
    const object = sealed(EPOCH)
    leaves.length = 0
    expect(say(opener.open(object))).toBe('opened')
    expect(leaves.map((leaf) => leaf.every((byte) => byte === 0))).toEqual([true, true])
  })

  it('is that of the object, though a buffer held one of another session before', () => {
    const { opener, ring, sealed } = streamAndReader()
    ring.addProven(nodesOf(SPAN), source('own'))
    const other = sealed(EPOCH, 4)
    const buffer = sealed(EPOCH, 3).bytes.slice()
    expect(say(opener.open(decodeObject(buffer)))).toBe('opened')
    buffer.set(other.bytes)
    expect(say(opener.open(decodeObject(buffer)))).toBe('opened')
  })
})

describe('an authentic object', () => {
  it('is not refused for a fault of our own', () => {
    const { trust } = streamAndReader()
    const fault = new TypeError('a fault')
    const faulty: typeof trust = Object.create(trust, {
      checkEpoch: {
        value: () => {
          throw fault
        },
      },
    })
    const { opener, ring, sealed } = streamAndReader({}, { trust: faulty })
    ring.add(nodesOf(SPAN), source('grant'))
    expect(() => opener.open(sealed(EPOCH))).toThrow(fault)
  })

  it('does not count after the epoch at which its generation was closed', () => {
    const { opener, ring, sealed } = streamAndReader()
    ring.add(nodesOf(SPAN), source('grant'))
    opener.closingEpoch = EPOCH
    expect(say(opener.open(sealed(EPOCH - 1)))).toBe('opened')
    expect(say(opener.open(sealed(EPOCH)))).toBe('opened')
    expect(say(opener.open(sealed(EPOCH + 1)))).toBe('ERR_CLOSED_GENERATION')
  })

  it('does not count if its epoch began after its producer was revoked or expired', () => {
    const revoked = [{ principalId: PLANT.id, since: NOW }]
    const revoking = streamAndReader({}, {}, { revoked })
    revoking.ring.add(nodesOf(SPAN), source('grant'))
    expect(say(revoking.opener.open(revoking.sealed(EPOCH - 1)))).toBe('opened')
    expect(say(revoking.opener.open(revoking.sealed(EPOCH)))).toBe('ERR_REVOKED')
    const expiring = streamAndReader()
    expiring.ring.add(nodesOf({ first: EPOCH, last: LAST_EPOCH }), source('grant'))
    expect(say(expiring.opener.open(expiring.sealed(EPOCH + 999)))).toBe('opened')
    expect(say(expiring.opener.open(expiring.sealed(EPOCH + 1000)))).toBe('ERR_EXPIRED')
  })

  it('proves its node even where it does not count', () => {
    const { opener, ring, sealed } = streamAndReader()
    ring.add(nodesOf(SPAN), source('grant'))
    opener.closingEpoch = EPOCH - 1
    expect(say(opener.open(sealed(EPOCH)))).toBe('ERR_CLOSED_GENERATION')
    expect(ring.hasProven(EPOCH)).toBe(true)
  })

  it('is remembered by a digest of what is authenticated in it', () => {
    const { sealed } = streamAndReader()
    const object = sealed(EPOCH)
    const digest = objectDigest(crypto, object)
    expect(digest).toHaveLength(8)
    const changed = { ...object, ciphertext: object.ciphertext.with(0, object.ciphertext[0]! ^ 1) }
    expect(objectDigest(crypto, changed)).not.toEqual(digest)
    const unsigned = { ...object, signature: undefined }
    expect(objectDigest(crypto, unsigned)).toEqual(digest)
  })
})

describe('a batch over several sessions', () => {
  it('has its signature verified once', () => {
    const { manifest, opener, ring } = streamAndReader({ signatureMode: 'batch' })
    ring.addProven(nodesOf(SPAN), source('own'))
    const leaf = deriveLeaf(crypto, rootNode(ROOT), EPOCH)
    const unsigned = [1, 2, 3].map((n) => {
      const session = new Uint8Array(7).fill(n)
      const inputs = { crypto, manifest, leaf, epoch: EPOCH, session, signingKey: PLANT.key }
      const plaintext = utf8(`session ${n}`)
      return new ObjectSealer(inputs).sealUnsigned({ metadata: encodeMetadata({}), plaintext })
    })
    const { key } = opener.producer
    let checks = 0
    const counting: Ed25519VerifyingKey = {
      publicKey: key.publicKey,
      verify: (message, signature) => {
        checks++
        return key.verify(message, signature)
      },
    }
    opener.producer = { ...opener.producer, key: counting }
    const { generationId } = manifest
    for (const object of signBatch(crypto, unsigned, { generationId, key: PLANT.key })) {
      expect(say(opener.open(decodeObject(object)))).toBe('opened')
    }
    expect(checks).toBe(1)
  })
})

describe('a stream without signatures', () => {
  it('proves no node, and keeps every candidate', () => {
    const { opener, ring, sealed } = streamAndReader({ signatureMode: 'none' })
    ring.add(nodesOf(SPAN, WRONG_ROOT), source('one'))
    ring.add(nodesOf(SPAN), source('other'))
    for (const [root, name] of [
      [ROOT, 'other'],
      [WRONG_ROOT, 'one'],
      [ROOT, 'other'],
    ] as const) {
      expect(opener.open(sealed(EPOCH, 3, root))).toMatchObject({
        kind: 'opened',
        signed: false,
        sources: [name],
        disproved: [],
      })
    }
    expect(ring.hasProven(EPOCH)).toBe(false)
    expect(ring.candidates(EPOCH)).toHaveLength(2)
  })
})
