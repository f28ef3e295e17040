// SPDX-License-Identifier: Apache-2.0
/**
 * What one grant gave us, as it is kept: enough to prove it, and to grant onwards
 * (`docs/spec/07-granting.md` Section 7.5).
 *
 * @module
 */

import { MapFields, type CborValue, type Rights, type Span } from '@waxwing/core'

export interface HeldGrant {
  /** In hex. */
  readonly grantId: string
  readonly chain: readonly Uint8Array[]
  readonly span: Span
  readonly rights: Rights
  /** How many links may still follow ours. */
  readonly depth: number
  /** Seconds since 1970; `null` for never. */
  readonly end: number | null
  /** When it came, in seconds since 1970. */
  readonly received: number
  /** Who issued each link, from the producer down: ids in base64url. */
  readonly issuers: readonly string[]
  readonly kem: 'x25519' | 'x-wing' | undefined
}

/** Grants of one generation that are kept, at the most, before old ones are let go. */
const MAX_GRANTS = 64
/** So many of those that have ended are kept, the latest: they say by whom a message was granted. */
const KEPT_ENDED = 32

/** Lets go of the oldest of those that have ended: a lease that is renewed for years is one of many. */
export function pruneGrants(grants: Map<string, HeldGrant>, now: number): void {
  if (grants.size <= MAX_GRANTS) return
  const ended = [...grants.values()].filter(({ end }) => end !== null && end <= now)
  const byAge = ended.toSorted((a, b) => b.received - a.received)
  for (const { grantId } of byAge.slice(KEPT_ENDED)) grants.delete(grantId)
}

export function grantToCbor(grant: HeldGrant): CborValue {
  return new Map<number, CborValue>([
    [1, grant.grantId],
    [2, grant.chain],
    [3, grant.span.first],
    [4, grant.span.last],
    [5, grant.rights],
    [6, grant.depth],
    [7, grant.end],
    [8, grant.received],
    [9, grant.issuers],
    [10, grant.kem ?? null],
  ])
}

export function grantFromCbor(value: CborValue): HeldGrant {
  const map = new MapFields('grant record', value)
  const kem = map.textOrNull(10, 'kem')
  return {
    grantId: map.text(1, 'grant id'),
    chain: map.array(2, 'chain').filter((link) => link instanceof Uint8Array),
    span: { first: map.uint(3, 'first'), last: map.uint(4, 'last') },
    rights: map.text(5, 'rights') === 'share' ? 'share' : 'read',
    depth: map.uint(6, 'depth'),
    end: map.uintOrNull(7, 'end'),
    received: map.uint(8, 'received'),
    issuers: map.array(9, 'issuers').filter((issuer) => typeof issuer === 'string'),
    kem: kem === 'x-wing' || kem === 'x25519' ? kem : undefined,
  }
}
