// SPDX-License-Identifier: Apache-2.0
/**
 * Whose credentials count, and for which domain (`docs/spec/06-identity.md` Section 6.6.2).
 *
 * Our own bundle has the last word. It names the partners, and for each at least one anchor; a
 * partner's own bundle adds to these, and can claim neither our anchors nor those that our bundle
 * names for somebody else. What two partners claim for themselves is believed of neither.
 *
 * @module
 */

import { equalBytes, toHex } from '../bytes.js'
import type { CryptoProvider } from '../crypto/provider.js'
import { principalId } from './principal.js'
import type { Anchor, Partner, TrustBundle } from './trust-bundle.js'

/** An anchor, and whom its credentials are about. */
export interface CredentialIssuer {
  readonly anchor: Anchor
  readonly domainId: Uint8Array
  /** The limits that our bundle sets for a partner's names; `undefined` for our own anchors. */
  readonly partnerPatterns: readonly string[] | undefined
}

interface Claim extends CredentialIssuer {
  /** Our own bundle names the anchor for this partner. */
  readonly named: boolean
}

/**
 * Finds everybody whose credentials count.
 *
 * @param own - Our domain's bundle.
 * @param partnerBundles - The partners' own, by the hex of their domain ids.
 * @returns The issuers, by the hex of their anchors' ids.
 */
export function credentialIssuers(
  crypto: Pick<CryptoProvider, 'sha256'>,
  own: TrustBundle,
  partnerBundles: ReadonlyMap<string, TrustBundle>,
): ReadonlyMap<string, CredentialIssuer> {
  const idOf = ({ key }: Anchor): string => toHex(principalId(crypto, key))
  const claims = new Map<string, Claim[]>()
  for (const partner of own.partners) {
    const claimed = claimsOf(partner, partnerBundles.get(toHex(partner.domainId)))
    for (const claim of claimed) {
      const id = idOf(claim.anchor)
      claims.set(id, [...(claims.get(id) ?? []), claim])
    }
  }
  const issuers = new Map<string, CredentialIssuer>()
  for (const [id, rivals] of claims) {
    const issuer = undisputed(rivals)
    if (issuer !== undefined) issuers.set(id, issuer)
  }
  const { domainId } = own
  for (const anchor of own.anchors.toReversed()) {
    issuers.set(idOf(anchor), { anchor, domainId, partnerPatterns: undefined })
  }
  return issuers
}

/** The anchors that our bundle names for a partner, as long as no bundle of its own says more. */
export function namedAnchors({ anchors }: Partner): readonly Anchor[] {
  return anchors.map((key) => ({ key, from: 0, until: null }))
}

/** Says whether a partner's bundle has an anchor in it that our bundle names for that partner. */
export function isVouchedFor(bundle: TrustBundle, partner: Partner): boolean {
  return bundle.anchors.some(({ key }) => isNamed(key, partner))
}

function claimsOf(partner: Partner, bundle: TrustBundle | undefined): readonly Claim[] {
  const anchors = bundle?.anchors ?? namedAnchors(partner)
  const { domainId, patterns: partnerPatterns } = partner
  const once = anchors.filter(
    ({ key }, i) => anchors.findIndex((other) => equalBytes(other.key, key)) === i,
  )
  return once.map((anchor) => {
    return { anchor, domainId, partnerPatterns, named: isNamed(anchor.key, partner) }
  })
}

function undisputed(rivals: readonly Claim[]): CredentialIssuer | undefined {
  const named = rivals.filter((claim) => claim.named)
  const [claim, ...others] = named.length > 0 ? named : rivals
  return others.length > 0 ? undefined : claim
}

function isNamed(key: Uint8Array, { anchors }: Partner): boolean {
  return anchors.some((anchor) => equalBytes(anchor, key))
}
