// SPDX-License-Identifier: Apache-2.0
/**
 * Renewing leases in time (`docs/spec/07-granting.md` Section 7.4.1), so that nothing has to be
 * parked: what is asked for, and when.
 *
 * @module
 */

import { containsEpoch, epochStartMs, LAST_EPOCH } from '@waxwing/core'
import type { Medium } from '../control/medium.js'
import type { Generation } from '../generation.js'

/** A lease is renewed when this share of its time is left, or more where answers take their time. */
const RENEW_SHARE = 0.25
const MAX_RENEW_SHARE = 0.5
/** So many answers may fail to come before the lease ends. */
const RENEWAL_ANSWERS = 3

export interface Renewal {
  /** The first epoch that is missing. */
  readonly epoch: number
  /** From when on it is asked for, and when it is given up: seconds since 1970. */
  readonly from: number
  readonly until: number
}

/**
 * When the lease of a generation is to be renewed: when a quarter of it is left, or the time of three answers if
 * that is more, up to half of it; but not before a renewal would reach the epoch that is missing. It is given
 * up when that epoch is long over.
 *
 * @returns `undefined` where there is no lease, where other grants reach further, and where the
 *   generation is closed.
 */
export function renewalOf(generation: Generation, { answerMs }: Medium): Renewal | undefined {
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
  const patient = Math.min((RENEWAL_ANSWERS * answerMs) / 1000 / leaseSeconds, MAX_RENEW_SHARE)
  const share = Math.max(RENEW_SHARE, patient)
  const shareLeft = latest.end - leaseSeconds * share
  const within = begins - leaseSeconds * (1 - share)
  const until = begins + Math.max(manifest.epochSeconds, leaseSeconds)
  return { epoch, from: Math.max(shareLeft, within), until }
}
