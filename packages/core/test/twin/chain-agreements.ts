// SPDX-License-Identifier: Apache-2.0
/**
 * Agreements on chains and grants: of any length, by anybody, with links that are narrower or not,
 * changed, signed by somebody else, left out, repeated and out of order.
 *
 * @module
 */

import { spanOfNode, verifyChain, verifyGrant, type Link, type VerifiedChain } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import * as fc from 'fast-check'
import { fromHex, hex, seedOf, sha256 } from '../../../../tools/vectors/frozen/primitives.ts'
import {
  linkPayload,
  manifestPayload,
  statement,
  type LinkInput,
} from '../../../../tools/vectors/frozen/statements.ts'
import { LAST_EPOCH, nodes, type Span } from '../../../../tools/vectors/frozen/tree.ts'
import { agree, agreement, note, type Agreement } from './agreement.ts'
import * as twin from './chains.ts'
import { signedAnew, structural } from './mutations.ts'
import { Refusal } from './refusal.ts'
import { principalFacts, trustOf } from './trust-agreements.ts'
import * as world from './world.ts'
import { mostly, type Actor, type Person } from './world.ts'

const crypto = nodeProvider
const { EPOCH, HOUR, near, NOW } = world
const SPAN: Span = { first: EPOCH - 24, last: EPOCH + 23 }
const ROOT = seedOf('twin: root')
const READER = world.ACTORS[4]!

type Mutation = (bytes: Uint8Array) => Uint8Array
const mutation = (weight: number): fc.Arbitrary<Mutation | undefined> =>
  mostly<Mutation | undefined>(undefined, structural, weight)

// Links.

const edge = fc.constantFrom(
  SPAN.first - 1,
  SPAN.first,
  EPOCH,
  SPAN.last,
  SPAN.last + 1,
  LAST_EPOCH,
)
const span = fc
  .tuple(edge, edge)
  .map(([a, b]): Span => ({ first: Math.min(a, b), last: Math.max(a, b) }))
const rights = fc.constantFrom<Partial<LinkInput>>(
  { rights: 'read', depth: 0 },
  { rights: 'share', depth: 1 },
  { rights: 'share', depth: 2 },
  { rights: 'share', depth: 3 },
)
const some32 = fc.constantFrom(...world.ACTORS.map(({ id }) => id), seedOf('twin: nobody'))

/** What is different about a link; everything else is as it should be. */
const linkChange: fc.Arbitrary<Partial<LinkInput>> = fc.oneof(
  rights,
  rights,
  rights,
  span.map((value) => ({ span: value })),
  span.map((value) => ({ span: value })),
  world.time.map((issued) => ({ issued })),
  world.time.map((issued) => ({ issued })),
  fc.oneof(fc.constant(null), world.time).map((end) => ({ end })),
  near(SPAN.last * HOUR).map((end) => ({ end })),
  world.person.map(({ credential }) => ({ credential })),
  some32.map((grantee) => ({ grantee })),
  some32.map((issuer) => ({ issuer })),
  some32.map((kemKey) => ({ kemKey })),
  fc.oneof(fc.constant(null), some32).map((parent) => ({ parent })),
  some32.map((nodesDigest) => ({ nodesDigest })),
  fc.constantFrom({ grantId: new Uint8Array(16) }, { generationId: seedOf('twin: another') }),
)

const step = fc.record({
  changes: mostly<readonly Partial<LinkInput>[]>(
    [],
    fc.array(linkChange, { minLength: 1, maxLength: 2 }),
    20,
  ),
  signer: mostly<Actor | undefined>(undefined, fc.constantFrom(...world.ACTORS), 20),
  mutate: mutation(20),
})
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

interface Line {
  /** Who grants to whom, the producer first. */
  readonly people: readonly Person[]
  readonly steps: readonly Step[]
  readonly generationId: Uint8Array
  readonly nodesDigest: Uint8Array
  readonly epochSeconds: number
}

/** Each link names the one before it as it is, whatever was done to that. */
function linksOf({ people, steps, generationId, nodesDigest, epochSeconds }: Line): Uint8Array[] {
  const links: Uint8Array[] = []
  for (const [i, issuer] of people.slice(0, -1).entries()) {
    const { changes, signer = issuer, mutate } = steps[i]!
    const depth = Math.min(people.length - 2 - i, 3)
    const before = links.at(-1)
    const payload = linkPayload({
      generationId,
      grantId: seedOf('twin: grant').slice(0, 16),
      issuer: issuer.id,
      grantee: people[i + 1]!.id,
      kemKey: seedOf('twin: KEM key'),
      span: SPAN,
      rights: depth === 0 ? 'read' : 'share',
      depth,
      issued: NOW,
      end: (SPAN.last + 1) * epochSeconds - 1,
      parent: before === undefined ? null : sha256(before),
      nodesDigest,
      credential: issuer.credential,
      ...(Object.assign({}, ...changes) as Partial<LinkInput>),
    })
    const right = statement({ type: 'link', signer, author: issuer.id, payload })
    links.push(mutate === undefined ? right : signedAnew(mutate(right), signer))
  }
  return links
}

/** What is done to the list of links. */
const reordering = mostly<(links: readonly Uint8Array[]) => readonly Uint8Array[]>(
  (links) => links,
  fc
    .tuple(fc.constantFrom('omit', 'repeat', 'swap', 'reverse', 'none'), fc.nat())
    .map(([kind, n]) => (links) => {
      const i = n % Math.max(1, links.length)
      if (kind === 'omit') return links.toSpliced(i, 1)
      if (kind === 'repeat') return links.toSpliced(i, 0, ...links.slice(i, i + 1))
      if (kind === 'reverse') return links.toReversed()
      if (kind === 'none') return []
      const [one, other] = [links[i], links[i + 1]]
      return one === undefined || other === undefined ? links : links.toSpliced(i, 2, other, one)
    }),
  10,
)

// Grants.

const producers = mostly<Actor>(world.ACTORS[0]!, fc.constantFrom(...world.ACTORS), 3)
const someone = world.personOf(fc.constantFrom(...world.ACTORS.slice(1)))

const drawn = fc.record({
  held: world.held,
  producer: world.personOf(producers),
  delegates: fc.array(someone, { maxLength: 4 }),
  steps: fc.array(step, { minLength: 5, maxLength: 5 }),
  /** Mostly one thing about one link is not as it was. */
  change: fc.option(linkChange, { nil: {} }),
  changeAt: fc.nat(4),
  order: reordering,
  now: mostly(NOW, world.time),
  issued: mostly(NOW, world.time),
  grantee: mostly(READER.id, some32, 8),
  kemKey: mostly<Uint8Array | undefined>(
    seedOf('twin: KEM key'),
    fc.constantFrom(undefined, seedOf('twin: another KEM key')),
    15,
  ),
  manifest: fc.record({
    name: world.streamNames,
    domain: mostly<Actor | null | undefined>(
      undefined,
      fc.constantFrom(null, world.ANCHORS.own, world.ANCHORS.partner),
      10,
    ),
    epochSeconds: mostly(HOUR, fc.constantFrom(1, 60, 86_400)),
    signer: mostly<Actor | undefined>(undefined, fc.constantFrom(...world.ACTORS), 15),
    author: mostly<Actor | undefined>(undefined, fc.constantFrom(...world.ACTORS), 30),
    mutate: mutation(20),
  }),
  nodes: mostly<'right' | 'cut' | 'longer' | 'other'>(
    'right',
    fc.constantFrom('cut', 'longer', 'other'),
    8,
  ),
})
const question = drawn.map(({ change, changeAt, ...rest }) => {
  const at = changeAt % (rest.delegates.length + 1)
  const changed = ({ changes, ...others }: Step): Step => ({
    ...others,
    changes: [...changes, change],
  })
  return { ...rest, steps: rest.steps.map((one, i) => (i === at ? changed(one) : one)) }
})
type Question = typeof question extends fc.Arbitrary<infer T> ? T : never

function manifestOf({ producer, manifest }: Question): Uint8Array {
  const { name, domain, epochSeconds, signer = producer, author, mutate } = manifest
  const payload = manifestPayload({
    domainId: domain === undefined ? producer.domainId : (domain?.id ?? null),
    producerId: producer.id,
    streamName: name,
    nonce: new Uint8Array(16),
    epochSeconds,
  })
  const id = (author ?? producer).id
  const right = statement({ type: 'manifest', signer, author: id, payload })
  return mutate === undefined ? right : signedAnew(mutate(right), signer)
}

/** Of what manifest decodes to, or of none. */
function generationOf(manifest: Uint8Array): Uint8Array {
  try {
    return fromHex(twin.readManifest(manifest).generationId)
  } catch (error) {
    if (error instanceof Refusal) return seedOf('twin: none')
    throw error
  }
}

function nodesOf({ nodes: kind, steps, delegates }: Question): Uint8Array {
  const fields = Object.assign({}, ...steps[delegates.length]!.changes) as Partial<LinkInput>
  const right = nodes(ROOT, fields.span ?? SPAN)
  if (kind === 'cut') return right.slice(0, -32)
  return kind === 'longer' ? Uint8Array.from([...right, ...seedOf('more')]) : right
}

function grantOf(asked: Question): twin.Grant {
  const manifest = manifestOf(asked)
  const given = nodesOf(asked)
  const people = [
    asked.producer,
    ...asked.delegates,
    { ...READER, credential: null, domainId: null },
  ]
  const nodesDigest = asked.nodes === 'other' ? seedOf('twin: other nodes') : sha256(given)
  const { epochSeconds } = asked.manifest
  const line = { people, steps: asked.steps, generationId: generationOf(manifest), nodesDigest }
  const chain = asked.order(linksOf({ ...line, epochSeconds }))
  return { manifest, chain, nodes: given }
}

// What both find.

function linkFacts(link: Link): unknown {
  const { statement: _, bytes: __, digest: ___, ...fields } = link
  return fields
}

function chainFacts({ links, issuers }: VerifiedChain): unknown {
  return { links: links.map(linkFacts), issuers: issuers.map(principalFacts) }
}

function twinLinkFacts(link: twin.Link): unknown {
  const { statement: _, ...fields } = link
  return fields
}

function twinChainFacts({ links, issuers }: twin.Chain): unknown {
  return { links: links.map(twinLinkFacts), issuers }
}

/** The chain says of itself what its last link says. */
function summaryOf(chain: VerifiedChain | twin.Link): unknown {
  const { generationId, grantId, span: covered, rights: right, depth, end, grantee } = chain
  return { generationId, grantId, span: covered, rights: right, depth, end, grantee }
}

function verifyAlike(asked: Question): void {
  const grant = grantOf(asked)
  const { held, now, issued, kemKey, grantee } = asked
  const ours = { crypto, trust: trustOf(held), now, issued }
  const twins = { held, now, issued }
  const recipient = { grantee: hex(grantee), kemKey: kemKey && hex(kemKey) }
  const ofGrant = agree(
    () => {
      const found = verifyGrant(grant, { ...ours, grantee, kemKey })
      const { manifest, producer, nodes: keys } = found
      return {
        ...(chainFacts(found) as object),
        summary: summaryOf(found),
        producer: principalFacts(producer),
        generationId: manifest.generationId,
        nodes: keys.map((node) => [node.depth, node.index, node.key]),
        first: spanOfNode(keys[0]!).first,
      }
    },
    () => {
      const found = twin.verifyGrant(grant, recipient, twins)
      const last = found.links.at(-1)!
      return {
        ...(twinChainFacts(found) as object),
        summary: summaryOf(last),
        producer: found.producer,
        generationId: found.manifest.generationId,
        nodes: found.nodes,
        first: last.span.first,
      }
    },
  )
  note('chains', `grant ${ofGrant}`)
  const producerId = asked.producer.id
  const ofChain = agree(
    () => chainFacts(verifyChain(grant.chain, { ...ours, producerId })),
    () => twinChainFacts(twin.verifyChain(grant.chain, hex(producerId), twins)),
  )
  note('chains', `chain ${ofChain}`)
}

export const CHAIN_AGREEMENTS: readonly Agreement[] = [
  agreement('chains', 700, question, verifyAlike),
]
