// SPDX-License-Identifier: Apache-2.0
/**
 * Agreements on objects that come: they decode alike, and a reader that holds right and wrong nodes
 * opens, refuses and learns alike, one object after the other.
 *
 * @module
 */

import {
  decodeObject,
  GenerationOpener,
  NodeRing,
  nodesFor,
  objectDigest,
  rootNode,
  type CryptoProvider,
  type OpenOutcome,
} from '@waxwing/core'
import * as fc from 'fast-check'
import { hex } from '../../../../tools/vectors/frozen/primitives.ts'
import { agree, agreement, note, type Agreement } from './agreement.ts'
import { readManifest } from './chains.ts'
import { readObject } from './decoding.ts'
import { NaiveGeneration, shortDigest, type Given, type Outcome } from './generation.ts'
import { arrivals, type Arrival } from './objects.ts'
import { Refusal } from './refusal.ts'
import * as streams from './streams.ts'
import { trustOf } from './trust-agreements.ts'
import { resolve } from './trust.ts'
import { ACTORS, held, mostly, personOf, streamNames } from './world.ts'

const { FIRST_EPOCH, LAST_EPOCH, ROOTS } = streams

/** Three givers, of which one gives by two chains. */
const SOURCES = [
  { name: 'a', giver: 'producer', distance: 1 },
  { name: 'b', giver: 'delegate', distance: 2 },
  { name: 'c', giver: 'delegate', distance: 3 },
  { name: 'd', giver: 'other', distance: 2 },
] as const

const epoch = fc.integer({ min: FIRST_EPOCH, max: LAST_EPOCH })
const given: fc.Arbitrary<Given> = fc
  .record({
    source: fc.constantFrom(...SOURCES),
    tree: mostly(0, fc.constantFrom(1, 2), 2),
    ends: mostly<readonly [number, number]>([FIRST_EPOCH, LAST_EPOCH], fc.tuple(epoch, epoch), 2),
  })
  .map(({ source, tree, ends: [a, b] }) => {
    return { ...source, tree, span: { first: Math.min(a, b), last: Math.max(a, b) } }
  })

const question = fc
  .record({
    held,
    producer: personOf(fc.constant(ACTORS[0]!)).filter(({ id }) => id === ACTORS[0]!.id),
    name: streamNames,
    provider: streams.provider,
    input: streams.streamInput,
    closing: mostly<number | undefined>(undefined, epoch, 1),
    maxFailures: mostly(2 ** 20, fc.integer({ min: 1, max: 3 }), 2),
    first: given,
  })
  .chain((asked) => {
    const { producer, name, input } = asked
    const crypto = streams.providerOf(asked.provider, input.alg)
    const known = streams.twinStream(crypto, producer, name, input)
    const events = fc.oneof<fc.WeightedArbitrary<readonly (Given | Arrival)[]>[]>(
      { weight: 4, arbitrary: arrivals(known.stream) },
      { weight: 1, arbitrary: given.map((grant) => [grant]) },
    )
    return fc.record({
      asked: fc.constant(asked),
      events: fc.array(events, { maxLength: 6 }),
    })
  })
type Question = typeof question extends fc.Arbitrary<infer T> ? T : never

/** Decodes an object. Says `valid`, or the code of the error. */
function decodeAlike(bytes: Uint8Array, crypto: CryptoProvider): string {
  return agree(
    () => {
      const { kind: _, bytes: __, ...fields } = decodeObject(bytes)
      return { ...fields, digest: objectDigest(crypto, decodeObject(bytes)) }
    },
    () => {
      const fields = readObject(bytes)
      return { ...fields, digest: shortDigest(fields) }
    },
  )
}

function openAlike({ asked, events }: Question): void {
  const { producer: person, held: believed, closing, maxFailures } = asked
  const crypto = streams.providerOf(asked.provider, asked.input.alg)
  const known = streams.twinStream(crypto, person, asked.name, asked.input)
  const trust = trustOf(believed)
  const [ours, twins] = [known.manifest.bytes, readManifest(known.stream.manifest)]
  const isTrusted = agree(
    () => [trust.resolve(person.id, person.credential).name, ours],
    () => [resolve(believed, hex(person.id), person.credential).name, known.stream.manifest],
  )
  if (isTrusted !== 'valid') return
  const ring = new NodeRing(crypto)
  const producer = trust.resolve(person.id, person.credential)
  const { manifest } = known
  const opener = new GenerationOpener({ crypto, trust, manifest, producer, ring, maxFailures })
  opener.closingEpoch = closing
  const naive = new NaiveGeneration({
    held: believed,
    manifest: twins,
    producer: resolve(believed, hex(person.id), person.credential),
    roots: ROOTS,
    closingEpoch: closing,
    maxFailures,
  })
  for (const event of [asked.first, ...events.flat()]) {
    if ('tree' in event) takeBoth(event, crypto, ring, opener, naive)
    else meetBoth(event, crypto, opener, naive)
  }
}

function takeBoth(
  { name, giver, distance, tree, span }: Given,
  crypto: CryptoProvider,
  ring: NodeRing,
  opener: GenerationOpener,
  naive: NaiveGeneration,
): void {
  const nodes = nodesFor(crypto, [rootNode(ROOTS[tree]!)], span) ?? []
  ring.add(nodes, { name, giver, distance })
  opener.reset()
  naive.take({ name, giver, distance, tree, span })
}

function meetBoth(
  { how, bytes }: Arrival,
  crypto: CryptoProvider,
  opener: GenerationOpener,
  naive: NaiveGeneration,
): void {
  const decoded = decodeAlike(bytes, crypto)
  note('decoding', `${how} ${decoded}`)
  if (decoded !== 'valid') return
  const found = opener.open(decodeObject(bytes))
  const outcome = agree(
    () => facts(found),
    () => twinFacts(naive.open(readObject(bytes))),
  )
  note('opening', `${how} ${outcome === 'valid' ? found.kind : outcome}`)
}

function facts(outcome: OpenOutcome): unknown {
  if (outcome.kind === 'refused') throw outcome.error
  if (outcome.kind !== 'opened') return outcome
  const { kind, metadata, plaintext, signed, sources, disproved } = outcome
  return {
    kind,
    metadata,
    payload: plaintext,
    signed,
    sources: new Set(sources),
    disproved: new Set(disproved),
  }
}

function twinFacts(outcome: Outcome): unknown {
  if (outcome.kind === 'refused') throw new Refusal(outcome.codes)
  return outcome
}

export const OPEN_AGREEMENTS: readonly Agreement[] = [
  agreement('opening', 500, question, openAlike),
]
