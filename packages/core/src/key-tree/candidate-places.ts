// SPDX-License-Identifier: Apache-2.0
/**
 * Who gives way where there is room for no more provisional nodes (`docs/spec/07-granting.md`
 * Section 7.5.3). Nobody can tell wrong nodes from right ones, so places are shared among those who
 * gave them: however many one of them gives, each other still finds one, and the producer always.
 *
 * @module
 */

import type { HeldNode } from './held-node.js'

/** The distance of what the producer gave itself. */
const PRODUCER_DISTANCE = 1

/**
 * Finds the candidate that gives way among those of one epoch.
 *
 * Places are given in rounds: to the first candidate of each giver, then to the second of each, and
 * so on; in a round, to those nearest to the producer, and of these to the earliest. What the
 * producer gave itself comes before all.
 *
 * @param candidates - All of one epoch, one too many. Not empty.
 */
export function weakestOf(candidates: readonly HeldNode[]): HeldNode | undefined {
  const standings = standingsOf(candidates)
  return standings.toSorted(compare).at(-1)?.node
}

/**
 * Finds the node that gives way to a newcomer among all of a generation: the latest of those that
 * are farthest, from the giver who has the most, if that is at least two more than the newcomer's
 * giver has, or if the newcomer comes from the producer. What the producer gave never gives way.
 */
export function surplusOf(nodes: readonly HeldNode[], newcomer: HeldNode): HeldNode | undefined {
  const byGiver = new Map<string, HeldNode[]>()
  for (const node of nodes) {
    if (node.nearest.distance <= PRODUCER_DISTANCE) continue
    const others = byGiver.get(node.nearest.giver)
    if (others === undefined) byGiver.set(node.nearest.giver, [node])
    else others.push(node)
  }
  const own = byGiver.get(newcomer.nearest.giver)?.length ?? 0
  let most: readonly HeldNode[] = []
  for (const given of byGiver.values()) if (given.length > most.length) most = given
  const isProducers = newcomer.nearest.distance <= PRODUCER_DISTANCE
  if (!isProducers && most.length < own + 2) return undefined
  return most.toSorted((a, b) => a.nearest.distance - b.nearest.distance || a.age - b.age).at(-1)
}

interface Standing {
  readonly node: HeldNode
  readonly round: number
}

/** A candidate that several gave stands in the earliest of their rounds. */
function standingsOf(candidates: readonly HeldNode[]): readonly Standing[] {
  const countOf = new Map<string, number>()
  return candidates
    .toSorted((a, b) => a.age - b.age)
    .map((node) => {
      const givers = new Set(node.sources.map(({ giver }) => giver))
      const rounds = [...givers].map((giver) => countOf.get(giver) ?? 0)
      for (const giver of givers) countOf.set(giver, (countOf.get(giver) ?? 0) + 1)
      const isProducers = node.nearest.distance <= PRODUCER_DISTANCE
      return { node, round: isProducers ? -1 : Math.min(...rounds) }
    })
}

function compare(a: Standing, b: Standing): number {
  const byDistance = a.node.nearest.distance - b.node.nearest.distance
  return a.round - b.round || byDistance || a.node.age - b.node.age
}
