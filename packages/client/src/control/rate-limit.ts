// SPDX-License-Identifier: Apache-2.0
/**
 * Token buckets: so many at once, so many a second after that.
 *
 * @module
 */

/** Buckets that are remembered; beyond it the oldest is forgotten, which only refills it. */
const MAX_BUCKETS = 10_000

interface Bucket {
  tokens: number
  atMs: number
}

export class RateLimit {
  readonly #capacity: number
  readonly #perSecond: number
  readonly #buckets = new Map<string, Bucket>()

  constructor(options: { capacity: number; perSecond: number }) {
    this.#capacity = options.capacity
    this.#perSecond = options.perSecond
  }

  /** Takes one token of a name's bucket. @param nowMs - Monotonic milliseconds. */
  take(name: string, nowMs: number): boolean {
    const bucket = this.#bucketOf(name, nowMs)
    const elapsed = Math.max(0, nowMs - bucket.atMs) / 1000
    bucket.tokens = Math.min(this.#capacity, bucket.tokens + elapsed * this.#perSecond)
    bucket.atMs = nowMs
    if (bucket.tokens < 1) return false
    bucket.tokens--
    return true
  }

  #bucketOf(name: string, nowMs: number): Bucket {
    const known = this.#buckets.get(name)
    if (known !== undefined) return known
    if (this.#buckets.size >= MAX_BUCKETS) {
      for (const oldest of this.#buckets.keys()) {
        this.#buckets.delete(oldest)
        break
      }
    }
    const bucket = { tokens: this.#capacity, atMs: nowMs }
    this.#buckets.set(name, bucket)
    return bucket
  }
}
