// SPDX-License-Identifier: Apache-2.0
/**
 * The slow twin of `SeenRanges`: a set of all counters and a list of the digests added last.
 *
 * @module
 */

import type { SeenVerdict } from '../../src/receiving/seen-ranges.js'

export class NaiveSeen {
  readonly counters = new Set<number>()
  readonly #maxRanges: number
  readonly #maxDigests: number
  #digests: { counter: number; digest: string }[] = []

  constructor(maxRanges: number, maxDigests: number) {
    this.#maxRanges = maxRanges
    this.#maxDigests = maxDigests
  }

  get sorted(): number[] {
    return [...this.counters].toSorted((a, b) => a - b)
  }

  /** Every counter between the lowest and the highest that was not seen. */
  get missing(): number[] {
    const { sorted } = this
    return sorted.flatMap((counter, i) => {
      const before = sorted[i - 1] ?? counter
      return Array.from({ length: Math.max(0, counter - before - 1) }, (_, j) => before + 1 + j)
    })
  }

  check(counter: number, digest: string): SeenVerdict {
    if (this.counters.has(counter)) {
      const kept = this.#digests.find((entry) => entry.counter === counter)
      return kept === undefined || kept.digest === digest ? 'duplicate' : 'conflict'
    }
    const rangesWith = countRanges(new Set([...this.counters, counter]))
    const makesOneMore = rangesWith > countRanges(this.counters)
    return makesOneMore && rangesWith > this.#maxRanges ? 'unverifiable' : 'new'
  }

  add(counter: number, digest: string): SeenVerdict {
    const verdict = this.check(counter, digest)
    if (verdict !== 'new') return verdict
    this.counters.add(counter)
    this.#digests = [...this.#digests, { counter, digest }]
    this.#digests = this.#digests.slice(Math.max(0, this.#digests.length - this.#maxDigests))
    return verdict
  }
}

function countRanges(counters: ReadonlySet<number>): number {
  return [...counters].filter((counter) => !counters.has(counter - 1)).length
}
