// SPDX-License-Identifier: Apache-2.0
/**
 * What this endpoint may grant: its own generations wholly, others as far as it holds grants of
 * `share` (`docs/spec/07-granting.md` Section 7.4.1).
 *
 * @module
 */

import { ALL_EPOCHS, type Span } from '@waxwing/core'
import type { Generation } from '../generation.js'

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
 * The authorities that we have over a generation, the widest first: one of our own, or one for each
 * grant of `share` that still counts. What a revoked delegate stands behind serves nothing.
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
  return shares
    .toSorted((a, b) => width(b.span) - width(a.span) || b.depth - a.depth)
    .map(({ span, end, chain, issuers, depth }) => ({
      generation,
      limit: span,
      end,
      chain,
      issuers,
      maySubShare: depth > 1,
    }))
}

function width({ first, last }: Span): number {
  return last - first
}
