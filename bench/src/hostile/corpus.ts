// SPDX-License-Identifier: Apache-2.0
/**
 * What is worth changing further: what one began with, and whatever made blocks run that did not run
 * before, or run much oftener than before.
 *
 * @module
 */

import type { Edges } from './edges.ts'

const MAX_INPUTS = 4_096

/** How often, in steps: 1, 2, 3, from 4, 8, 16, 32 and 128 on. One bit each. */
const STEP = Uint8Array.from({ length: 256 }, (_, count) => {
  if (count < 4) return count === 0 ? 0 : 1 << (count - 1)
  return count < 8 ? 8 : count < 16 ? 16 : count < 32 ? 32 : count < 128 ? 64 : 128
})

export class Corpus {
  readonly inputs: Uint8Array[]
  readonly #edges: Edges
  readonly #seen: Uint8Array
  /** How many blocks ran at least once. */
  reached = 0
  /** How many blocks each input made run; those that one began with count for nothing. */
  readonly #depths: number[]
  #depth = 0

  constructor(seeds: readonly Uint8Array[], edges: Edges) {
    this.inputs = [...seeds]
    this.#edges = edges
    this.#depths = seeds.map(() => 0)
    this.#seen = new Uint8Array(edges.counters.length)
  }

  /** To be called before each execution. */
  clear(): void {
    this.#edges.counters.fill(0, 0, this.#edges.count)
  }

  /** Looks at what ran. Returns whether anything in it is new. */
  look(): boolean {
    const { counters, count } = this.#edges
    let isNew = false
    this.#depth = 0
    for (let i = 0; i < count; i++) {
      const hits = counters[i]!
      if (hits === 0) continue
      this.#depth++
      const bit = STEP[Math.min(hits, 255)]!
      const seen = this.#seen[i]!
      if ((seen & bit) !== 0) continue
      if (seen === 0) this.reached++
      this.#seen[i] = seen | bit
      isNew = true
    }
    return isNew
  }

  /** Keeps an input, to be changed further. When there is no room any more, it is not kept. */
  keep(input: Uint8Array): void {
    if (this.inputs.length >= MAX_INPUTS) return
    this.inputs.push(input)
    this.#depths.push(this.#depth)
  }

  /** Of two inputs, the one that got further. */
  further(one: number, other: number): Uint8Array {
    const at = this.#depths[other]! > this.#depths[one]! ? other : one
    return this.inputs[at]!
  }
}
