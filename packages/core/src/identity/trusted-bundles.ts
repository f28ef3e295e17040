// SPDX-License-Identifier: Apache-2.0
/**
 * The newest trust bundles that are held: our own domain's, and those of the partners that it names
 * (`docs/spec/06-identity.md` Section 6.5). What follows from them, who may issue credentials and who
 * is revoked, is gathered anew whenever one is replaced.
 *
 * @module
 */

import { equalBytes, toHex } from '../bytes.js'
import type { CryptoProvider, Ed25519VerifyingKey } from '../crypto/provider.js'
import { notTrusted, WaxwingError } from '../errors.js'
import { verifyStatement } from '../statement/statement.js'
import { credentialIssuers, isVouchedFor, namedAnchors, type CredentialIssuer } from './issuers.js'
import { CLOCK_SKEW_SECONDS, principalId } from './principal.js'

import { decodeTrustBundle, type Anchor, type TrustBundle } from './trust-bundle.js'

/** What accepting a bundle did. */
export type BundleOutcome = 'accepted' | 'known'

export class TrustedBundles {
  readonly #crypto: CryptoProvider
  readonly #partners = new Map<string, TrustBundle>()
  #own: TrustBundle | undefined
  /** By the ids of their anchors. */
  #issuers: ReadonlyMap<string, CredentialIssuer> = new Map()
  /** Since when, by the revoking domain's id and the principal's. */
  #revoked: ReadonlyMap<string, ReadonlyMap<string, number>> = new Map()

  /** @param own - Verified when it was stored, like `partners`. */
  constructor(
    crypto: CryptoProvider,
    own: Uint8Array | undefined,
    partners: readonly Uint8Array[],
  ) {
    this.#crypto = crypto
    if (own !== undefined) this.#own = decodeTrustBundle(crypto, own)
    for (const bytes of partners) this.#keepPartner(decodeTrustBundle(crypto, bytes))
    this.#refresh()
  }

  /** Our own domain's. */
  get own(): TrustBundle | undefined {
    return this.#own
  }

  get partners(): readonly TrustBundle[] {
    return [...this.#partners.values()]
  }

  /** Starts with a first bundle: see `Trust.start`. */
  start(bytes: Uint8Array, anchorId: Uint8Array): void {
    if (this.#own !== undefined) throw new WaxwingError('ERR_CONFLICT', 'a bundle is held already')
    const bundle = decodeTrustBundle(this.#crypto, bytes)
    if (!equalBytes(bundle.anchorId, anchorId)) throw notTrusted('the bundle is by another anchor')
    this.#verify(bundle, bundle.anchors)
    this.#own = bundle
    this.#refresh()
  }

  /** Accepts a newer bundle: see `Trust.accept`. */
  accept(bytes: Uint8Array, now: number | undefined): BundleOutcome {
    const bundle = decodeTrustBundle(this.#crypto, bytes)
    const own = this.#own
    if (own === undefined) throw notTrusted('no first bundle was pinned')
    const isOwn = equalBytes(bundle.domainId, own.domainId)
    const held = isOwn ? own : this.#partners.get(toHex(bundle.domainId))
    if (held !== undefined && equalBytes(bundle.bytes, held.bytes)) return 'known'
    this.#verify(bundle, isOwn ? own.anchors : this.#partnerAnchors(bundle, held))
    if (held !== undefined) checkNewer(bundle, held)
    if (now !== undefined && bundle.issued > now + CLOCK_SKEW_SECONDS) {
      throw new WaxwingError('ERR_NOT_YET_VALID', 'the trust bundle is dated in the future')
    }
    if (isOwn) this.#own = bundle
    else this.#keepPartner(bundle)
    this.#refresh()
    return 'accepted'
  }

  /** Whose anchor may issue credentials, by the anchor's id. */
  issuer(anchorId: Uint8Array): CredentialIssuer | undefined {
    return this.#issuers.get(toHex(anchorId))
  }

  /** When a principal of a domain is revoked, in seconds since 1970: see `Trust.revokedSince`. */
  revokedSince(id: Uint8Array, domainId: Uint8Array | null): number | undefined {
    const principal = toHex(id)
    const domains = [this.#own?.domainId, domainId].filter((d) => d !== undefined && d !== null)
    const times = domains.map((domain) => this.#revoked.get(toHex(domain))?.get(principal))
    const known = times.filter((time) => time !== undefined)
    return known.length === 0 ? undefined : Math.min(...known)
  }

  /** The public key of an anchor of our own domain that is in use. */
  anchorKey(anchorId: Uint8Array): Ed25519VerifyingKey | undefined {
    const anchor = this.#anchorIn(this.#own?.anchors ?? [], anchorId)
    return anchor?.until === null ? this.#crypto.ed25519VerifyingKey(anchor.key) : undefined
  }

  #partnerAnchors(bundle: TrustBundle, held: TrustBundle | undefined): readonly Anchor[] {
    const partner = this.#own?.partners.find((p) => equalBytes(p.domainId, bundle.domainId))
    if (partner === undefined) throw notTrusted('the bundle is of an unknown domain')
    return held?.anchors ?? namedAnchors(partner)
  }

  #anchorIn(anchors: readonly Anchor[], anchorId: Uint8Array): Anchor | undefined {
    return anchors.find(({ key }) => equalBytes(principalId(this.#crypto, key), anchorId))
  }

  #verify(bundle: TrustBundle, anchors: readonly Anchor[]): void {
    const anchor = this.#anchorIn(anchors, bundle.anchorId)
    if (anchor?.until !== null) throw notTrusted('no anchor in use signed the bundle')
    verifyStatement(bundle.statement, this.#crypto.ed25519VerifyingKey(anchor.key), null)
  }

  #keepPartner(bundle: TrustBundle): void {
    this.#partners.set(toHex(bundle.domainId), bundle)
  }

  #refresh(): void {
    const own = this.#own
    if (own === undefined) return
    for (const [id, bundle] of this.#partners) {
      const partner = own.partners.find((p) => toHex(p.domainId) === id)
      if (partner === undefined || !isVouchedFor(bundle, partner)) this.#partners.delete(id)
    }
    this.#issuers = credentialIssuers(this.#crypto, own, this.#partners)
    const bundles = [own, ...this.#partners.values()]
    this.#revoked = new Map(bundles.map((bundle) => [toHex(bundle.domainId), revocations(bundle)]))
  }
}

function revocations({ revoked: entries }: TrustBundle): ReadonlyMap<string, number> {
  const earliest = new Map<string, number>()
  for (const { principalId: id, since } of entries) {
    const key = toHex(id)
    earliest.set(key, Math.min(since, earliest.get(key) ?? Infinity))
  }
  return earliest
}

function checkNewer(offered: TrustBundle, held: TrustBundle): void {
  if (offered.version < held.version) {
    throw new WaxwingError('ERR_ROLLBACK', 'the trust bundle is older than the newest one seen')
  }
  if (offered.version === held.version) {
    throw new WaxwingError('ERR_CONFLICT', 'two trust bundles carry the same version')
  }
}
