// SPDX-License-Identifier: Apache-2.0
/**
 * What one grant gave us, as it is kept: enough to prove it, and to grant onwards
 * (`docs/spec/07-granting.md` Section 7.5).
 *
 * @module
 */

import { MapFields, type CborValue, type NodeSource, type Rights, type Span } from '@waxwing/core'

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

/** As what the grant's nodes stand in the ring. */
export function sourceOf({ grantId, issuers }: HeldGrant): NodeSource {
  return { name: grantId, giver: issuers.at(-1) ?? '', distance: Math.max(1, issuers.length) }
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
