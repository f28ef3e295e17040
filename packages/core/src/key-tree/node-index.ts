// SPDX-License-Identifier: Apache-2.0
/**
 * Nodes in the order of their first epoch, the wider first, for binary search. Several may stand at
 * one position. Two nodes of a tree either lie one below the other or share no epoch, so all that
 * lies below a node stands together.
 *
 * @module
 */

import { samePosition, TREE_DEPTH, type NodePosition } from './cover.js'

/** A sorted list of nodes. */
export class NodeIndex<T extends NodePosition> {
  readonly #nodes: T[] = []
  /** How many nodes there are of each depth: most depths have none and need no search. */
  readonly #countByDepth = new Uint32Array(TREE_DEPTH + 1)

  get count(): number {
    return this.#nodes.length
  }

  /** The nodes in order. */
  [Symbol.iterator](): IterableIterator<T> {
    return this.#nodes.values()
  }

  /** Adds a node after those that stand at its position. */
  add(node: T): void {
    this.#nodes.splice(this.#lowerBound(firstEpoch(node), node.depth + 1), 0, node)
    this.#countByDepth[node.depth]!++
  }

  /** Removes a node. @returns `false` if it was not here. */
  delete(node: T): boolean {
    const offset = this.#at(node).indexOf(node)
    if (offset === -1) return false
    this.#nodes.splice(this.#lowerBound(firstEpoch(node), node.depth) + offset, 1)
    this.#countByDepth[node.depth]!--
    return true
  }

  /** Finds the nodes at or above a position, from the root downwards. */
  above(position: NodePosition): T[] {
    const found: T[] = []
    for (let depth = 0; depth <= position.depth; depth++) {
      if (this.#countByDepth[depth] === 0) continue
      const index = Math.floor(position.index / 2 ** (position.depth - depth))
      found.push(...this.#at({ depth, index }))
    }
    return found
  }

  /** Finds the nodes strictly below a position, in order. */
  below(position: NodePosition): T[] {
    const first = firstEpoch(position)
    const end = first + 2 ** (TREE_DEPTH - position.depth)
    return this.#nodes.slice(this.#lowerBound(first, position.depth + 1), this.#lowerBound(end, 0))
  }

  #at(position: NodePosition): T[] {
    const start = this.#lowerBound(firstEpoch(position), position.depth)
    let end = start
    for (let node = this.#nodes[end]; node !== undefined; node = this.#nodes[++end]) {
      if (!samePosition(node, position)) break
    }
    return this.#nodes.slice(start, end)
  }

  /** Finds where the first node stands that is not before (`first`, `depth`). */
  #lowerBound(first: number, depth: number): number {
    let low = 0
    let high = this.#nodes.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const node = this.#nodes[middle]
      if (node !== undefined && isBefore(node, first, depth)) low = middle + 1
      else high = middle
    }
    return low
  }
}

function isBefore(node: NodePosition, first: number, depth: number): boolean {
  const nodeFirst = firstEpoch(node)
  return nodeFirst < first || (nodeFirst === first && node.depth < depth)
}

function firstEpoch({ depth, index }: NodePosition): number {
  return index * 2 ** (TREE_DEPTH - depth)
}
