// SPDX-License-Identifier: Apache-2.0
/**
 * The slow twin of `ObjectSealer` and `signBatch` (`docs/spec/04-objects.md` Section 4.6), from the
 * parts that the vectors are made of.
 *
 * @module
 */

import { cbor, type Value } from '../../../../tools/vectors/frozen/cbor.ts'
import {
  framedWith,
  sealed,
  type ObjectInput,
  type Stream,
  type Twist,
} from '../../../../tools/vectors/frozen/object-parts.ts'
import type { Signer } from '../../../../tools/vectors/frozen/primitives.ts'
import { naiveLeaf, naivePath, naiveRoot } from './batch-tree.ts'

const BATCH = -65538
const NONE = new Uint8Array(0)

/** How many objects one session may seal (Section 5.5.4). */
export function objectLimit(alg: number): number {
  return alg === 10 ? 2 ** 20 : 2 ** 24
}

/** Seals one object; in a stream with batch signatures it is a batch of one. */
export function sealOne(input: ObjectInput, twist: Twist = {}): Uint8Array {
  const { stream } = input
  return stream.isBatched
    ? sealBatch(stream, [{ ...input, twist }], twist.signer)[0]!
    : sealed(input, twist).object
}

/** Seals a batch and signs it. */
export function sealBatch(
  stream: Stream,
  inputs: readonly (ObjectInput & { readonly twist?: Twist })[],
  signer: Signer = stream.producer,
): readonly Uint8Array[] {
  const all = inputs.map(({ twist, ...input }) => sealed({ ...input, stream }, twist))
  const leaves = all.map(({ countersignStructure = NONE }) => naiveLeaf(countersignStructure))
  const context = ['waxwing batch v1', stream.generationId, leaves.length, naiveRoot(leaves)]
  const signature = signer.sign(cbor(context))
  return all.map(({ header, ciphertext }, index) => {
    const path = Uint8Array.from(naivePath(leaves, index).flatMap((node) => [...node]))
    const place: Value = [signature, index, leaves.length, path]
    return framedWith(header, new Map([[BATCH, place]]), ciphertext)
  })
}
