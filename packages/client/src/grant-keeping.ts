// SPDX-License-Identifier: Apache-2.0
/**
 * How many grants of a generation are kept (`docs/spec/10-limits.md` Section 10.5): whoever may grant
 * may do so as often as it likes, and the record that holds them is written with each.
 *
 * Nodes stay when the grant goes that brought them. What is lost of it is the right to grant onwards,
 * and who is told to have granted a message.
 *
 * @module
 */

import type { HeldGrant } from './held-grant.js'

/** Grants of one generation. */
const MAX_GRANTS = 64
/** Of these, from one issuer that is not the producer. */
const MAX_GRANTS_OF_ISSUER = 16
/** So many of those that have ended are kept where there are too many: they say who granted. */
const KEPT_ENDED = 32

/**
 * Lets go of the least useful grants where there are too many: of what has ended all but the latest;
 * then of an issuer that gave too many, or of the one that gave most. The one that came last stays.
 *
 * @param now - Seconds since 1970.
 * @returns Whether any went.
 */
export function pruneGrants(grants: Map<string, HeldGrant>, now: number): boolean {
  const before = grants.size
  if (before > MAX_GRANTS) dropEnded(grants, now)
  for (;;) {
    const crowd = crowdOf(grants)
    if (crowd === undefined) return grants.size < before
    const last = [...grants.keys()].at(-1)
    const [least] = crowd.filter(({ grantId }) => grantId !== last).toSorted(byUse(now))
    if (least === undefined) return grants.size < before
    grants.delete(least.grantId)
  }
}

function dropEnded(grants: Map<string, HeldGrant>, now: number): void {
  const ended = [...grants.values()].filter((grant) => hasEnded(grant, now))
  const byAge = ended.toSorted((a, b) => b.received - a.received)
  for (const { grantId } of byAge.slice(KEPT_ENDED)) grants.delete(grantId)
}

/** The grants of which one has to go; `undefined` if none has to. */
function crowdOf(grants: ReadonlyMap<string, HeldGrant>): readonly HeldGrant[] | undefined {
  const byIssuer = new Map<string, HeldGrant[]>()
  for (const grant of grants.values()) {
    const issuer = grant.issuers.at(-1) ?? ''
    const others = byIssuer.get(issuer)
    if (others === undefined) byIssuer.set(issuer, [grant])
    else others.push(grant)
  }
  const crowds = [...byIssuer.values()].toSorted((a, b) => b.length - a.length)
  if (grants.size > MAX_GRANTS) return crowds[0]
  return crowds.find((crowd) => crowd.length > MAX_GRANTS_OF_ISSUER && !isProducers(crowd))
}

function isProducers([first]: readonly HeldGrant[]): boolean {
  return first !== undefined && first.issuers.length <= 1
}

/** The least useful first: the widest and the longest count most, and sharing before reading. */
function byUse(now: number): (a: HeldGrant, b: HeldGrant) => number {
  const standing = (grant: HeldGrant): number => (hasEnded(grant, now) ? 0 : 1)
  const rights = (grant: HeldGrant): number => (grant.rights === 'share' ? 1 : 0)
  const width = ({ span }: HeldGrant): number => span.last - span.first
  const end = (grant: HeldGrant): number => grant.end ?? Number.MAX_SAFE_INTEGER
  return (a, b) =>
    standing(a) - standing(b) ||
    rights(a) - rights(b) ||
    width(a) - width(b) ||
    end(a) - end(b) ||
    a.received - b.received
}

function hasEnded({ end }: HeldGrant, now: number): boolean {
  return end !== null && end <= now
}
