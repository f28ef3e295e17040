// SPDX-License-Identifier: Apache-2.0
/**
 * What this endpoint may grant: its own generations wholly, others as far as it holds a grant of
 * `share` (`docs/spec/07-granting.md` Section 7.5).
 *
 * @module
 */

import { ALL_EPOCHS, intersectSpans, type Span } from '@waxwing/core'
import type { Generation } from '../generation-book.js'
import { clipToHeld } from './terms.js'

export interface Authority {
  readonly generation: Generation
  /** What may be granted at the most. */
  readonly limit: Span
  /** Our own share grant; empty if we are the producer. */
  readonly chain: readonly Uint8Array[]
  /** Whether we may make others grant in turn. */
  readonly maySubShare: boolean
}

/** The authority that we have over a generation, or `undefined` if we have none. */
export function authorityOver(generation: Generation, now: number): Authority | undefined {
  if (generation.own) {
    return { generation, limit: ALL_EPOCHS, chain: [], maySubShare: true }
  }
  const shares = [...generation.grants.values()].filter(
    ({ rights, end }) => rights === 'share' && (end === null || end > now),
  )
  const widest = shares.toSorted((a, b) => width(b.span) - width(a.span))[0]
  if (widest === undefined) return undefined
  const { span, chain, depth } = widest
  return { generation, limit: span, chain, maySubShare: depth > 1 }
}

/** What of a span can be granted: within the authority, and of which the keys are held. */
export function grantable({ generation, limit }: Authority, span: Span): Span | undefined {
  const allowed = intersectSpans(span, limit)
  return allowed && clipToHeld(generation.ring.spans(), allowed)
}

function width({ first, last }: Span): number {
  return last - first
}
