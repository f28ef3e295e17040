// SPDX-License-Identifier: Apache-2.0
/**
 * What is missing in one reading of a history (`docs/spec/08-receiving.md` Section 8.6): between the
 * objects that were verified, and by the trail (Section 8.3), so that the lost end of a session shows
 * once a later session tells of it.
 *
 * What is said of a session is said when it gives way to others, or at the end: until then what is
 * missing may still come. Memory: so many sessions, and a few numbers for each generation.
 *
 * @module
 */

import { toHex, type CounterRange, type OpenedObject, type Trail } from '@waxwing/core'
import type { Generation } from '../../generation.js'
import type { Verified } from './kept-objects.js'
import { KeptSessions, type KeptSession } from './kept-sessions.js'

/** Objects of a session that should be there and were not verified in this reading. */
export interface HistoryGap {
  readonly kind: 'gap'
  readonly stream: string
  /** In hex. */
  readonly generationId: string
  /** In hex. */
  readonly session: string
  /** Counters, both included. */
  readonly first: number
  readonly last: number
}

/**
 * - `complete`: nothing is missing, as far as producers told, from the beginning or the wanted instant;
 * - `incomplete`: something is known to be missing;
 * - `unknown`: nobody can tell.
 */
export type Completeness = 'complete' | 'incomplete' | 'unknown'

/** What is known of one generation. Numbers are places of sessions among the others. */
interface Cover {
  /** The lowest and highest number of a session that was seen. */
  lowest: number | undefined
  highest: number | undefined
  /** Whether what was read reaches back to the beginning of all that is wanted. */
  isAnchored: boolean
  /** Sessions that are done with and have a number from `lowest` on. */
  numbered: number
  /** Those that were seen and never got a number. */
  unnumbered: number
  /** Whether a session came again after it gave way: what is missing of it shows no more. */
  isBlurred: boolean
}

/** Objects at the start of a session, which have a trail. */
const TRAIL_OBJECTS = 16

export class Coverage {
  readonly sessions: KeptSessions = new KeptSessions((session) => this.#finish(session))
  readonly #isFromStart: boolean
  readonly #covers = new Map<string, Cover>()
  #gaps: HistoryGap[] = []
  #gapCount = 0
  #isFinished = false

  /** @param isFromStart - Whether everything is wanted, and not only what comes after some instant. */
  constructor(isFromStart: boolean) {
    this.#isFromStart = isFromStart
  }

  /** How many gaps were found so far. */
  get gapCount(): number {
    return this.#gapCount
  }

  /** Sessions of which nothing is known but that there were so many. Final after `finish`. */
  get missingSessionCount(): number {
    let count = 0
    for (const cover of this.#covers.values()) count += missingIn(cover)
    return count
  }

  /** Notes an object that was verified in this reading. */
  note({ reading: { generation }, opened, session: id, when }: Verified): void {
    const cover = this.#coverOf(generation)
    const { trail } = opened.metadata
    if (trail !== undefined) this.#noteListed(generation, cover, opened, trail)
    const session = this.sessions.of(generation, id)
    if (trail !== undefined) session.number = trail.sessionCount
    noteNumber(cover, session)
    const isBeginning = session.number === 0 && opened.counter === 0
    if (isBeginning || when === 'before') cover.isAnchored = true
  }

  /** Takes the gaps that are certain by now. */
  takeGaps(): readonly HistoryGap[] {
    const gaps = this.#gaps
    if (gaps.length > 0) this.#gaps = []
    return gaps
  }

  /** Nothing more comes: says what is missing of every session. */
  finish(): void {
    if (this.#isFinished) return
    this.#isFinished = true
    for (const session of this.sessions.all()) this.#finish(session)
  }

  /** After `finish`: what can be said of the whole. */
  get completeness(): Completeness {
    const covers = [...this.#covers.values()]
    if (this.#gapCount > 0 || covers.some((cover) => this.#isKnownToLack(cover)))
      return 'incomplete'
    const isTold = (cover: Cover): boolean =>
      cover.isAnchored && cover.highest !== undefined && cover.unnumbered === 0 && !cover.isBlurred
    return covers.length > 0 && covers.every(isTold) ? 'complete' : 'unknown'
  }

  /** The producer told of sessions that are not there: between others, or before them all. */
  #isKnownToLack(cover: Cover): boolean {
    const lacksBeginning = this.#isFromStart && !cover.isAnchored && cover.lowest !== undefined
    return lacksBeginning || missingIn(cover) > 0
  }

  #coverOf({ id }: Generation): Cover {
    let cover = this.#covers.get(id)
    if (cover === undefined) {
      cover = {
        lowest: undefined,
        highest: undefined,
        isAnchored: false,
        numbered: 0,
        unnumbered: 0,
        isBlurred: false,
      }
      this.#covers.set(id, cover)
    }
    return cover
  }

  /** Notes where the sessions before ended, seen or not. */
  #noteListed(
    generation: Generation,
    cover: Cover,
    { session: own }: OpenedObject,
    { latest, sessionCount }: Trail,
  ): void {
    const ownId = toHex(own)
    for (const [i, { session: bytes, lastCounter }] of latest.entries()) {
      const id = toHex(bytes)
      const number = sessionCount - 1 - i
      if (id === ownId || number < 0) continue
      const session = this.sessions.of(generation, id)
      session.number = number
      session.toldLast = Math.max(session.toldLast ?? 0, lastCounter)
      noteNumber(cover, session)
    }
  }

  #finish(session: KeptSession): void {
    const { generation, id, number } = session
    const cover = this.#coverOf(generation)
    if (session.isPart) {
      cover.isBlurred = true
      return
    }
    const isAfterOthers = number !== undefined && number > (cover.lowest ?? Infinity)
    if (session.isSeen || isAfterOthers) {
      if (number !== undefined) cover.numbered++
      else if (!mayBeWill(session)) cover.unnumbered++
    }
    for (const { first, last } of this.#missingIn(session, isAfterOthers)) {
      this.#gapCount++
      const { stream, id: generationId } = generation
      this.#gaps.push({ kind: 'gap', stream, generationId, session: id, first, last })
    }
  }

  #missingIn(
    { ranges, toldLast = -1 }: KeptSession,
    isAfterOthers: boolean,
  ): readonly CounterRange[] {
    const { lowest, highest } = ranges
    if (lowest === undefined || highest === undefined) {
      return isAfterOthers ? [{ first: 0, last: toldLast }] : []
    }
    // With a wanted instant, what is before it is not there on purpose.
    const hasHead = isAfterOthers && this.#isFromStart && lowest > 0
    return [
      ...(hasHead ? [{ first: 0, last: lowest - 1 }] : []),
      ...ranges.gaps(),
      ...(toldLast > highest ? [{ first: highest + 1, last: toldLast }] : []),
    ]
  }
}

function noteNumber(cover: Cover, { number, isSeen }: KeptSession): void {
  if (number === undefined || !isSeen) return
  cover.lowest = Math.min(cover.lowest ?? number, number)
  cover.highest = Math.max(cover.highest ?? number, number)
}

/** Sessions between others of which nobody told more than that they were. */
function missingIn({ lowest, highest, numbered, unnumbered }: Cover): number {
  if (lowest === undefined || highest === undefined) return 0
  return Math.max(0, highest - lowest + 1 - numbered - unnumbered)
}

/** A will is the only object of its session, and no trail counts that (Section 9.3.1). */
function mayBeWill({ ranges }: KeptSession): boolean {
  return ranges.count === 1 && (ranges.highest ?? 0) < TRAIL_OBJECTS
}
