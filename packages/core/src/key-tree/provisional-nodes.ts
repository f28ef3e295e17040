// SPDX-License-Identifier: Apache-2.0
/**
 * The provisional nodes of a {@link NodeRing}: several candidates for an epoch, up to a limit
 * (`docs/spec/07-granting.md` Section 7.5.3). Who gives way beyond it is in `candidate-places.ts`.
 *
 * Invariant: of two nodes of which one lies at or above the other, the upper does not lead to the
 * lower one's key. So the nodes above an epoch are as many different leaves.
 *
 * @module
 */

import { surplusOf, weakestOf } from './candidate-places.js'
import { isBelow, spanOfNode, type NodePosition } from './cover.js'
import { HeldNode } from './held-node.js'
import { NodeIndex } from './node-index.js'
import type { Span } from './span.js'
import { deriveChildren, type TreeCrypto } from './tree.js'

export interface ProvisionalLimits {
  /** The most candidates per epoch. */
  readonly maxCandidates: number
  /** The most nodes. */
  readonly maxProvisional: number
}

/** What found no place, or lost it. */
export interface Crowding {
  /** The spans for which nothing was taken because of a limit. */
  readonly refused: Span[]
  /** The names of the sources of what gave way. */
  readonly displaced: Set<string>
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
   * Takes over a node that agrees with all proven ones: keeps it, in pieces where it has to give way
   * in some of its epochs, or drops it where another leads to it already.
   *
   * @param crowding - Gets what found no place, or lost it.
   * @returns Whether anything new is held.
   */
  take(node: HeldNode, crowding: Crowding): boolean {
    const upper = this.above(node).find((held) => held.agreesWith(node))
    if (upper !== undefined) return this.#merge(node, upper)
    const agreeing = this.below(node).filter((held) => node.agreesWith(held))
    return this.#admit(node, new Set(agreeing), crowding)
  }

  /**
   * Drops what became superfluous or wrong because `proven` was proven. What lies above it and
   * leads to it stays: it serves the epochs beside.
   *
   * @returns The names of the sources of the wrong nodes.
   */
  disprove(proven: HeldNode): Set<string> {
    const sources = new Set<string>()
    for (const node of [...this.above(proven), ...this.below(proven)]) {
      const isAbove = node.depth < proven.depth
      const agrees = isAbove ? node.agreesWith(proven) : proven.agreesWith(node)
      if (isAbove && agrees) continue
      this.delete(node)
      if (agrees) this.#merge(node, proven)
      else for (const name of node.names) sources.add(name)
      node.drop()
    }
    return sources
  }

  /** @param agreeing - The nodes below `node`, or below what it is a piece of, that it leads to. */
  #admit(node: HeldNode, agreeing: ReadonlySet<HeldNode>, crowding: Crowding): boolean {
    const above = this.above(node)
    const upper = this.#proven.above(node)[0] ?? above.find((held) => agreeing.has(held))
    if (upper !== undefined) return this.#merge(node, upper)
    const implied = this.below(node).filter((held) => agreeing.has(held))
    for (const lower of implied) standInFor(node, lower)
    if (!this.#makeRoom(node, implied, crowding)) return this.#refuse(node, crowding)
    const isWhole = this.#makePlaces(node, agreeing, crowding)
    if (isWhole) return this.#replace(implied, node)
    if (this.below(node).every((held) => agreeing.has(held))) return this.#refuse(node, crowding)
    // It has to give way in some of its epochs: keep the others.
    const [left, right] = this.#split(node)
    const isLeftNew = this.#admit(left, agreeing, crowding)
    return this.#admit(right, agreeing, crowding) || isLeftNew
  }

  /** Makes room for one node more in all. @returns `false` if nothing gives way to it. */
  #makeRoom(node: HeldNode, implied: readonly HeldNode[], crowding: Crowding): boolean {
    if (this.count - implied.length < this.#limits.maxProvisional) return true
    const others = [...this].filter((held) => !implied.includes(held))
    const surplus = surplusOf(others, node)
    if (surplus === undefined) return false
    this.#displace(surplus, surplus, crowding)
    return true
  }

  /** Makes a place for a node in all of its epochs. @returns `false` where it has to give way. */
  #makePlaces(node: HeldNode, agreeing: ReadonlySet<HeldNode>, crowding: Crowding): boolean {
    for (;;) {
      const others = this.below(node).filter((held) => !agreeing.has(held))
      const crowd = firstCrowd(this.above(node), others, this.#limits.maxCandidates)
      if (crowd === undefined) return true
      const weakest = weakestOf([...crowd, node])
      if (weakest === undefined || weakest === node) return false
      this.#displace(weakest, node, crowding)
    }
  }

  /** Drops of a node what lies at or below a position, and keeps the rest if there is room. */
  #displace(node: HeldNode, at: NodePosition, { displaced }: Crowding): void {
    this.delete(node)
    for (const name of node.names) displaced.add(name)
    const rest = besides(node, at).filter((piece) => this.#proven.above(piece).length === 0)
    const isRoom = this.count + rest.length < this.#limits.maxProvisional
    for (const { depth, index } of isRoom ? rest : []) {
      const key = node.keyOf({ depth, index })
      this.add(new HeldNode(this.#crypto, { depth, index, key }, node))
      key.fill(0)
    }
    node.drop()
  }

  #refuse(node: HeldNode, { refused }: Crowding): false {
    refused.push(spanOfNode(node))
    node.drop()
    return false
  }

  /** Drops a node that `upper` leads to. @returns `false`: nothing new is held. */
  #merge(node: HeldNode, upper: HeldNode): false {
    upper.addSources(node.sources)
    node.drop()
    return false
  }

  #replace(implied: readonly HeldNode[], node: HeldNode): true {
    for (const lower of implied) {
      this.delete(lower)
      lower.drop()
    }
    this.add(node)
    return true
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

/** Whoever leads to a node is as old, and who gave that one answers for both: see `NodeRing`. */
function standInFor(node: HeldNode, lower: HeldNode): void {
  node.age = Math.min(node.age, lower.age)
  node.addSources(lower.sources)
}

/** Finds the candidates of the first epoch that has `limit` of them or more. */
function firstCrowd(
  above: readonly HeldNode[],
  below: readonly HeldNode[],
  limit: number,
): readonly HeldNode[] | undefined {
  if (above.length >= limit) return above
  let around: HeldNode[] = []
  for (const node of below) {
    around = [...around.filter((upper) => isBelow(node, upper)), node]
    if (above.length + around.length >= limit) return [...above, ...around]
  }
  return undefined
}

/** The positions that cover what of `node` does not lie below `at`; none if it lies at or below. */
function besides(node: NodePosition, at: NodePosition): readonly NodePosition[] {
  const rest: NodePosition[] = []
  for (let depth = at.depth; depth > node.depth; depth--) {
    const index = Math.floor(at.index / 2 ** (at.depth - depth))
    rest.push({ depth, index: index % 2 === 0 ? index + 1 : index - 1 })
  }
  return rest
}
