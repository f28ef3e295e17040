// SPDX-License-Identifier: Apache-2.0
/**
 * Renewing leases in time (`docs/spec/07-granting.md` Section 7.4.1), so that nothing has to be
 * parked: what is asked for, and when.
 *
 * @module
 */

import { containsEpoch, epochStartMs, LAST_EPOCH } from '@waxwing/core'
import type { Generation } from '../generation.js'

/** A lease is renewed when this share of its time is left. */
const RENEW_SHARE = 0.25

export interface Renewal {
  /** The first epoch that is missing. */
  readonly epoch: number
  /** From when on it is asked for, and when it is given up: seconds since 1970. */
  readonly from: number
  readonly until: number
}

/**
 * When the lease of a generation is to be renewed: when a quarter of it is left, but not before a
 * renewal would reach the epoch that is missing. It is given up when that epoch is long over.
 *
 * @returns `undefined` where there is no lease, where other grants reach further, and where the
 *   generation is closed.
 */
export function renewalOf(generation: Generation): Renewal | undefined {
  if (generation.own) return undefined
  const { closingEpoch, manifest, grants, ring } = generation
  const leases = [...grants.values()].filter((g) => g.end !== null && g.rights === 'read')
  const latest = leases.toSorted((a, b) => b.span.last - a.span.last || b.received - a.received)[0]
  if (latest === undefined || latest.end === null) return undefined
  const epoch = latest.span.last + 1
  if (epoch > LAST_EPOCH || (closingEpoch !== undefined && epoch > closingEpoch)) return undefined
  if (ring.spans().some((span) => containsEpoch(span, epoch))) return undefined
  const leaseSeconds = latest.end - latest.received
  const begins = epochStartMs(epoch, manifest.epochSeconds) / 1000
  const quarterLeft = latest.end - leaseSeconds * RENEW_SHARE
  const within = begins - leaseSeconds * (1 - RENEW_SHARE)
  const until = begins + Math.max(manifest.epochSeconds, leaseSeconds)
  return { epoch, from: Math.max(quarterLeft, within), until }
}
