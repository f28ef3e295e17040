// SPDX-License-Identifier: Apache-2.0
/**
 * Orders to revoke (`docs/spec/07-granting.md` Section 7.8): what verified messages demand, and what
 * the newest bundles say; due now, or later.
 *
 * @module
 */

import { CLOCK_SKEW_SECONDS, toBase64Url, type Trust } from '@waxwing/core'
import { judgedSeconds } from '../identity/statement-time.js'
import type { Runtime } from '../runtime.js'

/** What a verified message demands. */
export interface RevocationOrder {
  /** Of the message, in hex. */
  readonly digest: string
  /** Who gets the acknowledgement. */
  readonly author: Uint8Array
  /** Whether that is an anchor of our own domain. */
  readonly byAnchor: boolean
  /** Who is revoked: its id in base64url. */
  readonly principal: string
  /** Seconds since 1970. */
  readonly since: number
  /** The one that is meant, in hex; `null` for all. */
  readonly generation: string | null
  /** When the message was issued, in seconds since 1970. */
  readonly issued: number
  /** Until when the message could be replayed, in seconds since 1970. */
  readonly expires: number
}

/** Whom a bundle revokes. */
export interface BundleRevocation {
  /** Id in base64url. */
  readonly principal: string
  /** Seconds since 1970. */
  readonly since: number
  /** The domain whose bundle it is, in base64url. */
  readonly domain: string
  /** Whether that is a partner, who speaks of its own principals only. */
  readonly isPartner: boolean
}

/** Whether an order counts by now. */
export function isDue({ since, issued }: RevocationOrder, runtime: Pick<Runtime, 'time'>): boolean {
  return since <= latestDue(issued, runtime)
}

/** When the first of some orders counts, in seconds since 1970; `Infinity` if there are none. */
export function firstDue(orders: readonly RevocationOrder[]): number {
  return orders.reduce((first, { since }) => Math.min(first, dueAt(since)), Infinity)
}

/**
 * Whom our own bundle and those of our partners revoke by now, and when the next one of them counts,
 * in seconds since 1970: `Infinity` if there is none.
 */
export function revokedByBundles(
  trust: Trust,
  runtime: Pick<Runtime, 'time'>,
): { readonly due: readonly BundleRevocation[]; readonly next: number } {
  const due: BundleRevocation[] = []
  let next = Infinity
  for (const bundle of [trust.bundle, ...trust.partnerBundles]) {
    if (bundle === undefined) continue
    const latest = latestDue(bundle.issued, runtime)
    const facts = { domain: toBase64Url(bundle.domainId), isPartner: bundle !== trust.bundle }
    for (const { principalId, since } of bundle.revoked) {
      if (since > latest) next = Math.min(next, dueAt(since))
      else due.push({ ...facts, since, principal: toBase64Url(principalId) })
    }
  }
  return { due, next }
}

/** The latest time that counts by now: whoever is revoked since then has a good standing no more. */
function latestDue(issued: number, runtime: Pick<Runtime, 'time'>): number {
  return judgedSeconds(runtime, issued) + CLOCK_SKEW_SECONDS
}

function dueAt(since: number): number {
  return since - CLOCK_SKEW_SECONDS
}
