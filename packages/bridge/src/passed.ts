// SPDX-License-Identifier: Apache-2.0
/**
 * What is known to be where: digests of payload, side and address, of what the bridge took there or sent
 * there. A message is not sent to a place where it is known to be.
 *
 * That ends loops. What the bridge sends comes back over its own subscription, and finds that it is where it
 * came from. A second bridge beside it, or one further round a ring, brings each message back as well,
 * and the first bridge that sees it again stops it. So a message goes round at the most once, as long as
 * a round is shorter than the memory.
 *
 * The memory ends, because producers repeat control messages on purpose, identical in their bytes, until
 * they are answered. A place is known for 30 seconds at first, which is less than they wait, and for twice
 * as long each time that the same message was sent there, up to an hour. So where a round takes longer than
 * the memory, each further round has to take twice as long. Only what comes round slower than once an
 * hour, or after more other messages than are remembered, could go on, and then at that pace.
 *
 * Nothing is lost by it: a place is known after the message was taken from there, so it is there, or
 * after the target took it. Digests are whole SHA-256, so nobody can make two messages with one.
 *
 * @module
 */

import { hash } from 'node:crypto'
import type { Clock } from '@waxwing/core'

const FIRST_SPAN_MS = 30_000
const LAST_SPAN_MS = 3_600_000

/** One of the two sides of a bridge. */
export type Side = 'from' | 'to'

interface Mark {
  readonly spanMs: number
  readonly untilMs: number
  /** Until then it tells messages that come again from new ones. */
  readonly rememberedMs: number
}

/** The name of a payload. */
export function digestOf(payload: Uint8Array): string {
  return hash('sha256', payload, 'base64url')
}

/** The name of a payload in its place. */
export function placeOf(side: Side, address: string, digest: string): string {
  return hash('sha256', `${side} ${digest} ${address}`, 'base64url')
}

export class Passed {
  readonly #clock: Clock
  readonly #limit: number
  /** In the order of their marks, so that the oldest is the first. */
  readonly #marks = new Map<string, Mark>()
  /** How many times each is held. */
  readonly #held = new Map<string, number>()

  /** @param limit - The most places that are remembered; the oldest gives way. */
  constructor(clock: Clock, limit: number) {
    this.#clock = clock
    this.#limit = limit
  }

  get size(): number {
    return this.#marks.size
  }

  /**
   * Whether the message is known to be there.
   *
   * @param isAgain - The source says that it delivered this before, or keeps it: such a message is no
   *   repetition that its producer wants, and is known for the whole hour.
   */
  isThere(place: string, isAgain: boolean): boolean {
    if (this.#held.has(place)) return true
    const mark = this.#marks.get(place)
    if (mark === undefined) return false
    const nowMs = this.#clock.monotonic()
    return nowMs < mark.untilMs || (isAgain && nowMs < mark.rememberedMs)
  }

  /**
   * The message is on its way from there, for however long. It may come back over the other side before
   * it counts as sent.
   */
  hold(place: string): void {
    this.#held.set(place, (this.#held.get(place) ?? 0) + 1)
  }

  /** The message is on its way no more. */
  letGo(place: string): void {
    const count = this.#held.get(place) ?? 0
    if (count > 1) this.#held.set(place, count - 1)
    else this.#held.delete(place)
  }

  /** The message came from there. What is known already is not known for longer by that. */
  taken(place: string): void {
    const mark = this.#marks.get(place)
    if (mark === undefined || this.#clock.monotonic() >= mark.untilMs) this.sent(place)
  }

  /** The message was sent there, or from there to elsewhere. */
  sent(place: string): void {
    const nowMs = this.#clock.monotonic()
    const before = this.#marks.get(place)
    const spanMs = spanAfter(before, nowMs)
    this.#marks.delete(place)
    this.#marks.set(place, { spanMs, untilMs: nowMs + spanMs, rememberedMs: nowMs + LAST_SPAN_MS })
    this.#forget(nowMs)
  }

  #forget(nowMs: number): void {
    for (const [place, { rememberedMs }] of this.#marks) {
      if (this.#marks.size <= this.#limit && nowMs < rememberedMs) return
      this.#marks.delete(place)
    }
  }
}

function spanAfter(before: Mark | undefined, nowMs: number): number {
  if (before === undefined) return FIRST_SPAN_MS
  return nowMs < before.untilMs ? before.spanMs : Math.min(2 * before.spanMs, LAST_SPAN_MS)
}
