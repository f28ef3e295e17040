// SPDX-License-Identifier: Apache-2.0
/**
 * The slow twin of the tree under a batch signature: the definitions of RFC 9162 Section 2.1.1 and
 * 2.1.3.1, word by word.
 *
 * @module
 */

import { createHash } from 'node:crypto'

function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return new Uint8Array(hash.digest())
}

/** The hash of a leaf's content. */
export function naiveLeaf(content: Uint8Array): Uint8Array {
  return sha256(Uint8Array.of(0), content)
}

/** MTH of leaves that are hashed already. */
export function naiveRoot(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 1) return leaves[0]!
  const k = split(leaves.length)
  return sha256(Uint8Array.of(1), naiveRoot(leaves.slice(0, k)), naiveRoot(leaves.slice(k)))
}

/** PATH of a leaf, its sibling first. */
export function naivePath(leaves: readonly Uint8Array[], index: number): readonly Uint8Array[] {
  if (leaves.length === 1) return []
  const k = split(leaves.length)
  if (index < k) return [...naivePath(leaves.slice(0, k), index), naiveRoot(leaves.slice(k))]
  return [...naivePath(leaves.slice(k), index - k), naiveRoot(leaves.slice(0, k))]
}

/** The largest power of two below n. */
function split(n: number): number {
  let k = 1
  while (2 * k < n) k *= 2
  return k
}

/** How many nodes the path of a leaf has. */
export function pathLength(index: number, count: number): number {
  if (count === 1) return 0
  const k = split(count)
  return 1 + (index < k ? pathLength(index, k) : pathLength(index - k, count - k))
}

/** The root that follows from a hashed leaf, its place, and a path of the right length. */
export function rootOfPath(
  leaf: Uint8Array,
  index: number,
  count: number,
  path: readonly Uint8Array[],
): Uint8Array {
  const sibling = path.at(-1)
  if (count === 1 || sibling === undefined) return leaf
  const k = split(count)
  const rest = path.slice(0, -1)
  return index < k
    ? sha256(Uint8Array.of(1), rootOfPath(leaf, index, k, rest), sibling)
    : sha256(Uint8Array.of(1), sibling, rootOfPath(leaf, index - k, count - k, rest))
}
