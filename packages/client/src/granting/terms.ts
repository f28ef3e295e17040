// SPDX-License-Identifier: Apache-2.0
/**
 * From what a person grants (dates, a lease) to what a link says (epochs, an end).
 *
 * @module
 */

import {
  intersectSpans,
  LAST_EPOCH,
  lastEpochOfLease,
  MapFields,
  MAX_DEPTH,
  MAX_MESSAGE_SECONDS,
  type CborValue,
  type Rights,
  type Span,
} from '@waxwing/core'
import type { GrantTerms } from '../options.js'

/** Terms with fixed times, as they are stored: seconds since 1970. */
export interface FixedTerms {
  readonly from: number
  readonly until: number | null
  readonly leaseSeconds: number | null
  readonly rights: Rights
  readonly depth: number | null
}

/** Fixes terms at the time of the decision. @throws {RangeError} If a date or number makes no sense. */
export function fixTerms(terms: GrantTerms, now: number): FixedTerms {
  const from = terms.from === undefined ? now : secondsOf(terms.from, 'from')
  const until = terms.until === undefined ? null : secondsOf(terms.until, 'until')
  const leaseSeconds = terms.leaseSeconds ?? null
  if (until !== null && until < from) throw new RangeError('until must not lie before from')
  if (leaseSeconds !== null) assertLease(leaseSeconds)
  const { rights = 'read', depth = null } = terms
  if (depth !== null && !(Number.isInteger(depth) && depth >= 1 && depth <= MAX_DEPTH)) {
    throw new RangeError(`depth must be from 1 to ${MAX_DEPTH}, got ${depth}`)
  }
  return { from, until, leaseSeconds, rights, depth }
}

/** @throws {RangeError} Unless a lease lasts from a second to a hundred years, as messages do. */
export function assertLease(leaseSeconds: number): void {
  const isLease = Number.isInteger(leaseSeconds) && leaseSeconds >= 1
  if (isLease && leaseSeconds <= MAX_MESSAGE_SECONDS) return
  throw new RangeError(
    `leaseSeconds must be an integer from 1 to ${MAX_MESSAGE_SECONDS}, got ${leaseSeconds}`,
  )
}

/** When a grant by these terms ends, if it is issued now: seconds since 1970, `null` for never. */
export function endOf({ leaseSeconds }: FixedTerms, now: number): number | null {
  return leaseSeconds === null ? null : now + leaseSeconds
}

/**
 * The epochs that terms allow now, in a generation with epochs of this length. What lies after the
 * last epoch that there is ends with it.
 */
export function spanOf(terms: FixedTerms, epochSeconds: number, now: number): Span | undefined {
  const first = Math.floor(terms.from / epochSeconds)
  const ends = [endOf(terms, now), terms.until].filter((end) => end !== null)
  const last = Math.min(LAST_EPOCH, ...ends.map((end) => lastEpochOfLease(end, epochSeconds)))
  return last < first ? undefined : { first, last }
}

/**
 * The latest piece of `span` of which all keys are held and, where it matters, that meets what is
 * wanted.
 */
export function clipToHeld(
  held: readonly Span[],
  span: Span,
  wanted?: readonly Span[],
): Span | undefined {
  const pieces = held.flatMap((piece) => intersectSpans(piece, span) ?? [])
  const meets = (piece: Span): boolean =>
    wanted === undefined || wanted.some((one) => intersectSpans(one, piece) !== undefined)
  return pieces.findLast(meets)
}

export function termsToCbor(terms: FixedTerms): CborValue {
  return new Map<number, CborValue>([
    [1, terms.from],
    [2, terms.until],
    [3, terms.leaseSeconds],
    [4, terms.rights],
    [5, terms.depth],
  ])
}

export function termsFromCbor(value: CborValue): FixedTerms {
  const map = new MapFields('terms', value)
  return {
    from: map.uint(1, 'from'),
    until: map.uintOrNull(2, 'until'),
    leaseSeconds: map.uintOrNull(3, 'lease'),
    rights: map.text(4, 'rights') === 'share' ? 'share' : 'read',
    depth: map.uintOrNull(5, 'depth'),
  }
}

function secondsOf(date: Date, name: string): number {
  const ms = date.getTime()
  if (Number.isNaN(ms) || ms < 0) throw new RangeError(`${name} must be a date from 1970 on`)
  return Math.floor(ms / 1000)
}
