// SPDX-License-Identifier: Apache-2.0
/**
 * Objects that come to a reader: as they should be, made with one thing gone wrong, and changed on
 * their way.
 *
 * @module
 */

import * as fc from 'fast-check'
import { cbor, join } from '../../../../tools/vectors/frozen/cbor.ts'
import {
  partsOf,
  type ObjectInput,
  type Stream,
  type Twist,
} from '../../../../tools/vectors/frozen/object-parts.ts'
import { seedOf } from '../../../../tools/vectors/frozen/primitives.ts'
import { bytesOf, bytesUpTo, mutated } from '../support/arbitraries.ts'
import { metadataValue } from './decoding.ts'
import { structural } from './mutations.ts'
import { sealBatch, sealOne } from './sealing.ts'
import { content, FIRST_EPOCH, LAST_EPOCH, ROOTS } from './streams.ts'
import { ACTORS, mostly } from './world.ts'

export interface Arrival {
  /** What was done, in a word. */
  readonly how: string
  readonly bytes: Uint8Array
}

const SESSIONS = ['one', 'two'].map((name) => seedOf(`twin: session ${name}`).slice(0, 7))

const place = fc.record({
  epoch: mostly(FIRST_EPOCH + 5, fc.integer({ min: FIRST_EPOCH - 1, max: LAST_EPOCH }), 2),
  session: mostly(SESSIONS[0]!, fc.constant(SESSIONS[1]!), 4),
  counter: fc.nat(300),
  content,
})

function inputOf(stream: Stream): fc.Arbitrary<ObjectInput> {
  return place.map(({ epoch, session, counter, content: one }) => {
    const { metadata, paddingBytes, plaintext, clearPart } = one
    const value = metadataValue(metadata, paddingBytes) as NonNullable<ObjectInput['metadata']>
    const isLong = stream.alg === 10 && cbor(value).length + plaintext.length > 65_535
    const kept = isLong ? plaintext.slice(0, 100) : plaintext
    return { stream, epoch, session, counter, metadata: value, plaintext: kept, clearPart }
  })
}

/** What is wrong with what an object is made of; all else is made for it. */
type Wrong = (input: ObjectInput) => { readonly input: ObjectInput; readonly twist: Twist }

function headerWith(label: number, value: Uint8Array | number): Wrong {
  return (input) => {
    return { input, twist: { header: new Map([...partsOf(input).header, [label, value]]) } }
  }
}

const twisted =
  (twist: Twist): Wrong =>
  (input) => ({ input, twist })

const wrong: fc.Arbitrary<readonly [string, Wrong]> = fc.oneof(
  fc.constantFrom(ROOTS[1]!, ROOTS[2]!).map((root) => {
    return [
      'other root',
      (input: ObjectInput) => ({ input: { ...input, root }, twist: {} }),
    ] as const
  }),
  fc.constant(['thief', twisted({ signer: ACTORS[1]! })] as const),
  fc.constantFrom(1, 3, 10, 24).map((alg) => ['other alg', headerWith(1, alg)] as const),
  fc.oneof(bytesOf(8), bytesOf(4)).map((kid) => ['other kid', headerWith(4, kid)] as const),
  fc
    .oneof(bytesOf(10), bytesOf(1), bytesUpTo(6))
    .map((partialIv) => ['other counter', headerWith(6, partialIv)] as const),
  bytesUpTo(3).map((clearPart) => ['clear part', headerWith(-65537, clearPart)] as const),
  bytesUpTo(12).map((text) => ['text', twisted({ text })] as const),
  fc.tuple(content, structural).map(([{ metadata, paddingBytes, plaintext }, by]) => {
    const changed = by(cbor(metadataValue(metadata, paddingBytes) as never))
    return ['metadata', twisted({ text: join(changed, plaintext.slice(0, 100)) })] as const
  }),
  fc.nat(30).map((length) => {
    return ['short', twisted({ ciphertext: (bytes) => bytes.slice(0, length) })] as const
  }),
  fc.constant(['context', twisted({ signatureContext: 'CounterSignature' })] as const),
  bytesOf(32).map((aad) => ['commitment', twisted({ aadOfSignature: aad })] as const),
)

/** One object, or a whole batch, and what became of it on its way. */
export function arrivals(stream: Stream): fc.Arbitrary<readonly Arrival[]> {
  const inputs = inputOf(stream)
  const honest = inputs.map((input) => [{ how: 'honest', bytes: sealOne(right(input)) }])
  const twistedOnes = fc.tuple(inputs, wrong).map(([input, [how, by]]) => {
    const { input: made, twist } = by(right(input))
    return [{ how, bytes: sealOne(made, twist) }]
  })
  const batches = fc.array(inputs, { minLength: 1, maxLength: 7 }).map((list) => {
    const objects = stream.isBatched
      ? sealBatch(stream, list.map(right))
      : list.map((one) => sealOne(right(one)))
    return objects.map((bytes) => ({ how: 'honest', bytes }))
  })
  const made = fc.oneof(
    { weight: 2, arbitrary: honest },
    { weight: 4, arbitrary: twistedOnes },
    { weight: 2, arbitrary: batches },
  )
  const onTheWay = made.chain((list) =>
    fc.oneof(
      ...list.map(({ bytes }) =>
        mutated([bytes]).map((changed) => ({ how: 'bytes', bytes: changed })),
      ),
      ...list.map(({ bytes }) => structural.map((by) => ({ how: 'structure', bytes: by(bytes) }))),
    ),
  )
  return fc.oneof(
    { weight: 3, arbitrary: made },
    { weight: 2, arbitrary: onTheWay.map((one) => [one]) },
    { weight: 1, arbitrary: made.map((list) => [...list, ...list]) },
  )
}

/** Under the first root, unless it has another. */
function right(input: ObjectInput): ObjectInput {
  return { root: ROOTS[0]!, ...input }
}
