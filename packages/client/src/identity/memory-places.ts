// SPDX-License-Identifier: Apache-2.0
/**
 * The places for principals that are remembered (`docs/spec/06-identity.md` Section 6.4.2). Half of
 * them are kept for our own domain: a partner can certify as many principals as it likes, and takes
 * places from its own, or from the partner that has the most, and from nobody else.
 *
 * @module
 */

import { WaxwingError } from '@waxwing/core'

/** Most principals that are remembered. */
export const MAX_KNOWN_PRINCIPALS = 10_000
/** Of these, of all partners together, and of one. */
export const MAX_PARTNER_PRINCIPALS = 5000
export const MAX_OF_ONE_PARTNER = 2500

export interface Place {
  readonly id: Uint8Array
  /** In hex; `null` for our own domain, and for those that are only pinned. */
  readonly partner: string | null
}

export interface Newcomer {
  readonly partner: string | null
  /** Whether the card of one that is remembered has expired, or there is none. */
  isExpired(id: Uint8Array): boolean
  /** A random integer from 0 to `below - 1`. */
  random(below: number): number
}

/**
 * Whom to forget so that one more can be remembered.
 *
 * @throws {WaxwingError} `ERR_LIMIT` if all places are taken by principals of our own domain.
 */
export function placesToFree(taken: readonly Place[], newcomer: Newcomer): readonly Uint8Array[] {
  const crowd = crowdAround(taken, newcomer.partner)
  if (crowd === undefined) return []
  const expired = crowd.filter(({ id }) => newcomer.isExpired(id))
  if (expired.length > 0) return expired.map(({ id }) => id)
  const givingWay = ofLargestPartner(crowd)
  const victim = givingWay[newcomer.random(givingWay.length)]
  if (victim !== undefined) return [victim.id]
  const rule = 'MAX_KNOWN_PRINCIPALS'
  throw new WaxwingError('ERR_LIMIT', 'too many principals are known already', { rule })
}

/** Those of whom there are as many as there may be; `undefined` if there is room. */
function crowdAround(
  taken: readonly Place[],
  partner: string | null,
): readonly Place[] | undefined {
  if (partner !== null) {
    const ofOne = taken.filter((place) => place.partner === partner)
    if (ofOne.length >= MAX_OF_ONE_PARTNER) return ofOne
    const ofAll = taken.filter((place) => place.partner !== null)
    if (ofAll.length >= MAX_PARTNER_PRINCIPALS) return ofAll
  }
  return taken.length >= MAX_KNOWN_PRINCIPALS ? taken : undefined
}

function ofLargestPartner(places: readonly Place[]): readonly Place[] {
  const byPartner = new Map<string, Place[]>()
  for (const place of places) {
    if (place.partner === null) continue
    const others = byPartner.get(place.partner)
    if (others === undefined) byPartner.set(place.partner, [place])
    else others.push(place)
  }
  const crowds = [...byPartner.values()]
  return crowds.reduce<readonly Place[]>((most, one) => (one.length > most.length ? one : most), [])
}
