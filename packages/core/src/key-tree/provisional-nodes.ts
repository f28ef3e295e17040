// SPDX-License-Identifier: Apache-2.0
/**
 * The provisional nodes of a {@link NodeRing}: several candidates for an epoch, up to a limit
 * (`docs/spec/07-granting.md` Section 7.5.3).
 *
 * Invariant: of two nodes of which one lies at or above the other, the upper does not lead to the
 * lower one's key. So the nodes above an epoch are as many different leaves.
 *
 * @module
 */

import { isBelow, samePosition, spanOfNode } from './cover.js'
import { HeldNode } from './held-node.js'
import { NodeIndex } from './node-index.js'
import type { Span } from './span.js'
import { deriveChildren, type TreeCrypto } from './tree.js'

export interface ProvisionalLimits {
  /** The most candidates per epoch, and sources kept per node. */
  readonly maxCandidates: number
  /** The most nodes. */
  readonly maxProvisional: number
}

export class ProvisionalNodes extends NodeIndex<HeldNode> {
  readonly #crypto: TreeCrypto
  readonly #proven: NodeIndex<HeldNode>
  readonly #limits: ProvisionalLimits

  /** @param proven - The ring's proven nodes, which it keeps. Only read here. */
  constructor(crypto: TreeCrypto, proven: NodeIndex<HeldNode>, limits: ProvisionalLimits) {
    super()
    this.#crypto = crypto
    this.#proven = proven
    this.#limits = limits
  }

  /**
   * Takes over a node that agrees with all proven ones: keeps it, in pieces where some of its
   * epochs are full, or drops it where another leads to it already.
   *
   * @param refused - Gets the spans for which nothing was taken because of a limit.
   * @returns Whether anything new is held.
   */
  take(node: HeldNode, refused: Span[]): boolean {
    const upper = this.above(node).find((held) => held.agreesWith(node))
    if (upper !== undefined) return this.#merge(node, upper)
    const agreeing = this.below(node).filter((held) => node.agreesWith(held))
    return this.#admit(node, new Set(agreeing), refused)
  }

  /**
   * Drops what became superfluous or wrong because `proven` was proven. What lies above it and
   * leads to it stays: it serves the epochs beside.
   *
   * @returns The sources of the wrong nodes.
   */
  disprove(proven: HeldNode): Set<string> {
    const sources = new Set<string>()
    for (const node of [...this.above(proven), ...this.below(proven)]) {
      const isAbove = node.depth < proven.depth
      const agrees = isAbove ? node.agreesWith(proven) : proven.agreesWith(node)
      if (isAbove && agrees) continue
      this.delete(node)
      if (agrees) this.#merge(node, proven)
      else for (const source of node.sources) sources.add(source)
      node.drop()
    }
    return sources
  }

  /** @param agreeing - The nodes below `node`, or below what it is a piece of, that it leads to. */
  #admit(node: HeldNode, agreeing: ReadonlySet<HeldNode>, refused: Span[]): boolean {
    const above = this.above(node)
    const upper = this.#proven.above(node)[0] ?? above.find((held) => agreeing.has(held))
    if (upper !== undefined) return this.#merge(node, upper)
    const [implied, others] = partition(this.below(node), agreeing)
    const isFull = this.count - implied.length >= this.#limits.maxProvisional
    if (isFull || above.length >= this.#limits.maxCandidates) {
      refused.push(spanOfNode(node))
      node.drop()
      return false
    }
    if (above.length + deepestNesting(others) < this.#limits.maxCandidates) {
      this.#replace(implied, node)
      return true
    }
    // Some of its epochs are full, as a giver of wrong nodes can bring about: keep the others.
    const [left, right] = this.#split(node)
    const isLeftNew = this.#admit(left, agreeing, refused)
    return this.#admit(right, agreeing, refused) || isLeftNew
  }

  /** Drops a node that `upper` leads to. @returns `false`: nothing new is held. */
  #merge(node: HeldNode, upper: HeldNode): false {
    if (samePosition(upper, node)) upper.addSources(node.sources, this.#limits.maxCandidates)
    node.drop()
    return false
  }

  #replace(implied: readonly HeldNode[], node: HeldNode): void {
    for (const lower of implied) {
      node.age = Math.min(node.age, lower.age)
      this.delete(lower)
      lower.drop()
    }
    this.add(node)
  }

  #split(node: HeldNode): [HeldNode, HeldNode] {
    const keys = deriveChildren(this.#crypto, node.key)
    const depth = node.depth + 1
    const left = { depth, index: node.index * 2, key: keys.left }
    const right = { depth, index: node.index * 2 + 1, key: keys.right }
    const children: [HeldNode, HeldNode] = [
      new HeldNode(this.#crypto, left, node),
      new HeldNode(this.#crypto, right, node),
    ]
    for (const key of [keys.left, keys.right, node.key]) key.fill(0)
    node.drop()
    return children
  }
}

function partition(
  nodes: readonly HeldNode[],
  agreeing: ReadonlySet<HeldNode>,
): [HeldNode[], HeldNode[]] {
  return [nodes.filter((node) => agreeing.has(node)), nodes.filter((node) => !agreeing.has(node))]
}

/** Counts the most nodes of a sorted list that lie above one leaf. */
function deepestNesting(nodes: readonly HeldNode[]): number {
  let around: HeldNode[] = []
  let deepest = 0
  for (const node of nodes) {
    around = [...around.filter((upper) => isBelow(node, upper)), node]
    deepest = Math.max(deepest, around.length)
  }
  return deepest
}
