// SPDX-License-Identifier: Apache-2.0
/**
 * The check of `waxwing doctor` that compares the trust bundle of this home with the one that the
 * broker keeps, and takes a newer one: a home that was away may have been revoked meanwhile.
 *
 * @module
 */

import { decodeTrustBundle, equalBytes, type Transport } from '@waxwing/core'
import type { Endpoint } from '@waxwing/client'
import { retainedStatements, takeStatements } from './directory.js'
import type { Finding } from './finding.js'

const CHECK = 'published'

/** What the broker says about our domain; nothing where this home belongs to none. */
export async function checkPublished(
  endpoint: Endpoint,
  transport: Transport,
): Promise<Finding | undefined> {
  const before = endpoint.parts.trustBook.trust.bundle
  if (before === undefined) return undefined
  const statements = await retainedStatements(transport, [before.domainId])
  const published = newestVersion(endpoint, before.domainId, statements)
  if (published === undefined) {
    const advice = 'whoever runs the domain: waxwing domain bundle --publish'
    const found = "the broker keeps no trust bundle of this home's domain"
    return { check: CHECK, state: 'warning', found, advice }
  }
  await takeStatements(endpoint, statements)
  const held = endpoint.parts.trustBook.trust.bundle?.version ?? 0
  if (published > held) {
    const advice = 'it is forged, or its anchor is unknown here: ask whoever runs the domain'
    const found = `the broker keeps a trust bundle ${published} that this home does not believe`
    return { check: CHECK, state: 'warning', found, advice }
  }
  if (held > before.version) {
    return { check: CHECK, state: 'good', found: `took trust bundle ${held} from the broker` }
  }
  const found =
    published === held
      ? 'the broker keeps the same trust bundle'
      : `the broker keeps an older trust bundle (${published})`
  return { check: CHECK, state: 'good', found }
}

function newestVersion(
  { parts }: Endpoint,
  domainId: Uint8Array,
  statements: readonly Uint8Array[],
): number | undefined {
  const versions = statements.flatMap((bytes) => {
    try {
      const bundle = decodeTrustBundle(parts.runtime.crypto, bytes)
      return equalBytes(bundle.domainId, domainId) ? [bundle.version] : []
    } catch {
      return [] // a credential, a key card, or nothing at all
    }
  })
  return versions.length === 0 ? undefined : Math.max(...versions)
}
