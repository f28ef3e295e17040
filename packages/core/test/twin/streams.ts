// SPDX-License-Identifier: Apache-2.0
/**
 * Random streams and what is sealed in them, for the agreements on objects.
 *
 * @module
 */

import {
  ObjectSealer,
  signManifest,
  type ContentAlgorithm,
  type CryptoProvider,
  type Ed25519SigningKey,
  type ManifestFields,
  type Metadata,
  type VerifiedManifest,
} from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { pureProvider } from '@waxwing/core/pure'
import * as fc from 'fast-check'
import { streamOf, type Stream } from '../../../../tools/vectors/frozen/object-parts.ts'
import { seedOf } from '../../../../tools/vectors/frozen/primitives.ts'
import { bytesOf, bytesUpTo, metadata } from '../support/arbitraries.ts'
import { EPOCH, HOUR, mostly, type Person } from './world.ts'

const PROVIDERS = { node: nodeProvider, pure: pureProvider } as const

/** Roots of trees: the first is the stream's own. */
export const ROOTS: readonly Uint8Array[] = ['own', 'wrong', 'other'].map((name) =>
  seedOf(`twin: ${name} root`),
)

/** The epochs of the objects: 16 in a row, as they lie in the key tree. */
export const FIRST_EPOCH: number = Math.floor(EPOCH / 16) * 16
export const LAST_EPOCH: number = FIRST_EPOCH + 15

/** What a stream may be, in the words of the manifest. */
export const streamInput = fc.record({
  alg: fc.constantFrom<ContentAlgorithm>(24, 3, 1, 10),
  kidBytes: fc.constantFrom<4 | 8>(4, 8),
  counterMode: mostly<0 | 1>(0, fc.constant(1), 3),
  signatureMode: fc.constantFrom<0 | 1 | 2>(0, 1, 1, 2, 2),
  historyMode: fc.constantFrom<0 | 1>(0, 1),
  epochSeconds: mostly(HOUR, fc.integer({ min: 1, max: 31_536_000 })),
  nonce: bytesOf(16),
  closingEpoch: fc.constantFrom<number | null | undefined>(undefined, null, EPOCH),
})
export type StreamInput = typeof streamInput extends fc.Arbitrary<infer T> ? T : never

export const provider: fc.Arbitrary<keyof typeof PROVIDERS> = mostly<keyof typeof PROVIDERS>(
  'node',
  fc.constant('pure'),
  6,
)

/** A provider that has the algorithm. */
export function providerOf(name: keyof typeof PROVIDERS, alg: ContentAlgorithm): CryptoProvider {
  return PROVIDERS[name].aeads.has(alg) ? PROVIDERS[name] : nodeProvider
}

/** A stream, as the scripts of the vectors and as the fast code know it. */
export interface TwinStream {
  readonly stream: Stream
  readonly manifest: VerifiedManifest
  readonly signingKey: Ed25519SigningKey
}

export function twinStream(
  crypto: CryptoProvider,
  producer: Omit<Person, 'credential'>,
  name: string,
  input: StreamInput,
): TwinStream {
  const { closingEpoch, counterMode, signatureMode, historyMode, ...rest } = input
  const generationId = seedOf('twin: predecessor')
  const { domainId, id: producerId } = producer
  const common = { domainId, producerId, streamName: name, ...rest }
  const predecessor = closingEpoch === undefined ? null : [generationId, closingEpoch]
  const member = { ...producer, credential: new Uint8Array(0) }
  const modes = { counterMode, signatureMode, historyMode }
  const stream = streamOf({ ...common, ...modes, predecessor }, member)
  const fields: ManifestFields = {
    ...common,
    counterMode: counterMode === 0 ? 'session' : 'durable',
    signatureMode: (['none', 'each', 'batch'] as const)[signatureMode],
    historyMode: historyMode === 0 ? 'keep' : 'forget',
    predecessor: closingEpoch === undefined ? null : { generationId, closingEpoch },
  }
  const signingKey = crypto.ed25519SigningKey(producer.seed)
  return { stream, manifest: signManifest(crypto, fields, signingKey), signingKey }
}

/** A sealer of one session in one epoch. */
export function sealerOf(
  crypto: CryptoProvider,
  { manifest, signingKey }: TwinStream,
  at: { leaf: Uint8Array; epoch: number; session: Uint8Array; counter: number },
): ObjectSealer {
  const { leaf, epoch, session, counter } = at
  const key = manifest.signatureMode === 'none' ? undefined : signingKey
  const isSession = manifest.counterMode === 'session'
  const inSession = isSession ? session : new Uint8Array(0)
  const inputs = { crypto, manifest, leaf, epoch, session: inSession, signingKey: key }
  return new ObjectSealer(inputs, counter)
}

export interface Content {
  readonly metadata: Metadata
  readonly paddingBytes: number | undefined
  readonly plaintext: Uint8Array
  readonly clearPart: Uint8Array | undefined
}

const lengths = fc.oneof(
  { weight: 30, arbitrary: fc.nat(60) },
  { weight: 6, arbitrary: fc.nat(1500) },
  { weight: 1, arbitrary: fc.constantFrom(65_534, 65_535, 65_536) },
)

export const content: fc.Arbitrary<Content> = fc.record({
  metadata,
  paddingBytes: mostly<number | undefined>(undefined, fc.nat(300), 4),
  plaintext: fc
    .tuple(lengths, bytesUpTo(8))
    .map(([length, some]) => Uint8Array.from({ length }, (_, i) => some[i % some.length] ?? i)),
  clearPart: mostly<Uint8Array | undefined>(undefined, bytesUpTo(40), 2),
})
