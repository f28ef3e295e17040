// SPDX-License-Identifier: Apache-2.0
/**
 * Which counters of one session were seen: replay and loss in one structure
 * (`docs/spec/08-receiving.md` Section 8.2).
 *
 * Counters are kept as ranges, with the digest of the recent ones. Nothing is dropped for being
 * below a window: history is welcome. Bounded all the same: past the most ranges, a counter that
 * would make one more cannot be told from a replay any longer, and is `unverifiable`.
 *
 * Updated only with objects that were verified; the caller keeps that invariant, and one of these
 * for each generation and session.
 *
 * @module
 */

import { malformed } from '../errors.js'
import { MAX_COUNTER, RangeList, type CounterRange } from './range-list.js'
import { RecentDigests, SEEN_DIGEST_BYTES } from './recent-digests.js'
import { decodeSeen, encodeSeen } from './seen-ranges-form.js'

export { MAX_COUNTER, SEEN_DIGEST_BYTES, type CounterRange }

/**
 * - `new`: not seen before;
 * - `duplicate`: seen, with the same digest or one that is not kept any more: a replay or a
 *   redelivery, nobody can tell;
 * - `conflict`: seen with another digest: the producer signed two objects at one position;
 * - `unverifiable`: beyond the bounds; it may be new or not.
 */
export type SeenVerdict = 'new' | 'duplicate' | 'conflict' | 'unverifiable'

/** What an added counter changed. */
export interface SeenChange {
  readonly verdict: SeenVerdict
  /** The hole that it left between itself and the nearest counter seen before. */
  readonly opened?: CounterRange
  /** The counter itself, if it lay in a hole that was open before. */
  readonly filled?: number
}

export interface SeenRangesOptions {
  /** The most ranges. Default 1024. */
  readonly maxRanges?: number
  /** How many digests are kept, of the counters added last. Default 1024; 0 keeps none. */
  readonly maxDigests?: number
}

export class SeenRanges {
  readonly #maxRanges: number
  readonly #ranges: RangeList
  readonly #digests: RecentDigests

  /** @throws {RangeError} If a limit is not an integer of 1 (digests: 0) or more. */
  constructor(options: SeenRangesOptions = {}) {
    const { maxRanges = 1024, maxDigests = 1024 } = options
    assertInteger(maxRanges, 1, Number.MAX_SAFE_INTEGER, 'maxRanges')
    assertInteger(maxDigests, 0, Number.MAX_SAFE_INTEGER, 'maxDigests')
    this.#maxRanges = maxRanges
    this.#ranges = new RangeList()
    this.#digests = new RecentDigests(maxDigests)
  }

  /**
   * Restores what {@link serialize} gave. With lower limits than it was made with, the digests
   * added first go and the ranges stay.
   *
   * @throws {WaxwingError} `ERR_MALFORMED` if `bytes` are anything else.
   */
  static restore(bytes: Uint8Array, options: SeenRangesOptions = {}): SeenRanges {
    const seen = new SeenRanges(options)
    const { ranges, digests } = decodeSeen(bytes)
    for (const range of ranges) seen.#ranges.append(range)
    if (new Map(digests).size !== digests.length) throw malformed('seen ranges', 'digest')
    seen.#digests.reserve(digests.length)
    for (const [counter, digest] of digests) {
      if (!seen.#ranges.has(counter)) throw malformed('seen ranges', 'digest')
      seen.#digests.add(counter, digest)
    }
    return seen
  }

  /** How many counters were seen. */
  get count(): number {
    return this.#ranges.counterCount
  }

  /** The lowest counter seen; `undefined` if there is none. */
  get lowest(): number | undefined {
    return this.#ranges.lowest
  }

  /** The highest counter seen; `undefined` if there is none. */
  get highest(): number | undefined {
    return this.#ranges.highest
  }

  /**
   * Says what adding a counter would say, and changes nothing.
   *
   * @param counter - 0 to 2^40 - 1.
   * @param digest - 8 bytes: the beginning of SHA-256 of protected header ‖ ciphertext.
   * @throws {RangeError} If an argument is out of range.
   */
  check(counter: number, digest: Uint8Array): SeenVerdict {
    assertInteger(counter, 0, MAX_COUNTER, 'counter')
    assertDigest(digest)
    if (this.#ranges.has(counter)) {
      return this.#digests.matches(counter, digest) === false ? 'conflict' : 'duplicate'
    }
    if (this.#ranges.count < this.#maxRanges) return 'new'
    const joins = this.#ranges.has(counter - 1) || this.#ranges.has(counter + 1)
    return joins ? 'new' : 'unverifiable'
  }

  /**
   * Adds the counter of a verified object. Checks again, so that two copies that were verified at
   * the same time are not both new. Changes nothing unless the verdict is `new`.
   *
   * @throws {RangeError} As {@link check}.
   */
  add(counter: number, digest: Uint8Array): SeenChange {
    const verdict = this.check(counter, digest)
    if (verdict !== 'new') return { verdict }
    const { lowest, highest } = this.#ranges
    this.#ranges.add(counter)
    this.#digests.add(counter, digest)
    if (lowest === undefined || highest === undefined) return { verdict }
    if (counter > highest + 1) {
      return { verdict, opened: { first: highest + 1, last: counter - 1 } }
    }
    if (counter < lowest - 1) return { verdict, opened: { first: counter + 1, last: lowest - 1 } }
    return lowest < counter && counter < highest ? { verdict, filled: counter } : { verdict }
  }

  /** Finds the holes between the counters seen, in order: 1,023 at most by default. */
  gaps(): readonly CounterRange[] {
    return this.#ranges.holes()
  }

  /**
   * Encodes everything: 2 to 12 bytes for a range, 9 to 14 for a digest.
   *
   * @returns New bytes, in the form of `seen-ranges-form.ts`.
   */
  serialize(): Uint8Array {
    return encodeSeen({ ranges: this.#ranges.toArray(), digests: [...this.#digests] })
  }
}

function assertDigest({ length }: Uint8Array): void {
  if (length === SEEN_DIGEST_BYTES) return
  throw new RangeError(`digest must be ${SEEN_DIGEST_BYTES} bytes, got ${length}`)
}

function assertInteger(value: number, lowest: number, highest: number, name: string): void {
  if (!Number.isInteger(value) || value < lowest || value > highest) {
    throw new RangeError(`${name} must be an integer from ${lowest} to ${highest}, got ${value}`)
  }
}
