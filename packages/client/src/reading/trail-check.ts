// SPDX-License-Identifier: Apache-2.0
/**
 * What the first objects of a session tell of the sessions before it (`docs/spec/08-receiving.md`
 * Section 8.3): the missing end of one that was seen, whole sessions that were not, and how many there
 * were that the trail no longer lists.
 *
 * A session is missing only to whom saw an earlier one of the generation. Who saw none came late, and
 * is told nothing. What was told is recorded, so that neither a restart nor a trail that comes again
 * tells it twice.
 *
 * @module
 */

import {
  fromHex,
  toHex,
  type Change,
  type OpenedObject,
  type Store,
  type Trail,
} from '@waxwing/core'
import type { Table } from '../table.js'
import type { Arrival } from './arrival.js'
import type { ReaderEvents } from './reader-events.js'
import type { RetainedAlone } from './retained-alone.js'
import type { SeenBook } from './seen-book.js'
import type { SeenSession } from './seen-session.js'
import { advance, isAfter, placeOf, trailMarks, type Place, type TrailMark } from './trail-mark.js'

export interface TrailCheckInputs {
  readonly store: Store
  /** Of the reader. */
  readonly readerKey: string
  readonly seen: SeenBook
  readonly events: ReaderEvents
  readonly retainedAlone: RetainedAlone
}

/** The first object of a session that was seen, or the first that has a trail. */
export interface SessionStart {
  readonly arrival: Arrival
  readonly opened: OpenedObject
  /** In hex. */
  readonly generationId: string
  readonly stream: string
}

/** A session of the trail, and what is known of it. */
interface Listed {
  readonly session: SeenSession
  /** How many sessions were before it. */
  readonly number: number
  readonly lastCounter: number
  readonly isSeen: boolean
}

/** Sessions that the trail no longer lists. */
interface Unlisted {
  readonly sessionCount: number
  readonly objectCount: number | undefined
}

export class TrailCheck {
  readonly #inputs: TrailCheckInputs
  readonly #marks: Table<TrailMark>
  #latest: Promise<unknown> = Promise.resolve()

  constructor(inputs: TrailCheckInputs) {
    this.#inputs = inputs
    this.#marks = trailMarks(inputs.store)
  }

  /**
   * Reports what is missing of earlier sessions, one check after the other. Resolves when it is
   * recorded what was told; whoever waits for that bounds what is on its way here.
   *
   * @throws {WaxwingError} What the store refuses. What could not be told is told by the next object
   *   that has a trail; what could not be recorded may be told again.
   */
  check(start: SessionStart): Promise<void> {
    const checked = this.#latest.then(() => this.#check(start))
    this.#latest = checked.catch(() => undefined)
    return checked
  }

  async #check(start: SessionStart): Promise<void> {
    const { trail } = start.opened.metadata
    const key = `${this.#inputs.readerKey}/${start.generationId}`
    const mark = await this.#marks.get(key)
    const isFirst = mark === undefined && start.arrival.retained
    if (isFirst) this.#inputs.retainedAlone.began(start.generationId)
    const place = placeOf(start.opened)
    const changes: Change[] = []
    if (trail !== undefined) {
      const listed = await this.#listed(start, trail)
      const unlisted = await this.#unlisted(start, trail, listed, mark)
      const since = oldestKnown(listed, place, mark)
      const told = listed.filter(({ isSeen, number }) => isSeen || number > since)
      for (const one of told) changes.push(...this.#tell(start, one))
      if (unlisted !== undefined) this.#tellUnlisted(start, unlisted)
    }
    const next = advance(mark, place)
    if (next !== mark) changes.push(this.#marks.put(key, next))
    if (changes.length > 0) await this.#inputs.store.write(changes)
  }

  /** The sessions of the trail, newest first; one that lists itself is not before itself. */
  async #listed({ generationId, opened }: SessionStart, trail: Trail): Promise<Listed[]> {
    const listed: Listed[] = []
    for (const [i, { session: id, lastCounter }] of trail.latest.entries()) {
      if (toHex(id) === toHex(opened.session)) continue
      const number = trail.sessionCount - 1 - i
      const known = await this.#inputs.seen.load(generationId, id, (session) => {
        return { session, number, lastCounter, isSeen: session.ranges.highest !== undefined }
      })
      listed.push(known)
    }
    return listed
  }

  /** What lies between the mark and the sessions that are listed, where the mark has a number. */
  async #unlisted(
    { generationId, opened }: SessionStart,
    trail: Trail,
    listed: readonly Listed[],
    mark: TrailMark | undefined,
  ): Promise<Unlisted | undefined> {
    if (mark === undefined || mark.sessionCount === null || mark.objectCount === null) return
    if (!isAfter(placeOf(opened), mark)) return
    const markNumber = mark.sessionCount
    const listedUnplaced = listed.filter(({ number, isSeen }) => isSeen && number > markNumber)
    const seenCount = Math.max(0, mark.unplacedCount - listedUnplaced.length)
    const between = trail.sessionCount - trail.latest.length - (markNumber + 1)
    const sessionCount = between - seenCount
    if (sessionCount <= 0) return
    if (seenCount > 0) return { sessionCount, objectCount: undefined }
    const id = fromHex(mark.session)
    const inMarked = await this.#inputs.seen.load(generationId, id, sizeOf)
    const inListed = listed.reduce((sum, { lastCounter }) => sum + lastCounter + 1, 0)
    const missing = trail.objectCount - inListed - mark.objectCount - inMarked
    return { sessionCount, objectCount: Math.max(0, missing) }
  }

  /** Says what is missing of one session, unless it was said. Returns the change that records it. */
  #tell(
    { arrival, stream, generationId }: SessionStart,
    { session, lastCounter }: Listed,
  ): readonly Change[] {
    const missing = session.missingUpTo(lastCounter)
    if (missing === undefined) return []
    const { kid, address = '' } = arrival
    const { events, retainedAlone } = this.#inputs
    const mark = retainedAlone.markOf(generationId)
    events.emit({ type: 'gap', missing, ...mark, stream, address, kid, session: session.id })
    return [session.noteMissing(missing)]
  }

  #tellUnlisted({ arrival, stream, generationId }: SessionStart, unlisted: Unlisted): void {
    const { kid, address = '' } = arrival
    const { events, retainedAlone } = this.#inputs
    const mark = retainedAlone.markOf(generationId)
    events.emit({ type: 'sessions-missing', ...unlisted, ...mark, stream, address, kid })
  }
}

/** The number of the first session that the reader saw, as far as it matters for those listed. */
function oldestKnown(listed: readonly Listed[], place: Place, mark: TrailMark | undefined): number {
  const seen = listed.filter(({ isSeen }) => isSeen).map(({ number }) => number)
  const oldest = Math.min(...seen) // Infinity, if there is none
  if (mark === undefined || !isAfter(place, mark)) return oldest
  if (mark.sessionCount !== null) return Math.min(oldest, mark.sessionCount)
  const marked = listed.find(({ session }) => session.id === mark.session)
  // One that is listed no more was before all that are.
  return marked === undefined ? -Infinity : Math.min(oldest, marked.number)
}

/** How many objects a session has at least. */
function sizeOf({ ranges }: SeenSession): number {
  return ranges.highest === undefined ? 0 : ranges.highest + 1
}
