// SPDX-License-Identifier: Apache-2.0
/**
 * The digests of the counters that were added last, in a ring: nothing is allocated for a message.
 *
 * @module
 */

/** Length of an object's digest: the beginning of SHA-256 of protected header ‖ ciphertext. */
export const SEEN_DIGEST_BYTES = 8

const FIRST_CAPACITY = 32

export class RecentDigests {
  readonly #limit: number
  /** Where the digest of each counter stands. */
  readonly #slots = new Map<number, number>()
  #counters = new Float64Array(0)
  #digests = new Uint8Array(0)
  /** The slot of the one added first. */
  #oldest = 0

  /** @param limit - The most digests that are kept; 0 keeps none. */
  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#slots.size
  }

  /**
   * Keeps a digest, in place of the one that was added first if there are too many.
   *
   * @param counter - One that has no digest here.
   * @param digest - 8 bytes. Copied.
   */
  add(counter: number, digest: Uint8Array): void {
    if (this.#limit === 0) return
    const slot = this.#freeSlot()
    this.#slots.set(counter, slot)
    this.#counters[slot] = counter
    const start = slot * SEEN_DIGEST_BYTES
    for (let i = 0; i < SEEN_DIGEST_BYTES; i++) this.#digests[start + i] = digest[i]!
  }

  /** Makes room for so many at once. */
  reserve(count: number): void {
    // Below the limit the ring has not come round, so that the slots stay as they are.
    const capacity = Math.min(this.#limit, count)
    if (capacity <= this.#counters.length) return
    const counters = new Float64Array(capacity)
    const digests = new Uint8Array(capacity * SEEN_DIGEST_BYTES)
    counters.set(this.#counters)
    digests.set(this.#digests)
    this.#counters = counters
    this.#digests = digests
  }

  /** Says whether a counter's digest is this one; `undefined` if none is kept. */
  matches(counter: number, digest: Uint8Array): boolean | undefined {
    const slot = this.#slots.get(counter)
    if (slot === undefined) return undefined
    const start = slot * SEEN_DIGEST_BYTES
    for (let i = 0; i < SEEN_DIGEST_BYTES; i++) {
      if (this.#digests[start + i] !== digest[i]) return false
    }
    return true
  }

  /** Each counter with its digest, those added first before the others. The digests are views. */
  *[Symbol.iterator](): Generator<readonly [counter: number, digest: Uint8Array], void> {
    const { size } = this
    for (let i = 0; i < size; i++) {
      const slot = (this.#oldest + i) % size
      const start = slot * SEEN_DIGEST_BYTES
      yield [this.#counters[slot]!, this.#digests.subarray(start, start + SEEN_DIGEST_BYTES)]
    }
  }

  #freeSlot(): number {
    const { size } = this
    if (size < this.#limit) {
      if (size === this.#counters.length) this.reserve(Math.max(FIRST_CAPACITY, 2 * size))
      return size
    }
    const slot = this.#oldest
    this.#slots.delete(this.#counters[slot]!)
    this.#oldest = (slot + 1) % size
    return slot
  }
}
