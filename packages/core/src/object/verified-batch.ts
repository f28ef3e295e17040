// SPDX-License-Identifier: Apache-2.0
/**
 * What is known of one batch (`docs/spec/04-objects.md` Section 4.3.4): the nodes of its tree that lead
 * to the signed root. Every object adds those of its path, so that of a whole batch each node is
 * hashed once, and no more is hashed for one object than its path wants.
 *
 * Invariant: with a node, the siblings of it and of all above it are known.
 *
 * @module
 */

import { equalBytes } from '../bytes.js'
import { NODE_BYTES, type BatchHasher } from './batch-tree.js'
import type { BatchPlace } from './decode.js'

/** One step of a path: a node, and its sibling where it has one. */
interface Step {
  /** Where the node stands in `#nodes`. */
  readonly slot: number
  readonly node: Uint8Array
  readonly siblingSlot: number
  readonly sibling: Uint8Array | undefined
}

export class VerifiedBatch {
  readonly count: number
  readonly signature: Uint8Array
  readonly #hasher: BatchHasher
  /** Where each level begins, the leaves first. */
  readonly #levels: readonly number[]
  readonly #slotCount: number
  /** Those that are known, by their slot: no more than the paths that came. */
  readonly #nodes = new Map<number, Uint8Array>()

  /** @param count - Of its objects. @param signature - Over its root. Copied. */
  constructor(hasher: BatchHasher, count: number, signature: Uint8Array) {
    this.#hasher = hasher
    this.count = count
    this.signature = signature.slice()
    const levels: number[] = []
    let end = 0
    for (let width = count; ; width = Math.ceil(width / 2)) {
      levels.push(end)
      end += width
      if (width === 1) break
    }
    this.#levels = levels
    this.#slotCount = end
  }

  /**
   * Says whether a leaf stands in the tree at a place, with exactly this path.
   *
   * @param isRoot - Asked for the root, if nothing below it is known yet: whether it is signed.
   */
  holds(
    leaf: Uint8Array,
    { index, path }: BatchPlace,
    isRoot: (root: Uint8Array) => boolean,
  ): boolean {
    const steps: Step[] = []
    let node = leaf
    let place = index
    let at = 0
    for (let level = 0; level < this.#levels.length; level++, place >>>= 1) {
      const slot = this.#levels[level]! + place
      const isTop = level === this.#levels.length - 1
      if (this.#nodes.has(slot)) {
        if (!this.#equals(slot, node) || !this.#hasPath(level, place, path, at)) return false
        this.#keep(steps)
        return true
      }
      const hasSibling = !isTop && (place ^ 1) < this.#width(level)
      const sibling = hasSibling ? path.subarray(at, at + NODE_BYTES) : undefined
      steps.push({ slot, node, siblingSlot: this.#levels[level]! + (place ^ 1), sibling })
      if (sibling === undefined) continue // it goes up unchanged
      at += NODE_BYTES
      node = place % 2 === 0 ? this.#hasher.node(node, sibling) : this.#hasher.node(sibling, node)
    }
    if (!isRoot(node)) return false
    this.#keep(steps)
    return true
  }

  #width(level: number): number {
    const end = this.#levels[level + 1] ?? this.#slotCount
    return end - this.#levels[level]!
  }

  /** Whether the rest of a path has the siblings that are known. */
  #hasPath(from: number, first: number, path: Uint8Array, start: number): boolean {
    let place = first
    let at = start
    for (let level = from; level < this.#levels.length - 1; level++, place >>>= 1) {
      if ((place ^ 1) >= this.#width(level)) continue
      if (!this.#equals(this.#levels[level]! + (place ^ 1), path.subarray(at, at + NODE_BYTES))) {
        return false
      }
      at += NODE_BYTES
    }
    return true
  }

  #equals(slot: number, node: Uint8Array): boolean {
    const known = this.#nodes.get(slot)
    return known !== undefined && equalBytes(known, node)
  }

  /** Nodes were made here; siblings are views of an object's path. */
  #keep(steps: readonly Step[]): void {
    for (const { slot, node, siblingSlot, sibling } of steps) {
      this.#nodes.set(slot, node)
      if (sibling !== undefined) this.#nodes.set(siblingSlot, sibling.slice())
    }
  }
}
