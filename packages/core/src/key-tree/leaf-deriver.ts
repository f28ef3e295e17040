// SPDX-License-Identifier: Apache-2.0
/**
 * Deriving many leaves from one node (`docs/spec/05-keys.md` Section 5.2). Messages come mostly in
 * the order of time, and neighbouring leaves share nearly all of their path: {@link LeafDeriver}
 * remembers the last path, with both children at every step, so the next leaf costs one HMAC on
 * average instead of up to 32.
 *
 * @module
 */

import { assertPosition, isBelow, TREE_DEPTH, type NodePosition } from './cover.js'
import { assertEpoch } from './span.js'
import {
  assertNodeKey,
  deriveBoth,
  NODE_KEY_BYTES,
  type TreeCrypto,
  type TreeNode,
} from './tree.js'

const PAIR_BYTES = 2 * NODE_KEY_BYTES

/** Derives keys below one node and remembers the way to the last of them. */
export class LeafDeriver {
  readonly #crypto: TreeCrypto
  readonly #from: TreeNode
  /** Pair i: the keys of both children of the path's node i levels below `#from`. */
  readonly #pairs: Uint8Array
  /** How many pairs, from the top, belong to the path. */
  #pairCount = 0
  /** The first epoch below the node at the end of the path: its bits are the turns. */
  #path = 0

  /**
   * @param from - Is kept, not copied: its key must stay as it is for as long as this is used.
   * @throws {RangeError} If `from` is no node.
   */
  constructor(crypto: TreeCrypto, from: TreeNode) {
    assertPosition(from, 'from')
    assertNodeKey(from.key)
    this.#crypto = crypto
    this.#from = from
    this.#pairs = new Uint8Array((TREE_DEPTH - from.depth) * PAIR_BYTES)
  }

  /**
   * Derives the leaf of an epoch.
   *
   * @returns 32 new bytes, owned by the caller.
   * @throws {RangeError} If the leaf does not lie below the node.
   */
  leaf(epoch: number): Uint8Array {
    assertEpoch(epoch)
    return this.key({ depth: TREE_DEPTH, index: epoch })
  }

  /**
   * Derives the key of the node at `position`, which may be the deriver's own.
   *
   * @returns 32 new bytes, owned by the caller.
   * @throws {RangeError} If the position does not lie at or below the node.
   */
  key(position: NodePosition): Uint8Array {
    return this.#view(position).slice()
  }

  /**
   * Says whether the way down to the position of `node` leads to its key. Takes the same time
   * whichever bytes differ.
   *
   * @throws {RangeError} If it does not lie at or below the deriver's node.
   */
  agreesWith(node: TreeNode): boolean {
    assertNodeKey(node.key)
    const key = this.#view(node)
    let difference = 0
    for (let i = 0; i < NODE_KEY_BYTES; i++) difference |= key[i]! ^ node.key[i]!
    return difference === 0
  }

  /** Overwrites everything that was derived. The deriver stays usable. */
  wipe(): void {
    this.#pairs.fill(0)
    this.#pairCount = 0
  }

  #view(position: NodePosition): Uint8Array {
    assertPosition(position)
    if (!isBelow(position, this.#from)) {
      throw new RangeError(
        `depth ${position.depth}, index ${position.index} must lie at or below ` +
          `depth ${this.#from.depth}, index ${this.#from.index}`,
      )
    }
    const path = position.index * 2 ** (TREE_DEPTH - position.depth)
    const levelCount = position.depth - this.#from.depth
    this.#follow(path, levelCount)
    return this.#keyAt(levelCount)
  }

  #follow(path: number, levelCount: number): void {
    const sharedDepth = Math.clz32(this.#path ^ path)
    const sharedPairCount = Math.max(0, sharedDepth - this.#from.depth + 1)
    this.#pairCount = Math.min(this.#pairCount, sharedPairCount)
    this.#path = path
    while (this.#pairCount < levelCount) {
      const both = deriveBoth(this.#crypto, this.#keyAt(this.#pairCount))
      this.#pairs.set(both, this.#pairCount * PAIR_BYTES)
      both.fill(0)
      this.#pairCount++
    }
  }

  /** The key of the path's node that many levels below the deriver's own; a view. */
  #keyAt(levelCount: number): Uint8Array {
    if (levelCount === 0) return this.#from.key
    const isRight = (this.#path >>> (TREE_DEPTH - this.#from.depth - levelCount)) & 1
    const start = (levelCount - 1) * PAIR_BYTES + isRight * NODE_KEY_BYTES
    return this.#pairs.subarray(start, start + NODE_KEY_BYTES)
  }
}
