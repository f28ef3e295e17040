// SPDX-License-Identifier: Apache-2.0
/**
 * How the work for each family grows while its size doubles, up to the largest size: as the time that
 * it takes, and as the number of blocks that run, which is the same each time.
 *
 * @module
 */

import type { Edges } from './edges.ts'
import { FAMILIES, type Family } from './growth-families.ts'

export interface Growth {
  readonly name: string
  readonly sizes: readonly number[]
  /** Milliseconds, or blocks, for each size. */
  readonly costs: readonly number[]
  /** What doubling the size multiplies the cost by, over the last doublings. */
  readonly perDoubling: number
}

/**
 * Twice is linear. Caches that overflow and collections on a busy machine may make it look like more;
 * a square makes it four.
 */
export const MAX_TIME_PER_DOUBLING = 3
/** Sorting and searching add a little; there is nothing else to explain more than twice. */
export const MAX_BLOCKS_PER_DOUBLING = 2.2

const DOUBLINGS = 5
const ROUNDS = 7
const MIN_ROUNDS = 3
const MIN_ROUND_MS = 2
const MAX_MS = 300
/** Doublings that the last, largest sizes are judged by. */
const JUDGED = 4

/** The processor time of all families, one after the other: a minute or less. */
export function measureGrowth(): readonly Growth[] {
  return FAMILIES.map((family) => {
    const sizes = sizesOf(family.max)
    return growthOf(
      family,
      sizes,
      sizes.map((size) => shortestMs(family.make(size))),
    )
  })
}

/** The blocks of all families, at sizes that are a sixteenth of the largest ones. */
export function countGrowth(edges: Edges): readonly Growth[] {
  return FAMILIES.map((family) => {
    const sizes = sizesOf(family.max).slice(0, 3)
    return growthOf(
      family,
      sizes,
      sizes.map((size) => blocksOf(edges, family.make(size))),
    )
  })
}

/** Six sizes, each twice the one before. */
function sizesOf(max: number): readonly number[] {
  const first = Math.max(4, Math.floor(max / 2 ** DOUBLINGS))
  return Array.from({ length: DOUBLINGS + 1 }, (_, i) => first * 2 ** i)
}

function growthOf({ name }: Family, sizes: readonly number[], costs: readonly number[]): Growth {
  const steps = Math.min(JUDGED, costs.length - 1)
  const growth = costs.at(-1)! / costs.at(-1 - steps)!
  return { name, sizes, costs, perDoubling: growth ** (1 / steps) }
}

/** Of several rounds, each repeated until it can be timed: what disturbs only makes them longer. */
function shortestMs(call: () => unknown): number {
  call()
  let shortest = Infinity
  const begun = cpuMs()
  for (let round = 0; round < ROUNDS; round++) {
    const started = cpuMs()
    if (round >= MIN_ROUNDS && started - begun > MAX_MS) break
    let calls = 0
    do {
      call()
      calls++
    } while (cpuMs() - started < MIN_ROUND_MS)
    shortest = Math.min(shortest, (cpuMs() - started) / calls)
  }
  return shortest
}

/** What this thread had of the processor: waiting for it is nobody's fault. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

function blocksOf({ counters, count }: Edges, call: () => unknown): number {
  call() // what is made once is made now
  counters.fill(0)
  call()
  return counters.subarray(0, count).reduce((sum, hits) => sum + hits, 0)
}
