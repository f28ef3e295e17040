// SPDX-License-Identifier: Apache-2.0
/**
 * A small world for two openers to agree on: a domain, a partner and a pinned producer, streams of
 * every algorithm and mode, and a reader. What is sealed follows from a seed.
 *
 * @module
 */

import {
  encodeMetadata,
  encodeNodes,
  kemKeyThumbprint,
  ObjectSealer,
  rootNode,
  packMessage,
  sealMessage,
  signBatch,
  signMessage,
  Trust,
  deriveLeaf,
  type Envelope,
  type Grant,
  type KemKeyPair,
  type ManifestFields,
  type SealInputs,
  type VerifiedManifest,
} from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import * as fc from 'fast-check'
import { bytesUpTo, metadata } from '../support/arbitraries.js'
import {
  bundleOf,
  enrolled,
  EPOCH,
  HOUR,
  NOW,
  seedOf,
  stranger,
  type Member,
} from '../support/domain.js'
import { chainOf, kemPair, manifestOf, nodesOf, SPAN, type Step } from '../support/stream.js'

const crypto = nodeProvider

export const ANCHOR: Member = stranger('anchor')
const PARTNER_ANCHOR: Member = stranger('partner anchor')
export const PLANT: Member = enrolled(ANCHOR, 'plant', { produces: ['plant/#'] })
export const KEEPER: Member = enrolled(ANCHOR, 'keeper', { produces: [] })
export const READER: Member = enrolled(ANCHOR, 'reader', { produces: [] })
export const LOST: Member = enrolled(ANCHOR, 'lost', { produces: ['plant/2/+'] })
export const BRIEF: Member = enrolled(ANCHOR, 'brief', { expires: NOW + 2 * HOUR })
export const FRIEND: Member = enrolled(PARTNER_ANCHOR, 'friend', { produces: ['#'] })
export const PINNED: Member = stranger('pinned')

export const BUNDLE: Uint8Array = bundleOf(ANCHOR, {
  partners: [
    {
      domainId: PARTNER_ANCHOR.id,
      anchors: [PARTNER_ANCHOR.key.publicKey],
      patterns: ['shared/#'],
    },
  ],
  revoked: [{ principalId: LOST.id, since: NOW - 3 * HOUR }],
})
export const PARTNER_BUNDLE: Uint8Array = bundleOf(PARTNER_ANCHOR)
export const PINS = [{ publicKey: PINNED.key.publicKey, name: 'pinned', produces: ['lone/#'] }]

export const readerKey: Promise<KemKeyPair> = kemPair('reader')

export function readersTrust(): Trust {
  return new Trust({ crypto, bundle: BUNDLE, pinned: PINS, partnerBundles: [PARTNER_BUNDLE] })
}

/** A stream's generation: who produces it, its root, and by whom the reader is granted it. */
export interface Generation {
  readonly producer: Member
  readonly manifest: VerifiedManifest
  readonly root: Uint8Array
  readonly steps: readonly Step[]
}

function generation(
  producer: Member,
  domain: Member | null,
  fields: Partial<ManifestFields>,
  by: readonly Member[] = [],
): Generation {
  const manifest = manifestOf(producer, domain, fields)
  const line = [producer, ...by, READER]
  const steps = line.slice(1).map((grantee, i) => ({ issuer: line[i]!, grantee }))
  return { producer, manifest, root: seedOf('root'), steps }
}

const FIRST = generation(PLANT, ANCHOR, {})
const CLOSING = { generationId: FIRST.manifest.generationId, closingEpoch: EPOCH }

export const GENERATIONS: readonly Generation[] = [
  FIRST,
  generation(PLANT, ANCHOR, { predecessor: CLOSING, nonce: seedOf('2').slice(0, 16) }, [KEEPER]),
  generation(PLANT, ANCHOR, { alg: 3, kidBytes: 4, signatureMode: 'none', streamName: 'plant/3' }),
  generation(PLANT, ANCHOR, { alg: 10, streamName: 'plant/4', counterMode: 'durable' }),
  generation(PLANT, ANCHOR, { alg: 1, streamName: 'plant/5/ö', historyMode: 'forget' }, [KEEPER]),
  generation(PLANT, ANCHOR, { streamName: 'plant/6', signatureMode: 'batch' }, [KEEPER, KEEPER]),
  generation(LOST, ANCHOR, { streamName: 'plant/2/x' }),
  generation(BRIEF, ANCHOR, { streamName: 'brief' }),
  generation(FRIEND, PARTNER_ANCHOR, { streamName: 'shared/a' }),
  generation(PINNED, null, { streamName: 'lone/a', alg: 10 }),
]

/** What is different about a grant that shall break a rule. */
export interface GrantChanges {
  readonly steps?: readonly Step[]
  readonly grant?: Partial<Grant>
  readonly envelope?: Partial<Envelope>
  readonly author?: Member
  readonly recipient?: Uint8Array
  readonly root?: Uint8Array
  /** Packed over these before it is sealed, and changed then. */
  readonly packedOver?: readonly Uint8Array[]
  readonly packed?: (packed: Uint8Array) => Uint8Array
}

/** A grant of a generation, as the reader finds it: signed by the last issuer, and sealed. */
export async function sealedGrant(of: Generation, changes: GrantChanges = {}): Promise<Uint8Array> {
  const key = await readerKey
  const { steps = of.steps, author = steps.at(-1)!.issuer, recipient = READER.id } = changes
  const { root = of.root } = changes
  const nodes = encodeNodes(nodesOf(steps.at(-1)?.fields?.span ?? SPAN, root))
  const nodesDigest = crypto.sha256(nodes)
  const kemKey = kemKeyThumbprint(crypto, key)
  const last = { nodesDigest, kemKey, ...steps.at(-1)?.fields }
  const chain = chainOf(of.manifest, [...steps.slice(0, -1), { ...steps.at(-1)!, fields: last }])
  const body = { manifest: of.manifest.bytes, chain, nodes, ...changes.grant }
  const credential = author.credential ?? undefined
  const id = new Uint8Array(16)
  const envelope = { id, issued: NOW, expires: NOW + HOUR, credential, ...changes.envelope }
  const message = { type: 'grant', envelope, body, author: author.id, key: author.key, recipient }
  const signed = signMessage({ ...message, type: 'grant' })
  const { packedOver, packed = (same) => same } = changes
  const inside = packedOver ? packed(packMessage(crypto, signed, packedOver)) : signed
  return sealMessage(crypto, inside, { id: READER.id, key })
}

/** An object, and what was sealed in it. */
export interface Sealed {
  readonly object: Uint8Array
  readonly plaintext: Uint8Array
}

const content = fc.record({
  metadata,
  plaintext: bytesUpTo(60),
  clearPart: fc.option(bytesUpTo(12), { nil: undefined }),
  paddingBytes: fc.option(fc.nat(300), { nil: undefined }),
  epoch: fc.integer({ min: SPAN.first - 2, max: SPAN.last + 2 }),
  session: fc.uint8Array({ minLength: 7, maxLength: 7 }),
  counter: fc.integer({ min: 0, max: 2 ** 20 - 1 }),
})

/** Random objects of a generation, in and around the span that the reader is granted. */
export function sealedObjects(of: Generation, count: number, seed: number): readonly Sealed[] {
  const drawn = fc.sample(content, { seed, numRuns: count })
  const plaintexts = drawn.map(({ plaintext }) => plaintext)
  const objects = of.manifest.signatureMode === 'batch' ? batch(of, drawn) : drawn.map(single(of))
  return objects.map((object, i) => ({ object, plaintext: plaintexts[i]! }))
}

type Content = typeof content extends fc.Arbitrary<infer T> ? T : never

function sealerOf({ manifest, root, producer }: Generation, drawn: Content): ObjectSealer {
  const { epoch } = drawn
  const signingKey = manifest.signatureMode === 'none' ? undefined : producer.key
  const session = manifest.counterMode === 'durable' ? new Uint8Array(0) : drawn.session
  const leaf = deriveLeaf(crypto, rootNode(root), epoch)
  return new ObjectSealer({ crypto, manifest, leaf, epoch, session, signingKey }, drawn.counter)
}

const single = (of: Generation) => (drawn: Content) => sealerOf(of, drawn).seal(inputsOf(drawn))

function batch(of: Generation, drawn: readonly Content[]): readonly Uint8Array[] {
  const unsigned = drawn.map((one) => sealerOf(of, one).sealUnsigned(inputsOf(one)))
  const { manifest, producer } = of
  return signBatch(crypto, unsigned, { generationId: manifest.generationId, key: producer.key })
}

function inputsOf({ metadata: fields, paddingBytes, plaintext, clearPart }: Content): SealInputs {
  return { metadata: encodeMetadata(fields, paddingBytes), plaintext, clearPart }
}
