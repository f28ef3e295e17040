// SPDX-License-Identifier: Apache-2.0
/**
 * One signature for many objects (`docs/spec/04-objects.md` Section 4.3.4): made over the root of a
 * Merkle tree, and carried by each object with its path, so that each stands alone.
 *
 * @module
 */

import { concatBytes, equalBytes } from '../bytes.js'
import { encodeCbor } from '../cbor/cbor.js'
import type { CryptoProvider, Ed25519SigningKey, Ed25519VerifyingKey } from '../crypto/provider.js'
import { BatchHasher, buildTree, MAX_BATCH_OBJECTS } from './batch-tree.js'
import type { BatchPlace } from './decode.js'
import { encodeHead, LABEL_BATCH_SIGNATURE_BYTES, SIGNATURE_BYTES } from './header.js'
import { VerifiedBatch } from './verified-batch.js'

/** Batches that are remembered, per generation: those of as many sessions as send at once. */
const MAX_REMEMBERED = 8

const MAP_OF_ONE = 0xa1
const ARRAY_OF_FOUR = 0x84
const CONTEXT = 'waxwing batch v1'

/** An object that is sealed and wants its signature. */
export interface UnsignedObject {
  /** Everything before the unprotected header. Owned by the object. */
  readonly prefix: Uint8Array
  /** Everything behind it. Owned by the object. */
  readonly rest: Uint8Array
  /** The hash of its Countersign_structure, 32 bytes. */
  readonly leaf: Uint8Array
}

/** What is signed. */
function batchToSign(generationId: Uint8Array, count: number, root: Uint8Array): Uint8Array {
  return encodeCbor([CONTEXT, generationId, count, root])
}

/**
 * Signs objects of one generation together.
 *
 * @param objects - 1 to {@link MAX_BATCH_OBJECTS}, of one producer and generation; their sessions and
 *   epochs may differ.
 * @returns The objects, in their order and in new arrays.
 * @throws {RangeError} If there are none or too many.
 */
export function signBatch(
  crypto: Pick<CryptoProvider, 'sha256'>,
  objects: readonly UnsignedObject[],
  { generationId, key }: { generationId: Uint8Array; key: Ed25519SigningKey },
): readonly Uint8Array[] {
  const count = objects.length
  if (count < 1 || count > MAX_BATCH_OBJECTS) {
    throw new RangeError(`objects must be 1 to ${MAX_BATCH_OBJECTS}, got ${count}`)
  }
  const leaves = objects.map(({ leaf }) => leaf)
  const { root, paths } = buildTree(new BatchHasher(crypto), leaves)
  const signature = key.sign(batchToSign(generationId, count, root))
  const countHead = encodeHead(0, count)
  return objects.map((object, index) =>
    assemble(object, signature, { index, countHead, path: paths[index]! }),
  )
}

function assemble(
  { prefix, rest }: UnsignedObject,
  signature: Uint8Array,
  { index, countHead, path }: { index: number; countHead: Uint8Array; path: Uint8Array },
): Uint8Array {
  const label = LABEL_BATCH_SIGNATURE_BYTES
  const indexHead = encodeHead(0, index)
  const pathHead = encodeHead(2, path.length)
  const parts = [
    prefix,
    Uint8Array.of(MAP_OF_ONE, ...label, ARRAY_OF_FOUR, 0x58, SIGNATURE_BYTES),
    signature,
    indexHead,
    countHead,
    pathHead,
    path,
    rest,
  ]
  return concatBytes(...parts)
}

/** Verifies batch signatures of one generation: that of a root once. */
export class BatchVerifier {
  readonly #generationId: Uint8Array
  readonly #hasher: BatchHasher
  /** The one that was added first comes first. */
  #batches: readonly VerifiedBatch[] = []

  constructor(crypto: Pick<CryptoProvider, 'sha256'>, generationId: Uint8Array) {
    this.#generationId = generationId
    this.#hasher = new BatchHasher(crypto)
  }

  /**
   * Says whether an object is one of a batch that the producer signed.
   *
   * @param structure - The object's Countersign_structure.
   */
  verify(
    key: Ed25519VerifyingKey,
    structure: Uint8Array,
    signature: Uint8Array,
    place: BatchPlace,
  ): boolean {
    const { count } = place
    const leaf = this.#hasher.leaf(structure)
    const known = this.#batches.findLast(
      (batch) => batch.count === count && equalBytes(batch.signature, signature),
    )
    const batch = known ?? new VerifiedBatch(this.#hasher, count, signature)
    const isSigned = (root: Uint8Array): boolean =>
      known === undefined && key.verify(batchToSign(this.#generationId, count, root), signature)
    if (!batch.holds(leaf, place, isSigned)) return false
    if (known === undefined) this.#batches = [...this.#batches, batch].slice(-MAX_REMEMBERED)
    return true
  }
}
