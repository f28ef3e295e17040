// SPDX-License-Identifier: Apache-2.0
/**
 * The slow twin of `SeenRanges` (`docs/spec/08-receiving.md` Section 8.2): a set of all counters and a
 * list of the digests added last.
 *
 * @module
 */

import type { CounterRange, SeenVerdict } from '@waxwing/core'
import { join } from '../../../../tools/vectors/frozen/cbor.ts'
import { fromHex } from '../../../../tools/vectors/frozen/primitives.ts'

interface Digest {
  readonly counter: number
  /** Hex. */
  readonly digest: string
}

export interface NaiveChange {
  readonly verdict: SeenVerdict
  readonly opened?: CounterRange
  readonly filled?: number
}

export class NaiveSeen {
  readonly counters = new Set<number>()
  readonly #maxRanges: number
  readonly #maxDigests: number
  #digests: readonly Digest[] = []

  constructor(maxRanges: number, maxDigests: number) {
    this.#maxRanges = maxRanges
    this.#maxDigests = maxDigests
  }

  get sorted(): readonly number[] {
    return [...this.counters].toSorted((a, b) => a - b)
  }

  /** Every hole between the lowest and the highest counter, in order. */
  get gaps(): readonly CounterRange[] {
    const { sorted } = this
    return sorted.flatMap((counter, i) => {
      const before = sorted[i - 1] ?? counter
      return counter - before > 1 ? [{ first: before + 1, last: counter - 1 }] : []
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

  add(counter: number, digest: string): NaiveChange {
    const verdict = this.check(counter, digest)
    if (verdict !== 'new') return { verdict }
    const before = this.gaps
    this.counters.add(counter)
    this.#digests = [...this.#digests, { counter, digest }]
    this.#digests = this.#digests.slice(Math.max(0, this.#digests.length - this.#maxDigests))
    if (before.some(({ first, last }) => first <= counter && counter <= last)) {
      return { verdict, filled: counter }
    }
    const opened = this.gaps.find(({ first }) => !before.some((gap) => gap.first === first))
    return opened === undefined ? { verdict } : { verdict, opened }
  }

  /** The form in which it is stored (`packages/core/src/receiving/seen-ranges-form.ts`). */
  stored(): Uint8Array {
    const { sorted } = this
    const firsts = sorted.filter((counter) => !this.counters.has(counter - 1))
    const lasts = sorted.filter((counter) => !this.counters.has(counter + 1))
    const ranges = firsts.flatMap((first, i) => {
      const least = i === 0 ? 0 : lasts[i - 1]! + 2
      return [number(first - least), number(lasts[i]! - first)]
    })
    const digests = this.#digests.flatMap(({ counter, digest }, i) => {
      const step = counter - (this.#digests[i - 1]?.counter ?? 0)
      return [number(step < 0 ? -2 * step - 1 : 2 * step), fromHex(digest)]
    })
    const counts = [number(firsts.length), number(this.#digests.length)] as const
    return join(Uint8Array.of(1), counts[0], ...ranges, counts[1], ...digests)
  }
}

function countRanges(counters: ReadonlySet<number>): number {
  return [...counters].filter((counter) => !counters.has(counter - 1)).length
}

/** LEB128. */
function number(value: number): Uint8Array {
  if (value < 128) return Uint8Array.of(value)
  return join(Uint8Array.of(128 + (value % 128)), number(Math.floor(value / 128)))
}
