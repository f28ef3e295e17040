// SPDX-License-Identifier: Apache-2.0
/**
 * What this endpoint may grant: its own generations wholly, others as far as it holds grants of
 * `share` (`docs/spec/07-granting.md` Section 7.4.1).
 *
 * @module
 */

import { ALL_EPOCHS, type Span } from '@waxwing/core'
import type { Generation } from '../generation.js'
import type { HeldGrant } from '../held-grant.js'

export interface Authority {
  readonly generation: Generation
  /** What may be granted at the most. */
  readonly limit: Span
  /** When our own right ends, in seconds since 1970; `null` for never. */
  readonly end: number | null
  /** Our own share grant; empty if we are the producer. */
  readonly chain: readonly Uint8Array[]
  /** Who issued it, from the producer down, in base64url; empty if we are the producer. */
  readonly issuers: readonly string[]
  /** Whether we may make others grant in turn. */
  readonly maySubShare: boolean
}

export interface AuthorityInputs {
  /** Seconds since 1970. */
  readonly now: number
  /** Whether a principal, by its id in base64url, was revoked. */
  readonly isRevoked: (principal: string) => boolean
}

/**
 * The authorities that we have over a generation: one of our own, or one for each grant of `share`
 * that still counts, those nearest to the producer first, and of these the widest. However wide a
 * share a delegate gives with wrong nodes, what the producer gave is granted on where it reaches.
 * What a revoked delegate stands behind serves nothing.
 */
export function authoritiesOver(
  generation: Generation,
  { now, isRevoked }: AuthorityInputs,
): readonly Authority[] {
  if (generation.own) {
    return [{ generation, limit: ALL_EPOCHS, end: null, chain: [], issuers: [], maySubShare: true }]
  }
  const shares = [...generation.grants.values()].filter(
    ({ rights, end, issuers }) =>
      rights === 'share' && (end === null || end > now) && !issuers.slice(1).some(isRevoked),
  )
  return shares.toSorted(byReach).map(({ span, end, chain, issuers, depth }) => ({
    generation,
    limit: span,
    end,
    chain,
    issuers,
    maySubShare: depth > 1,
  }))
}

function byReach(a: HeldGrant, b: HeldGrant): number {
  const byDistance = a.issuers.length - b.issuers.length
  return byDistance || width(b.span) - width(a.span) || b.depth - a.depth
}

function width({ first, last }: Span): number {
  return last - first
}
