// SPDX-License-Identifier: Apache-2.0
/**
 * What is being asked for under one kid: which epochs, how often, and when again
 * (`docs/spec/07-granting.md` Section 7.3.2). All times are monotonic milliseconds: a clock that is
 * set must neither silence a request nor repeat it.
 *
 * @module
 */

import { containsEpoch, isOpenEnded, MAX_REQUEST_SPANS, mergeSpans, type Span } from '@waxwing/core'
import { pausesOver, type Medium, type Pauses } from '../control/medium.js'
import type { Generation } from '../generation.js'

/** Requests for the same are merged for so long before the first is sent. */
const MERGE_MS = 50
/** Nothing is asked for any more so long after it was denied for good. */
const FINAL_DENIAL_MS = 86_400_000
const RETRIES: Pauses = { firstMs: 2000, lastMs: 3_600_000 }
/** A request that was sealed to its authorities goes unsealed after so many tries. */
const SEALED_TRIES = 3
/** Answers to older sendings than these are not recognised. */
const REMEMBERED_SENDINGS = 8
/** What is newly wanted under a kid brings its next request forward so often a minute. */
const MAX_HURRIES = 8
const HURRY_WINDOW_MS = 60_000

export interface AskedInputs {
  readonly kid: string
  readonly address: string
  readonly reason: string | undefined
  readonly generation: Generation | undefined
  /** Asked only to keep a lease. */
  readonly renewal: boolean
  readonly medium: Medium
}

export interface Denied {
  readonly retrySeconds: number
  readonly isFinal: boolean
  readonly isLastWord: boolean
}

export class Asked {
  readonly kid: string
  readonly address: string
  readonly reason: string | undefined
  generation: Generation | undefined
  renewal: boolean
  /** When it is sent next. */
  nextAt: number = Infinity
  /** Being handed to the transport, which may take long. */
  isUnderWay = false
  #spans: readonly Span[] = []
  #sendings: (readonly string[])[] = []
  /** Sendings that nobody has answered. */
  #attempts = 0
  #sealedAttempts = 0
  #sentAt = -Infinity
  #isDenied = false
  /** Sendings in a row that were denied. */
  #denials = 0
  #finallyDeniedAt: number | undefined
  readonly #pauses: Pauses
  readonly #isPatient: boolean
  #hurries = 0
  #hurriesSince = -Infinity

  constructor({ kid, address, reason, generation, renewal, medium }: AskedInputs) {
    this.#pauses = pausesOver(medium, RETRIES)
    this.#isPatient = medium.isCostly || medium.answerMs > 0
    this.kid = kid
    this.address = address
    this.reason = reason
    this.generation = generation
    this.renewal = renewal
  }

  get spans(): readonly Span[] {
    return this.#spans
  }

  /** Whether the last sending was not answered, or never came to be. */
  get isRepeated(): boolean {
    return this.#attempts > 0
  }

  /** Whether the next request may go unsealed: the authorities did not answer the sealed ones. */
  get mayGoUnsealed(): boolean {
    return this.#sealedAttempts >= SEALED_TRIES
  }

  /** Whether a digest, in hex, is of a request that was sent lately. */
  hasSent(digest: string): boolean {
    return this.#sendings.some((digests) => digests.includes(digest))
  }

  /** Whether it was denied for good so long ago that nobody waits for it any more. */
  isOver(nowMs: number): boolean {
    return this.#finallyDeniedAt !== undefined && nowMs - this.#finallyDeniedAt >= FINAL_DENIAL_MS
  }

  /** Whether all that is wanted was denied for good. */
  get isDeniedForGood(): boolean {
    return this.#finallyDeniedAt !== undefined
  }

  /** Adds epochs. Returns whether any of them is new. */
  add({ first, last }: Span): boolean {
    if (this.#spans.some((span) => span.first <= first && span.last >= last)) return false
    const merged = mergeSpans([...this.#spans, { first, last }])
    this.#spans = merged.length <= MAX_REQUEST_SPANS ? merged : joinClosest(merged)
    this.#finallyDeniedAt = undefined
    return true
  }

  /**
   * Something new is wanted: neither a denial of what was asked before nor the pause before the next
   * try holds it back, but only so often a minute, because anybody can write an epoch on junk.
   */
  hurry(nowMs: number, jitter: number): void {
    if (nowMs - this.#hurriesSince >= HURRY_WINDOW_MS) {
      this.#hurriesSince = nowMs
      this.#hurries = 0
    }
    if (this.#hurries >= MAX_HURRIES) return
    this.#hurries++
    const soonest = Math.max(nowMs + MERGE_MS * (0.5 + jitter), this.#sentAt + this.#pauses.firstMs)
    this.nextAt = Math.min(this.nextAt, soonest)
  }

  /** Notes that a request goes out; the next try comes later each time, with jitter. */
  sending(digests: readonly string[], isSealed: boolean, nowMs: number, jitter: number): void {
    this.#sendings = [digests, ...this.#sendings].slice(0, REMEMBERED_SENDINGS)
    const delay = this.#delay(this.#attempts++)
    if (isSealed) this.#sealedAttempts++
    this.#sentAt = nowMs
    this.#isDenied = false
    this.nextAt = nowMs + delay * (0.75 + 0.5 * jitter)
  }

  /** The transport has taken it, perhaps only after a long while without a connection. */
  sent(nowMs: number): void {
    this.#sentAt = nowMs
    this.nextAt = Math.max(this.nextAt, nowMs + this.#pauses.firstMs)
  }

  /** The transport did not take it: nobody can have failed to answer. */
  failed(isSealed: boolean): void {
    if (isSealed) this.#sealedAttempts = Math.max(0, this.#sealedAttempts - 1)
  }

  /** There is nobody to send it to: tries again later, without counting it. */
  postpone(nowMs: number, jitter: number): void {
    const delay = this.#delay(this.#attempts++)
    this.nextAt = nowMs + delay * (0.75 + 0.5 * jitter)
  }

  /**
   * Takes a denial: asks again when it says, within an hour; the soonest of several counts. Where answers take
   * long, or bytes cost, denials in a row make for longer pauses: whoever decides later says so unasked.
   *
   * @param isLastWord - Nobody else could say otherwise: it is the producer's. A delegate that has not
   *   what is wanted must not keep the producer, whose card may be unknown, from being asked.
   */
  denied({ retrySeconds, isFinal, isLastWord }: Denied, nowMs: number, jitter: number): void {
    const { firstMs, lastMs } = this.#pauses
    if (!this.#isDenied) this.#denials++
    const times = this.#isPatient ? 2 ** (this.#denials - 1) : 1
    const delay = Math.max(retrySeconds * 1000, firstMs) * times * (1 + 0.1 * jitter)
    const again = nowMs + Math.min(delay, lastMs)
    this.nextAt = this.#isDenied ? Math.min(this.nextAt, again) : again
    this.#isDenied = true
    this.#attempts = 0
    if (!isFinal || isLastWord) this.#sealedAttempts = 0
    if (isFinal) this.#finallyDeniedAt ??= nowMs
    else this.#finallyDeniedAt = undefined
  }

  /**
   * Takes away what a grant covers. What was asked for without an end is content with a grant that
   * reaches the current epoch.
   *
   * @returns Whether nothing is left to be asked for.
   */
  granted(granted: Span, currentEpoch: number, nowMs: number): boolean {
    const before = this.#spans
    this.#spans = before.flatMap((wanted) => {
      const needed = Math.max(wanted.first, currentEpoch)
      const suffices = isOpenEnded(wanted) && containsEpoch(granted, needed)
      const last = suffices ? granted.last : wanted.last
      return without({ first: wanted.first, last: Math.max(last, wanted.first) }, granted)
    })
    this.#attempts = 0
    this.#denials = 0
    this.#finallyDeniedAt = undefined
    this.nextAt = Math.max(nowMs + this.#pauses.firstMs, this.#isDenied ? this.nextAt : 0)
    return this.#spans.length === 0
  }

  #delay(attempts: number): number {
    const { firstMs, lastMs } = this.#pauses
    return Math.min(firstMs * 2 ** attempts, lastMs)
  }
}

function without(span: Span, taken: Span): readonly Span[] {
  if (taken.last < span.first || taken.first > span.last) return [span]
  const rest: Span[] = []
  if (taken.first > span.first) rest.push({ first: span.first, last: taken.first - 1 })
  if (taken.last < span.last) rest.push({ first: taken.last + 1, last: span.last })
  return rest
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
