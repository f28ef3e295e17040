// SPDX-License-Identifier: Apache-2.0
import {
  containsEpoch,
  decodeObject,
  deriveLeaf,
  encodeMetadata,
  GenerationOpener,
  LAST_EPOCH,
  NodeRing,
  objectDigest,
  ObjectSealer,
  rootNode,
  type Trust,
  utf8,
  type Aead,
  type CryptoProvider,
  type DecodedObject,
  type GenerationOpenerInputs,
  type ManifestFields,
  type OpenOutcome,
  type TrustBundleFields,
} from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { sodiumProvider } from '@waxwing/core/sodium'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { enrolled, EPOCH, HOUR, NOW, seedOf, stranger, trustOf } from '../support/domain.js'
import { source } from '../support/node-source.js'
import { manifestOf, nodesOf, ROOT, SPAN } from '../support/stream.js'

const crypto = sodiumProvider
const ANCHOR = stranger('anchor')
const PLANT = enrolled(ANCHOR, 'plant', { expires: (EPOCH + 1000) * HOUR })
const WRONG_ROOT = seedOf('wrong root')
const PLAIN = encodeMetadata({})

/** A stream, its objects, and a reader who holds nothing yet. */
function setUp(
  fields: Partial<ManifestFields> = {},
  inputs: Partial<GenerationOpenerInputs> = {},
  bundle: Partial<TrustBundleFields> = {},
) {
  const manifest = manifestOf(PLANT, ANCHOR, fields)
  const ring = new NodeRing(crypto)
  const trust: Trust = trustOf(ANCHOR, bundle)
  const producer = trust.resolve(PLANT.id, PLANT.credential)
  const opener = new GenerationOpener({ crypto, trust, manifest, producer, ring, ...inputs })
  const signingKey = manifest.signatureMode === 'none' ? undefined : PLANT.key
  const sealed = (epoch: number, session = 3, root = ROOT): DecodedObject => {
    const sealer = new ObjectSealer({
      crypto: inputs.crypto ?? crypto,
      manifest,
      leaf: deriveLeaf(crypto, rootNode(root), epoch),
      epoch,
      session: new Uint8Array(7).fill(session),
      signingKey,
    })
    return decodeObject(sealer.seal({ metadata: PLAIN, plaintext: utf8(`epoch ${epoch}`) }))
  }
  return { manifest, ring, opener, sealed }
}

/** In one word, with the code of what is refused. */
function say(outcome: OpenOutcome): string {
  if (outcome.kind === 'refused') return outcome.error.code
  if (outcome.kind === 'failed') return outcome.provisional ? 'failed, provisional' : 'failed'
  return outcome.kind
}

describe('an object of a generation', () => {
  it('opens for a grant of its epoch, and for no other', () => {
    const epochs = fc.oneof(fc.nat(LAST_EPOCH), fc.integer({ min: 2 ** 31 - 3, max: 2 ** 31 + 3 }))
    const { opener, ring, sealed } = setUp({ epochSeconds: 1 })
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
    const { manifest, opener, ring, sealed } = setUp()
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
    const { opener, ring, sealed } = setUp()
    ring.add(nodesOf(SPAN), source('grant'))
    expect(ring.spans('proven')).toEqual([])
    expect(say(opener.open(sealed(EPOCH)))).toBe('opened')
    const proven = ring.spans('proven')
    expect(proven).toHaveLength(1)
    expect(proven[0] && containsEpoch(proven[0], EPOCH)).toBe(true)
    expect(ring.spans('provisional').length).toBeGreaterThan(0)
  })

  it('fails under wrong nodes, and opens once the right ones come: evidence', () => {
    const { opener, ring, sealed } = setUp()
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
    const { opener, ring, sealed } = setUp()
    ring.add(nodesOf(SPAN), source('honest'))
    opener.open(sealed(EPOCH))
    const { contradicts } = ring.add(nodesOf(SPAN, WRONG_ROOT), source('liar'))
    expect(contradicts).toEqual(['honest'])
    opener.reset()
    expect(opener.open(sealed(EPOCH))).toMatchObject({ kind: 'opened', sources: ['honest'] })
  })

  it('that is forged fails, and is not parked where its node is proven', () => {
    const { opener, ring, sealed } = setUp()
    ring.add(nodesOf(SPAN), source('honest'))
    expect(say(opener.open(sealed(EPOCH, 3, WRONG_ROOT)))).toBe('failed, provisional')
    opener.open(sealed(EPOCH))
    expect(say(opener.open(sealed(EPOCH, 3, WRONG_ROOT)))).toBe('failed')
  })

  it('needs a key for its own epoch', () => {
    const { opener, ring, sealed } = setUp()
    expect(say(opener.open(sealed(EPOCH)))).toBe('no-key')
    ring.add(nodesOf({ first: EPOCH, last: EPOCH }), source('grant'))
    opener.reset()
    expect(say(opener.open(sealed(EPOCH)))).toBe('opened')
    expect(say(opener.open(sealed(EPOCH - 1)))).toBe('no-key')
    expect(say(opener.open(sealed(EPOCH + 1)))).toBe('no-key')
  })

  it('opens again and again, in whatever order sessions and epochs come', () => {
    const { opener, ring, sealed } = setUp()
    ring.add(nodesOf(SPAN), source('grant'))
    const objects = Array.from({ length: 150 }, (_, i) => sealed(EPOCH - (i % 5), i % 100))
    for (const object of [...objects, ...objects.toReversed()]) {
      expect(say(opener.open(object))).toBe('opened')
    }
  })
})

describe('an authentic object', () => {
  it('does not count after the epoch at which its generation was closed', () => {
    const { opener, ring, sealed } = setUp()
    ring.add(nodesOf(SPAN), source('grant'))
    opener.closingEpoch = EPOCH
    expect(say(opener.open(sealed(EPOCH - 1)))).toBe('opened')
    expect(say(opener.open(sealed(EPOCH)))).toBe('opened')
    expect(say(opener.open(sealed(EPOCH + 1)))).toBe('ERR_CLOSED_GENERATION')
  })

  it('does not count if its epoch began after its producer was revoked or expired', () => {
    const revoked = [{ principalId: PLANT.id, since: NOW }]
    const revoking = setUp({}, {}, { revoked })
    revoking.ring.add(nodesOf(SPAN), source('grant'))
    expect(say(revoking.opener.open(revoking.sealed(EPOCH - 1)))).toBe('opened')
    expect(say(revoking.opener.open(revoking.sealed(EPOCH)))).toBe('ERR_REVOKED')
    const expiring = setUp()
    expiring.ring.add(nodesOf({ first: EPOCH, last: LAST_EPOCH }), source('grant'))
    expect(say(expiring.opener.open(expiring.sealed(EPOCH + 999)))).toBe('opened')
    expect(say(expiring.opener.open(expiring.sealed(EPOCH + 1000)))).toBe('ERR_EXPIRED')
  })

  it('proves its node even where it does not count', () => {
    const { opener, ring, sealed } = setUp()
    ring.add(nodesOf(SPAN), source('grant'))
    opener.closingEpoch = EPOCH - 1
    expect(say(opener.open(sealed(EPOCH)))).toBe('ERR_CLOSED_GENERATION')
    expect(ring.hasProven(EPOCH)).toBe(true)
  })

  it('is remembered by a digest of what is authenticated in it', () => {
    const { sealed } = setUp()
    const object = sealed(EPOCH)
    const digest = objectDigest(crypto, object)
    expect(digest).toHaveLength(8)
    const changed = { ...object, ciphertext: object.ciphertext.with(0, object.ciphertext[0]! ^ 1) }
    expect(objectDigest(crypto, changed)).not.toEqual(digest)
    const unsigned = { ...object, signature: undefined }
    expect(objectDigest(crypto, unsigned)).toEqual(digest)
  })
})

describe('a stream without signatures', () => {
  it('proves no node, and keeps every candidate', () => {
    const { opener, ring, sealed } = setUp({ signatureMode: 'none' })
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

describe('a content key under which too much failed', () => {
  /** Counts how often a ciphertext was decrypted. */
  function counting(): { crypto: CryptoProvider; opened: () => number } {
    let opened = 0
    const aead: CryptoProvider['aead'] = (alg, key) => {
      const real: Aead = nodeProvider.aead(alg, key)
      return {
        seal: (...args) => {
          real.seal(...args)
        },
        open: (...args) => {
          opened++
          return real.open(...args)
        },
      }
    }
    return { crypto: { ...nodeProvider, aead }, opened: () => opened }
  }

  const forge = (object: DecodedObject): DecodedObject => {
    return { ...object, ciphertext: object.ciphertext.with(0, object.ciphertext[0]! ^ 1) }
  }

  it('is not tried on what the producer did not sign, and still opens what it did', () => {
    const { crypto: counted, opened } = counting()
    const { opener, ring, sealed } = setUp({ alg: 10 }, { crypto: counted, maxFailures: 3 })
    ring.add(nodesOf(SPAN), source('grant'))
    const object = sealed(EPOCH)
    for (let i = 0; i < 5; i++) opener.open(forge(object))
    expect(opened()).toBe(3)
    expect(say(opener.open(object))).toBe('opened')
  })

  it('does not come off it by failures elsewhere, which somebody may bring about', () => {
    const { crypto: counted, opened } = counting()
    const { opener, ring, sealed } = setUp({ alg: 10 }, { crypto: counted, maxFailures: 3 })
    ring.add(nodesOf(SPAN), source('grant'))
    const object = sealed(EPOCH)
    for (let i = 0; i < 3; i++) opener.open(forge(object))
    for (let session = 10; session < 90; session++) opener.open(forge(sealed(EPOCH, session)))
    opener.reset()
    const before = opened()
    expect(say(opener.open(forge(object)))).toBe('failed, provisional')
    expect(opened()).toBe(before)
  })

  it('opens nothing more where nothing is signed', () => {
    const { crypto: counted, opened } = counting()
    const fields = { alg: 10, signatureMode: 'none' } as const
    const { opener, ring, sealed } = setUp(fields, { crypto: counted, maxFailures: 3 })
    ring.add(nodesOf(SPAN), source('grant'))
    const object = sealed(EPOCH)
    for (let i = 0; i < 3; i++) opener.open(forge(object))
    // Another session has another key; and a crowd of them does not make the first forgotten.
    for (let session = 10; session < 90; session++) {
      expect(say(opener.open(sealed(EPOCH, session)))).toBe('opened')
    }
    const before = opened()
    expect(say(opener.open(object))).toBe('failed, provisional')
    expect(opened()).toBe(before)
  })

  it('is not fresh again for a grant, nor for one that leads to it from higher up', () => {
    const { crypto: counted, opened } = counting()
    const fields = { alg: 10, signatureMode: 'none' } as const
    const { opener, ring, sealed } = setUp(fields, { crypto: counted, maxFailures: 3 })
    ring.add(nodesOf({ first: EPOCH, last: EPOCH }), source('narrow'))
    const object = sealed(EPOCH)
    for (let i = 0; i < 3; i++) opener.open(forge(object))
    ring.add(nodesOf(SPAN), source('wide'))
    opener.reset()
    opener.reset()
    const before = opened()
    expect(say(opener.open(object))).toBe('failed, provisional')
    expect(opened()).toBe(before)
    expect(say(opener.open(sealed(EPOCH, 4)))).toBe('opened')
  })

  it('counts what failed before a grant together with what fails after it', () => {
    const { crypto: counted, opened } = counting()
    const fields = { alg: 10, signatureMode: 'none' } as const
    const { opener, ring, sealed } = setUp(fields, { crypto: counted, maxFailures: 5 })
    ring.add(nodesOf(SPAN), source('grant'))
    const object = sealed(EPOCH)
    for (let i = 0; i < 20; i++) {
      opener.open(forge(object))
      opener.reset()
    }
    expect(opened()).toBe(5)
  })

  it('is not forgotten for a crowd of sessions under which more failed', () => {
    const { crypto: counted, opened } = counting()
    const fields = { alg: 10, signatureMode: 'none' } as const
    const { opener, ring, sealed } = setUp(fields, { crypto: counted, maxFailures: 3 })
    ring.add(nodesOf(SPAN), source('grant'))
    const object = sealed(EPOCH)
    for (let i = 0; i < 2; i++) opener.open(forge(object))
    for (let session = 10; session < 90; session++) {
      const other = forge(sealed(EPOCH, session))
      for (let i = 0; i < 3; i++) opener.open(other)
    }
    opener.open(forge(object))
    const before = opened()
    expect(say(opener.open(object))).toBe('failed, provisional')
    expect(opened()).toBe(before)
  })
})
