// SPDX-License-Identifier: Apache-2.0
/**
 * What is being asked for under one kid: which epochs, how often, and when again.
 *
 * @module
 */

import { LAST_EPOCH, mergeSpans, MAX_REQUEST_SPANS, type Span } from '@waxwing/core'
import type { Generation } from '../generation-book.js'

/** Requests for the same are merged for so long before the first is sent. */
export const MERGE_MS = 50
const FIRST_RETRY_MS = 2000
const LAST_RETRY_MS = 3_600_000
/** A request that was sealed to its authorities goes unsealed after so many tries. */
const SEALED_TRIES = 3

export class Asked {
  readonly kid: string
  readonly address: string
  readonly reason: string | undefined
  generation: Generation | undefined
  attempts = 0
  /** Milliseconds since 1970. */
  nextAt: number
  /** Digests, in hex, of the requests that were sent: what an answer may refer to. */
  readonly digests: string[] = []
  #spans: readonly Span[] = []

  constructor(inputs: {
    kid: string
    address: string
    reason: string | undefined
    generation: Generation | undefined
    nextAt: number
  }) {
    this.kid = inputs.kid
    this.address = inputs.address
    this.reason = inputs.reason
    this.generation = inputs.generation
    this.nextAt = inputs.nextAt
  }

  get spans(): readonly Span[] {
    return this.#spans
  }

  /** Whether the next request may go unsealed: the authorities did not answer the sealed ones. */
  get mayGoUnsealed(): boolean {
    return this.attempts >= SEALED_TRIES
  }

  /** Adds an epoch, or everything from it on. Returns whether that is new. */
  add(epoch: number, andLater: boolean): boolean {
    const last = andLater ? LAST_EPOCH : epoch
    if (this.#spans.some((span) => span.first <= epoch && span.last >= last)) return false
    const merged = mergeSpans([...this.#spans, { first: epoch, last }])
    this.#spans = merged.length <= MAX_REQUEST_SPANS ? merged : joinClosest(merged)
    return true
  }

  /** Notes that a request was sent; the next try comes later each time, with jitter. */
  sent(digest: string, nowMs: number, jitter: number): void {
    this.digests.push(digest)
    if (this.digests.length > 8) this.digests.shift()
    const delay = Math.min(FIRST_RETRY_MS * 2 ** this.attempts, LAST_RETRY_MS)
    this.attempts++
    this.nextAt = nowMs + delay * (0.75 + 0.5 * jitter)
  }

  /** Takes a denial: asks again when it says, within an hour. */
  denied(retrySeconds: number, nowMs: number, jitter: number): void {
    const delay = Math.min(Math.max(retrySeconds * 1000, FIRST_RETRY_MS), LAST_RETRY_MS)
    this.nextAt = Math.max(this.nextAt, nowMs + delay * (1 + 0.1 * jitter))
  }
}

/** Joins the two spans with the smallest hole, until there are few enough. */
function joinClosest(spans: readonly Span[]): readonly Span[] {
  const joined = [...spans]
  while (joined.length > MAX_REQUEST_SPANS) {
    let at = 1
    for (let i = 2; i < joined.length; i++) if (hole(joined, i) < hole(joined, at)) at = i
    const [left, right] = [joined[at - 1], joined[at]]
    if (left === undefined || right === undefined) break
    joined.splice(at - 1, 2, { first: left.first, last: right.last })
  }
  return joined
}

function hole(spans: readonly Span[], at: number): number {
  return (spans[at]?.first ?? 0) - (spans[at - 1]?.last ?? 0)
}
