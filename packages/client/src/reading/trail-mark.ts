// SPDX-License-Identifier: Apache-2.0
/**
 * How far a reader has followed the sessions of a generation (`docs/spec/08-receiving.md`
 * Section 8.3): one small record for each, whatever number of sessions there are.
 *
 * Sessions have no order but the one that the producer tells: the trail counts those before it. Where
 * a session was joined after its first objects, its number is not known. Then epoch and time tell
 * which of two is earlier, so that a replayed trail is not taken for a new one.
 *
 * @module
 */

import { ArrayFields, toHex, type CborValue, type OpenedObject, type Store } from '@waxwing/core'
import { Table } from '../table.js'

/** What an object says of the place of its session among the others. */
export interface Place {
  /** In hex. */
  readonly session: string
  readonly epoch: number
  /** From the start of the epoch; `null` if it does not say its time. */
  readonly offsetMs: number | null
  /** Sessions before this one; `null` where there was no trail. */
  readonly sessionCount: number | null
  /** Objects in these sessions. */
  readonly objectCount: number | null
}

/** The latest session whose trail was read, or else the first that was seen. */
export interface TrailMark extends Place {
  /** Sessions that were seen since, and had no trail to tell their number. */
  readonly unplacedCount: number
}

export function placeOf({ session, epoch, metadata }: OpenedObject): Place {
  const { trail, offsetMs } = metadata
  return {
    session: toHex(session),
    epoch,
    offsetMs: offsetMs ?? null,
    sessionCount: trail?.sessionCount ?? null,
    objectCount: trail?.objectCount ?? null,
  }
}

/** Whether a session comes after the marked one, as far as anybody can tell. */
export function isAfter(place: Place, mark: TrailMark): boolean {
  if (place.session === mark.session) return false
  if (place.sessionCount !== null && mark.sessionCount !== null) {
    return place.sessionCount > mark.sessionCount
  }
  if (place.epoch !== mark.epoch) return place.epoch > mark.epoch
  return place.offsetMs === null || mark.offsetMs === null || place.offsetMs >= mark.offsetMs
}

/** The mark after a session was begun to be seen; the same object if nothing changed. */
export function advance(mark: TrailMark | undefined, place: Place): TrailMark {
  if (mark === undefined) return { ...place, unplacedCount: 0 }
  if (place.session === mark.session) {
    // Its trail came after others of its objects.
    const isNumbered = place.sessionCount === null || mark.sessionCount !== null
    const { sessionCount, objectCount } = place
    return isNumbered ? mark : { ...mark, sessionCount, objectCount }
  }
  if (!isAfter(place, mark)) return mark
  if (place.sessionCount !== null) return { ...place, unplacedCount: 0 }
  // Without a number of its own, the mark has nothing that the further one could be counted from.
  return mark.sessionCount === null ? mark : { ...mark, unplacedCount: mark.unplacedCount + 1 }
}

/** The marks of one reader in the store. */
export function trailMarks(store: Store): Table<TrailMark> {
  return new Table(store, 'trail', { toCbor, fromCbor })
}

function toCbor(mark: TrailMark): CborValue {
  const { session, epoch, offsetMs, sessionCount, objectCount, unplacedCount } = mark
  return [session, epoch, offsetMs, sessionCount, objectCount, unplacedCount]
}

function fromCbor(value: CborValue): TrailMark {
  const list = new ArrayFields('trail mark', value)
  const mark = {
    session: list.text(0, 'session'),
    epoch: list.uint(1, 'epoch'),
    offsetMs: list.uintOrNull(2, 'time offset'),
    sessionCount: list.uintOrNull(3, 'session count'),
    objectCount: list.uintOrNull(4, 'object count'),
    unplacedCount: list.uint(5, 'unplaced count'),
  }
  list.end()
  return mark
}
