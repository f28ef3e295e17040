// SPDX-License-Identifier: Apache-2.0
/**
 * The slow twin of `NodeRing`, for sixteen neighbouring epochs: a plain list of nodes, searched and
 * compared epoch by epoch. It knows no keys: a node is a position in one of several trees, and two
 * nodes agree exactly if they are of the same tree.
 *
 * @module
 */

import type { NodeSource } from '@waxwing/core'
import { isAtOrBelow, positionsOf, spanBelow, type Position } from './keys.ts'

export interface NaiveNode extends Position {
  readonly tree: number
}

interface Entry extends NaiveNode {
  isProven: boolean
  age: number
  /** By name. */
  readonly sources: Map<string, NodeSource>
}

/** What was said of a node that was added. */
export interface NaiveAddition {
  readonly refused: number[]
  readonly displaced: Set<string>
  readonly isContradiction: boolean
}

/** A node whose leaf may open an epoch's objects. */
export interface NaiveCandidate {
  readonly tree: number
  /** Names of the grants that brought it. */
  readonly sources: ReadonlySet<string>
}

export class NaiveRing {
  readonly #maxCandidates: number
  #entries: Entry[] = []
  #nextAge = 0

  constructor(maxCandidates: number) {
    this.#maxCandidates = maxCandidates
  }

  /** Returns the epochs that were refused, who gave way, and whether it contradicts a proven one. */
  add(node: NaiveNode, source: NodeSource): NaiveAddition {
    const addition = { refused: [], displaced: new Set<string>(), isContradiction: false }
    const proven = this.#entries.filter((entry) => entry.isProven && overlap(entry, node))
    if (proven.some((entry) => entry.tree !== node.tree)) {
      return { ...addition, isContradiction: true }
    }
    const sources = new Map([[source.name, source]])
    const entry = { ...node, isProven: false, age: this.#nextAge++, sources }
    this.#admit(entry, addition)
    addition.displaced.delete(source.name)
    return addition
  }

  /** Returns the sources of what was dropped as wrong. */
  prove(epoch: number, tree: number): string[] {
    const proven = this.#entries.find((entry) => entry.tree === tree && covers(entry, epoch))
    if (proven === undefined || proven.isProven) return []
    proven.isProven = true
    for (const entry of this.#entries) {
      if (entry.tree === tree && isAtOrBelow(entry, proven)) join(proven, entry)
    }
    const overlapping = this.#entries.filter((entry) => entry !== proven && overlap(entry, proven))
    const wrong = new Set(overlapping.filter((entry) => entry.tree !== tree))
    const isSuperfluous = (entry: Entry): boolean =>
      overlapping.includes(entry) && entry.tree === tree && isAtOrBelow(entry, proven)
    this.#entries = this.#entries.filter((entry) => !wrong.has(entry) && !isSuperfluous(entry))
    return [...new Set([...wrong].flatMap((entry) => [...entry.sources.keys()]))]
  }

  forgetBefore(epoch: number): void {
    const rest = this.#entries.flatMap((entry) => {
      const { first, last } = spanBelow(entry)
      if (last < epoch) return []
      const cover = positionsOf({ first: Math.max(first, epoch), last })
      return cover.map((position) => ({ ...copyOf(entry), ...position }))
    })
    const proven = rest.filter(({ isProven }) => isProven)
    this.#entries = rest.filter(
      (entry) => entry.isProven || !proven.some((upper) => isAtOrBelow(entry, upper)),
    )
  }

  /** The trees whose leaves may open an epoch's objects. */
  candidates(epoch: number): { trees: Set<number>; isProven: boolean } {
    const covering = this.#entries.filter((entry) => covers(entry, epoch))
    const proven = covering.filter(({ isProven }) => isProven)
    const isProven = proven.length > 0
    return { trees: new Set((isProven ? proven : covering).map(({ tree }) => tree)), isProven }
  }

  /** The nodes that may open an epoch's objects, the earliest first. */
  candidatesAt(epoch: number): readonly NaiveCandidate[] {
    const covering = this.#entries.filter((entry) => covers(entry, epoch))
    const proven = covering.filter(({ isProven }) => isProven)
    return (proven.length > 0 ? proven : covering)
      .toSorted((a, b) => a.age - b.age)
      .map(({ tree, sources }) => ({ tree, sources: new Set(sources.keys()) }))
  }

  /** Says whether an epoch is proven, or held of one grant. */
  grantable(epoch: number, source: string): boolean {
    return this.#entries.some(
      (entry) => covers(entry, epoch) && (entry.isProven || entry.sources.has(source)),
    )
  }

  #admit(node: Entry, addition: NaiveAddition): void {
    const upper = this.#entries.find(
      (entry) => entry.tree === node.tree && isAtOrBelow(node, entry),
    )
    if (upper !== undefined) {
      join(upper, node)
      return
    }
    const implied = this.#entries.filter(
      (entry) => !entry.isProven && entry.tree === node.tree && isAtOrBelow(entry, node),
    )
    for (const entry of implied) {
      join(node, entry)
      node.age = Math.min(node.age, entry.age)
    }
    if (this.#makePlaces(node, addition)) {
      this.#entries = this.#entries.filter((entry) => !implied.includes(entry))
      this.#entries.push(node)
    } else if (node.depth === 32) {
      addition.refused.push(node.index)
    } else {
      const depth = node.depth + 1
      this.#admit({ ...copyOf(node), depth, index: 2 * node.index }, addition)
      this.#admit({ ...copyOf(node), depth, index: 2 * node.index + 1 }, addition)
    }
  }

  /** Returns whether the node gets a place in each of its epochs. */
  #makePlaces(node: Entry, { displaced }: NaiveAddition): boolean {
    for (const epoch of epochsOf(node)) {
      const others = this.#entries.filter(
        (entry) => !entry.isProven && entry.tree !== node.tree && covers(entry, epoch),
      )
      if (others.length < this.#maxCandidates) continue
      const weakest = weakestOf([...others, node])
      if (weakest === node) return false
      for (const name of weakest.sources.keys()) displaced.add(name)
      this.#displace(weakest, node)
    }
    return true
  }

  #displace(victim: Entry, by: Position): void {
    this.#entries = this.#entries.filter((entry) => entry !== victim)
    const { first, last } = spanBelow(victim)
    const span = spanBelow(by)
    const left = first < span.first ? positionsOf({ first, last: span.first - 1 }) : []
    const right = span.last < last ? positionsOf({ first: span.last + 1, last }) : []
    for (const position of [...left, ...right]) {
      const isProven = this.#entries.some((entry) => entry.isProven && isAtOrBelow(position, entry))
      if (!isProven) this.#entries.push({ ...copyOf(victim), ...position })
    }
  }
}

/** Picks candidates, the best first, as the specification says; the one that is left goes. */
function weakestOf(candidates: readonly Entry[]): Entry {
  const left = candidates.toSorted((a, b) => a.age - b.age)
  const isProducers = (entry: Entry): boolean => distanceOf(entry) === 1
  const roundOf = (entry: Entry): number => {
    const rounds = [...entry.sources.values()].map(
      ({ giver }) =>
        candidates.filter((other) => other.age < entry.age && giversOf(other).has(giver)).length,
    )
    return isProducers(entry) ? -1 : Math.min(...rounds)
  }
  for (let best = left[0]; best !== undefined && left.length > 1; best = left[0]) {
    for (const entry of left) {
      const isSooner = roundOf(entry) < roundOf(best)
      const isNearer = roundOf(entry) === roundOf(best) && distanceOf(entry) < distanceOf(best)
      if (isSooner || isNearer) best = entry
    }
    left.splice(left.indexOf(best), 1)
  }
  return left[0]!
}

function distanceOf({ sources }: Entry): number {
  return Math.min(...[...sources.values()].map(({ distance }) => distance))
}

function giversOf({ sources }: Entry): Set<string> {
  return new Set([...sources.values()].map(({ giver }) => giver))
}

function join(upper: Entry, { sources }: Entry): void {
  for (const [name, source] of sources) upper.sources.set(name, source)
}

function copyOf(entry: Entry): Entry {
  return { ...entry, sources: new Map(entry.sources) }
}

function epochsOf(node: Position): number[] {
  const { first, last } = spanBelow(node)
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}

function covers(node: Position, epoch: number): boolean {
  return epochsOf(node).includes(epoch)
}

function overlap(a: Position, b: Position): boolean {
  return epochsOf(a).some((epoch) => covers(b, epoch))
}
