// SPDX-License-Identifier: Apache-2.0
/**
 * Agreements on sealing: byte for byte, alone and in batches, one after the other.
 *
 * @module
 */

import {
  deriveLeaf,
  encodeMetadata,
  rootNode,
  signBatch,
  type CryptoProvider,
  type ObjectSealer,
  type SealInputs,
} from '@waxwing/core'
import * as fc from 'fast-check'
import { cbor } from '../../../../tools/vectors/frozen/cbor.ts'
import type { ObjectInput } from '../../../../tools/vectors/frozen/object-parts.ts'
import { bytesOf } from '../support/arbitraries.ts'
import { agree, agreement, note, type Agreement } from './agreement.ts'
import { metadataValue } from './decoding.ts'
import { insist } from './refusal.ts'
import { objectLimit, sealBatch, sealOne } from './sealing.ts'
import {
  content,
  provider,
  providerOf,
  sealerOf,
  streamInput,
  twinStream,
  type Content,
  type TwinStream,
} from './streams.ts'
import { ACTORS, ANCHORS, EPOCH, streamNames } from './world.ts'

const EPOCHS = 2 ** 32
const epoch = fc.oneof(
  fc.constant(EPOCH),
  fc.constantFrom(0, 1, EPOCHS - 1, 2 ** 31, 2 ** 31 - 1),
  fc.integer({ min: 0, max: EPOCHS - 1 }),
)
const counter = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(0, 1, 254, 255, 65_534) },
  { weight: 4, arbitrary: fc.nat(2 ** 20) },
  { weight: 1, arbitrary: fc.constantFrom(2 ** 20 - 2, 2 ** 24 - 2) },
)

const run = fc.record({ epoch, session: bytesOf(7), counter })
type Run = typeof run extends fc.Arbitrary<infer T> ? T : never

const question = fc.record({
  name: streamNames,
  domainId: fc.constantFrom(null, ANCHORS.own.id),
  provider,
  input: streamInput,
  root: bytesOf(32),
  runs: fc.array(run, { minLength: 1, maxLength: 3 }),
  /** Each by one of the runs. */
  contents: fc.array(fc.tuple(fc.nat(2), content), { minLength: 1, maxLength: 6 }),
})
type Question = typeof question extends fc.Arbitrary<infer T> ? T : never

const inputsOf = ({ metadata, paddingBytes, plaintext, clearPart }: Content): SealInputs => {
  return { metadata: encodeMetadata(metadata, paddingBytes), plaintext, clearPart }
}

/** The sealers of the fast code, one a run. */
function sealersOf(crypto: CryptoProvider, known: TwinStream, asked: Question): ObjectSealer[] {
  const root = rootNode(asked.root)
  return asked.runs.map((at) => {
    return sealerOf(crypto, known, { ...at, leaf: deriveLeaf(crypto, root, at.epoch) })
  })
}

/** What the twin seals, in order. @throws {Refusal} if a counter is spent, or a text too long. */
function inputsOfTwin(known: TwinStream, { runs, root, contents }: Question): ObjectInput[] {
  const { stream } = known
  const next = runs.map((at: Run) => at.counter)
  return contents.map(([n, { metadata, paddingBytes, plaintext, clearPart }]) => {
    const i = n % runs.length
    const { epoch: of, session } = runs[i]!
    const count = next[i]!++
    insist(count < objectLimit(stream.alg), 'ERR_COUNTER_EXHAUSTED')
    const value = metadataValue(metadata, paddingBytes) as NonNullable<ObjectInput['metadata']>
    const textBytes = cbor(value).length + plaintext.length
    insist(stream.alg !== 10 || textBytes <= 65_535, 'ERR_LIMIT')
    const input = { stream, root, epoch: of, session, counter: count, metadata: value, plaintext }
    return { ...input, clearPart }
  })
}

function sealAlike(asked: Question): void {
  const { input, contents, runs } = asked
  const crypto = providerOf(asked.provider, input.alg)
  const known = twinStream(crypto, { ...ACTORS[0]!, domainId: asked.domainId }, asked.name, input)
  const { manifest, signingKey: key, stream } = known
  agree(
    () => [manifest.bytes, manifest.generationId],
    () => [stream.manifest, stream.generationId],
  )
  const alone = agree(
    () => {
      const sealers = sealersOf(crypto, known, asked)
      return contents.map(([n, one]) => sealers[n % runs.length]!.seal(inputsOf(one)))
    },
    () => inputsOfTwin(known, asked).map((one) => sealOne(one)),
  )
  note('sealing', `${manifest.signatureMode} ${alone}`)
  if (!stream.isBatched) return
  const together = agree(
    () => {
      const sealers = sealersOf(crypto, known, asked)
      const unsigned = contents.map(([n, one]) =>
        sealers[n % runs.length]!.sealUnsigned(inputsOf(one)),
      )
      return signBatch(crypto, unsigned, { generationId: manifest.generationId, key })
    },
    () => sealBatch(stream, inputsOfTwin(known, asked)),
  )
  note('sealing', `together ${together}`)
}

export const SEAL_AGREEMENTS: readonly Agreement[] = [
  agreement('sealing', 450, question, sealAlike),
]
