// SPDX-License-Identifier: Apache-2.0
/**
 * A set of counters, as ranges in order. No two ranges touch, so there is a hole between each and
 * the next.
 *
 * @module
 */

/** The highest counter, 2^40 - 1: five bytes, in durable-counter mode. */
export const MAX_COUNTER: number = 2 ** 40 - 1

/** Consecutive counters, both ends included. */
export interface CounterRange {
  readonly first: number
  readonly last: number
}

export class RangeList {
  readonly #ranges: { first: number; last: number }[] = []
  #counterCount = 0

  /** How many ranges there are. */
  get count(): number {
    return this.#ranges.length
  }

  /** How many counters there are. */
  get counterCount(): number {
    return this.#counterCount
  }

  get lowest(): number | undefined {
    return this.#ranges[0]?.first
  }

  get highest(): number | undefined {
    return this.#ranges.at(-1)?.last
  }

  /** Copies of the ranges, in order. */
  toArray(): CounterRange[] {
    return this.#ranges.map(({ first, last }) => ({ first, last }))
  }

  /** The holes between the ranges, in order. */
  holes(): CounterRange[] {
    const holes: CounterRange[] = []
    let after: number | undefined
    for (const { first, last } of this.#ranges) {
      if (after !== undefined) holes.push({ first: after, last: first - 1 })
      after = last + 1
    }
    return holes
  }

  has(counter: number): boolean {
    const range = this.#ranges[this.#firstEndingAtOrAfter(counter)]
    return range !== undefined && range.first <= counter
  }

  /** Adds a counter that is not here. */
  add(counter: number): void {
    const i = this.#firstEndingAtOrAfter(counter)
    const before = this.#ranges[i - 1]
    const after = this.#ranges[i]
    const extendsBefore = before?.last === counter - 1
    const extendsAfter = after?.first === counter + 1
    if (extendsBefore && extendsAfter) {
      before.last = after.last
      this.#ranges.splice(i, 1)
    } else if (extendsBefore) before.last = counter
    else if (extendsAfter) after.first = counter
    else this.#ranges.splice(i, 0, { first: counter, last: counter })
    this.#counterCount++
  }

  /** Adds a range that begins at least two after the highest counter. */
  append({ first, last }: CounterRange): void {
    this.#ranges.push({ first, last })
    this.#counterCount += last - first + 1
  }

  #firstEndingAtOrAfter(counter: number): number {
    let low = 0
    let high = this.#ranges.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const range = this.#ranges[middle]
      if (range !== undefined && range.last < counter) low = middle + 1
      else high = middle
    }
    return low
  }
}
