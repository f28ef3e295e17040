// SPDX-License-Identifier: Apache-2.0
/**
 * The slow twin of `NodeRing`, for sixteen neighbouring epochs: a plain list of nodes, searched and
 * compared epoch by epoch. It knows no keys: a node is a position in one of several trees, and two
 * nodes agree exactly if they are of the same tree.
 *
 * @module
 */

import {
  coverOf,
  isBelow,
  samePosition,
  spanOfNode,
  type NodePosition,
} from '../../src/key-tree/cover.js'

export interface NaiveNode extends NodePosition {
  readonly tree: number
}

interface Entry extends NaiveNode {
  isProven: boolean
  readonly sources: Set<string>
}

export class NaiveRing {
  readonly #maxCandidates: number
  #entries: Entry[] = []

  constructor(maxCandidates: number) {
    this.#maxCandidates = maxCandidates
  }

  /** Returns the epochs that were refused, and whether the node contradicts a proven one. */
  add(node: NaiveNode, source: string): { refused: number[]; isContradiction: boolean } {
    const refused: number[] = []
    const proven = this.#entries.filter((entry) => entry.isProven && overlap(entry, node))
    if (proven.some((entry) => entry.tree !== node.tree)) return { refused, isContradiction: true }
    if (proven.some((entry) => isBelow(node, entry))) return { refused, isContradiction: false }
    this.#admit({ ...node, isProven: false, sources: new Set([source]) }, refused)
    return { refused, isContradiction: false }
  }

  /** Returns the sources of what was dropped as wrong. */
  prove(epoch: number, tree: number): string[] {
    const proven = this.#entries.find((entry) => entry.tree === tree && covers(entry, epoch))
    if (proven === undefined || proven.isProven) return []
    proven.isProven = true
    const overlapping = this.#entries.filter((entry) => entry !== proven && overlap(entry, proven))
    const wrong = new Set(overlapping.filter((entry) => entry.tree !== tree))
    const isSuperfluous = (entry: Entry): boolean =>
      overlapping.includes(entry) && entry.tree === tree && isBelow(entry, proven)
    this.#entries = this.#entries.filter((entry) => !wrong.has(entry) && !isSuperfluous(entry))
    return [...new Set([...wrong].flatMap((entry) => [...entry.sources]))]
  }

  forgetBefore(epoch: number): void {
    const rest = this.#entries.flatMap((entry) => {
      const { first, last } = spanOfNode(entry)
      if (last < epoch) return []
      const cover = coverOf({ first: Math.max(first, epoch), last })
      return cover.map((position) => ({ ...copyOf(entry), ...position }))
    })
    const proven = rest.filter(({ isProven }) => isProven)
    this.#entries = rest.filter(
      (entry) => entry.isProven || !proven.some((upper) => isBelow(entry, upper)),
    )
  }

  /** The trees whose leaves may open an epoch's objects. */
  candidates(epoch: number): { trees: Set<number>; isProven: boolean } {
    const covering = this.#entries.filter((entry) => covers(entry, epoch))
    const proven = covering.filter(({ isProven }) => isProven)
    const isProven = proven.length > 0
    return { trees: new Set((isProven ? proven : covering).map(({ tree }) => tree)), isProven }
  }

  #admit(node: Entry, refused: number[]): void {
    const upper = this.#entries.find((entry) => entry.tree === node.tree && isBelow(node, entry))
    if (upper !== undefined) {
      const isRoom = upper.sources.size < this.#maxCandidates
      if (isRoom && samePosition(upper, node)) for (const s of node.sources) upper.sources.add(s)
      return
    }
    const others = this.#entries.filter((entry) => !entry.isProven && entry.tree !== node.tree)
    const isFull = (epoch: number): boolean =>
      others.filter((entry) => covers(entry, epoch)).length >= this.#maxCandidates
    if (!epochsOf(node).some(isFull)) {
      this.#entries = this.#entries.filter(
        (entry) => entry.isProven || entry.tree !== node.tree || !isBelow(entry, node),
      )
      this.#entries.push(node)
    } else if (node.depth === 32) {
      refused.push(node.index)
    } else {
      const depth = node.depth + 1
      this.#admit({ ...copyOf(node), depth, index: 2 * node.index }, refused)
      this.#admit({ ...copyOf(node), depth, index: 2 * node.index + 1 }, refused)
    }
  }
}

function copyOf(entry: Entry): Entry {
  return { ...entry, sources: new Set(entry.sources) }
}

function epochsOf(node: NodePosition): number[] {
  const { first, last } = spanOfNode(node)
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}

function covers(node: NodePosition, epoch: number): boolean {
  return epochsOf(node).includes(epoch)
}

function overlap(a: NodePosition, b: NodePosition): boolean {
  return epochsOf(a).some((epoch) => covers(b, epoch))
}
