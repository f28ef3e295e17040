// SPDX-License-Identifier: Apache-2.0
/**
 * The Merkle tree under a batch signature (`docs/spec/04-objects.md` Section 4.3.4), in the shape of
 * RFC 9162 Section 2.1: the left subtree of n leaves has the largest power of two below n.
 *
 * Leaves and inner nodes are hashed with different first bytes, so that neither passes for the other.
 * The count of leaves is signed beside the root, so that one root has one shape.
 *
 * @module
 */

import type { CryptoProvider } from '../crypto/provider.js'

export const NODE_BYTES = 32
/** Most objects under one signature: a path then has 12 nodes. */
export const MAX_BATCH_OBJECTS = 4096

type Hash = Pick<CryptoProvider, 'sha256'>

/** Hashes nodes. Keeps the buffers into which what is hashed is put together. */
export class BatchHasher {
  readonly #crypto: Hash
  readonly #pair: Uint8Array = new Uint8Array(1 + 2 * NODE_BYTES).fill(1, 0, 1)
  #leaf = new Uint8Array(1)

  constructor(crypto: Hash) {
    this.#crypto = crypto
  }

  /** SHA-256(0x00 ‖ the object's Countersign_structure). */
  leaf(structure: Uint8Array): Uint8Array {
    if (this.#leaf.length !== 1 + structure.length)
      this.#leaf = new Uint8Array(1 + structure.length)
    this.#leaf.set(structure, 1)
    return this.#crypto.sha256(this.#leaf)
  }

  /** SHA-256(0x01 ‖ left ‖ right). */
  node(left: Uint8Array, right: Uint8Array): Uint8Array {
    this.#pair.set(left, 1)
    this.#pair.set(right, 1 + NODE_BYTES)
    return this.#crypto.sha256(this.#pair)
  }
}

/** How many nodes the path of a leaf has. */
export function pathNodes(index: number, count: number): number {
  let nodes = 0
  for (let place = index, last = count - 1; last > 0; place >>>= 1, last >>>= 1) {
    if (place !== last || place % 2 === 1) nodes++
  }
  return nodes
}

export interface BatchTree {
  readonly root: Uint8Array
  /** The path of each leaf, in new arrays. */
  readonly paths: readonly Uint8Array[]
}

/** Builds the tree over leaves, of which there is at least one. */
export function buildTree(hasher: BatchHasher, leaves: readonly Uint8Array[]): BatchTree {
  const levels: Uint8Array[][] = [[...leaves]]
  for (let level = levels[0]!; level.length > 1; levels.push(level)) {
    const below = level
    level = []
    for (let i = 0; i + 1 < below.length; i += 2) level.push(hasher.node(below[i]!, below[i + 1]!))
    if (below.length % 2 === 1) level.push(below.at(-1)!)
  }
  const count = leaves.length
  const paths = leaves.map((_, index) => pathOf(levels, index, count))
  return { root: levels.at(-1)![0]!, paths }
}

function pathOf(
  levels: readonly (readonly Uint8Array[])[],
  index: number,
  count: number,
): Uint8Array {
  const path = new Uint8Array(pathNodes(index, count) * NODE_BYTES)
  let at = 0
  let place = index
  for (const level of levels) {
    const sibling = level[place ^ 1]
    if (sibling !== undefined) {
      path.set(sibling, at)
      at += NODE_BYTES
    }
    place >>>= 1
  }
  return path
}
