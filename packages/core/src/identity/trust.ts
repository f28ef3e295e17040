// SPDX-License-Identifier: Apache-2.0
/**
 * Whom a principal believes (`docs/spec/06-identity.md` Section 6.6): its domain's newest trust
 * bundle, what that says of partner domains, and keys pinned by hand.
 *
 * {@link TrustedPrincipal} is made only here, after the credential's signature was verified under an
 * anchor that was in use when it was issued and its key passed the one Ed25519 rule. Whether it may
 * do a certain thing at a certain time is asked separately, because objects outlive credentials:
 * validity is judged at the object's epoch, never at its arrival.
 *
 * @module
 */

import { equalBytes, toHex } from '../bytes.js'
import type { CryptoProvider, Ed25519VerifyingKey } from '../crypto/provider.js'
import { notTrusted, WaxwingError } from '../errors.js'
import { matchesAny } from '../stream/name-pattern.js'
import { decodeCredential, verifyCredential, type Credential } from './credential.js'
import { CLOCK_SKEW_SECONDS, principalId } from './principal.js'
import type { TrustBundle } from './trust-bundle.js'
import { TrustedBundles, type BundleOutcome } from './trusted-bundles.js'

export type { BundleOutcome }

/** Default time for which an expired bundle still lets new grants and producers in: a week. */
export const DEFAULT_FREEZE_GRACE_SECONDS = 604_800
const MAX_CACHED_PRINCIPALS = 10_000

/** A key that a person vouches for instead of an anchor. */
export interface PinnedKey {
  /** Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array
  readonly name: string
  /** Patterns of the stream names that it may produce. */
  readonly produces: readonly string[]
}

/** A principal that a trusted anchor, or a person, vouches for. */
export interface TrustedPrincipal {
  /** 32 bytes. */
  readonly id: Uint8Array
  readonly key: Ed25519VerifyingKey
  /** 32 bytes; `null` if it is only pinned. */
  readonly domainId: Uint8Array | null
  readonly name: string
  readonly unit: string | undefined
  readonly roles: readonly string[]
  readonly attributes: ReadonlyMap<string, string>
  readonly produces: readonly string[]
  /** The limits that our own domain sets for a partner's names; `undefined` for our own. */
  readonly partnerPatterns: readonly string[] | undefined
  /** Seconds since 1970; infinite if pinned. */
  readonly expires: number
  readonly issued: number
  /** The credential's bytes; `null` if pinned. */
  readonly credential: Uint8Array | null
}

export interface TrustInputs {
  readonly crypto: CryptoProvider
  /** The newest bundle, verified when it was stored. */
  readonly bundle?: Uint8Array
  readonly pinned?: readonly PinnedKey[]
  /** Partners' own bundles, verified when they were stored. */
  readonly partnerBundles?: readonly Uint8Array[]
}

export class Trust {
  readonly #crypto: CryptoProvider
  readonly #pinned = new Map<string, TrustedPrincipal>()
  readonly #bundles: TrustedBundles
  readonly #resolved = new Map<string, TrustedPrincipal>()
  /** Since when producers are revoked: each object asks. */
  #producersRevoked = new WeakMap<TrustedPrincipal, { readonly since: number | undefined }>()

  constructor({ crypto, bundle, pinned = [], partnerBundles = [] }: TrustInputs) {
    this.#crypto = crypto
    this.#bundles = new TrustedBundles(crypto, bundle, partnerBundles)
    for (const key of pinned) this.pin(key)
  }

  /** The domain's newest bundle. */
  get bundle(): TrustBundle | undefined {
    return this.#bundles.own
  }

  /** The newest bundles of partner domains. */
  get partnerBundles(): readonly TrustBundle[] {
    return this.#bundles.partners
  }

  /**
   * Starts with a first bundle, whose anchor a person or the enrolment vouches for.
   *
   * @throws {WaxwingError} `ERR_NOT_TRUSTED` if that anchor did not sign it, `ERR_CONFLICT` if there
   *   is a bundle already.
   */
  start(bytes: Uint8Array, anchorId: Uint8Array): void {
    this.#bundles.start(bytes, anchorId)
    this.#forget()
  }

  /**
   * Accepts a newer bundle of our own domain or of a partner.
   *
   * @param now - Seconds since 1970, or `undefined` where the time is unknown.
   * @throws {WaxwingError} `ERR_ROLLBACK` if it is older than the newest one seen, `ERR_CONFLICT` if
   *   it differs from that under the same version, `ERR_NOT_YET_VALID`, `ERR_SIGNATURE`, or
   *   `ERR_NOT_TRUSTED` if no anchor that is trusted and in use signed it.
   */
  accept(bytes: Uint8Array, now: number | undefined): BundleOutcome {
    const outcome = this.#bundles.accept(bytes, now)
    if (outcome === 'accepted') this.#forget()
    return outcome
  }

  /** Trusts a key by hand. Returns the principal. @throws {WaxwingError} `ERR_KEY_INVALID`. */
  pin({ publicKey, name, produces }: PinnedKey): TrustedPrincipal {
    const key = this.#crypto.ed25519VerifyingKey(publicKey)
    const id = principalId(this.#crypto, publicKey)
    const principal: TrustedPrincipal = {
      id,
      key,
      domainId: null,
      name,
      unit: undefined,
      roles: [],
      attributes: new Map(),
      produces,
      partnerPatterns: undefined,
      expires: Infinity,
      issued: 0,
      credential: null,
    }
    this.#pinned.set(toHex(id), principal)
    return principal
  }

  /** No longer trusts a pinned key. */
  unpin(id: Uint8Array): void {
    this.#pinned.delete(toHex(id))
  }

  /** The principal with this id that was pinned by hand. */
  pinned(id: Uint8Array): TrustedPrincipal | undefined {
    return this.#pinned.get(toHex(id))
  }

  /**
   * Resolves who is meant: by the credential where a trusted anchor issued it, else by the keys
   * pinned by hand.
   *
   * @throws {WaxwingError} `ERR_NOT_TRUSTED`, also if the credential is another principal's than
   *   `id`; `ERR_SIGNATURE`, `ERR_KEY_INVALID`, `ERR_MALFORMED`, `ERR_UNSUPPORTED`.
   */
  resolve(id: Uint8Array, credential: Uint8Array | null): TrustedPrincipal {
    const pinned = this.pinned(id)
    if (credential === null) {
      if (pinned === undefined) throw notTrusted('no credential, and the key is not pinned')
      return pinned
    }
    try {
      const principal = this.resolveCredential(credential)
      if (!equalBytes(principal.id, id)) throw notTrusted('the credential names another principal')
      return principal
    } catch (error) {
      // A person's word counts where no anchor's does; what an anchor says of its own goes first.
      const isStranger = error instanceof WaxwingError && error.code === 'ERR_NOT_TRUSTED'
      if (isStranger && pinned !== undefined) return pinned
      throw error
    }
  }

  /** Resolves a credential. @throws {WaxwingError} As {@link Trust.resolve}. */
  resolveCredential(bytes: Uint8Array): TrustedPrincipal {
    const cacheKey = toHex(this.#crypto.sha256(bytes))
    const known = this.#resolved.get(cacheKey)
    if (known !== undefined) return known
    const principal = this.#verifyCredential(decodeCredential(this.#crypto, bytes))
    if (this.#resolved.size >= MAX_CACHED_PRINCIPALS) this.#resolved.clear()
    this.#resolved.set(cacheKey, principal)
    return principal
  }

  /**
   * The time, in seconds since 1970, from which a principal is revoked. Our own bundle may revoke
   * anybody, a partner's only principals of its own domain.
   */
  revokedSince({ id, domainId }: Pick<TrustedPrincipal, 'id' | 'domainId'>): number | undefined {
    return this.#bundles.revokedSince(id, domainId)
  }

  /**
   * Checks that a principal is in good standing now: for authors of messages and issuers of links.
   *
   * @throws {WaxwingError} `ERR_EXPIRED`, `ERR_NOT_YET_VALID` or `ERR_REVOKED`.
   */
  checkStanding(principal: TrustedPrincipal, now: number): void {
    if (principal.expires <= now)
      throw new WaxwingError('ERR_EXPIRED', 'the credential has expired')
    if (principal.issued > now + CLOCK_SKEW_SECONDS) {
      throw new WaxwingError('ERR_NOT_YET_VALID', 'the credential is dated in the future')
    }
    const since = this.revokedSince(principal)
    if (since !== undefined && since <= now + CLOCK_SKEW_SECONDS) throw revoked()
  }

  /**
   * Checks that a principal may produce a name, whenever.
   *
   * @throws {WaxwingError} `ERR_NOT_AUTHORIZED`.
   */
  checkMayName(principal: TrustedPrincipal, domainId: Uint8Array | null, name: string): void {
    const { produces, partnerPatterns } = principal
    const allowed =
      sameDomain(principal.domainId, domainId) &&
      matchesAny(produces, name) &&
      (partnerPatterns === undefined || matchesAny(partnerPatterns, name))
    if (!allowed) {
      throw new WaxwingError('ERR_NOT_AUTHORIZED', 'the producer may not use this stream name')
    }
  }

  /**
   * Checks that a producer's word counts for an epoch: it must begin before the credential's expiry
   * and before any revocation.
   *
   * @param epochStart - Seconds since 1970.
   * @throws {WaxwingError} `ERR_EXPIRED` or `ERR_REVOKED`.
   */
  checkEpoch(principal: TrustedPrincipal, epochStart: number): void {
    if (epochStart >= principal.expires) {
      throw new WaxwingError('ERR_EXPIRED', 'the epoch begins after the credential expired')
    }
    let known = this.#producersRevoked.get(principal)
    if (known === undefined) {
      known = { since: this.revokedSince(principal) }
      this.#producersRevoked.set(principal, known)
    }
    if (known.since !== undefined && epochStart >= known.since) throw revoked()
  }

  /** `true` when the bundle expired so long ago that nothing new is let in (a freeze). */
  isFrozen(now: number, graceSeconds: number = DEFAULT_FREEZE_GRACE_SECONDS): boolean {
    const { bundle } = this
    return bundle !== undefined && bundle.expires + graceSeconds <= now
  }

  /** The keepers that the bundle names, as far as their credentials verify. */
  keepers(): readonly TrustedPrincipal[] {
    const found: TrustedPrincipal[] = []
    for (const credential of this.bundle?.keepers ?? []) {
      const keeper = this.#tryResolve(credential)
      if (keeper !== undefined && this.revokedSince(keeper) === undefined) found.push(keeper)
    }
    return found
  }

  /** The recovery principal that the bundle names, if its credential verifies. */
  recovery(): TrustedPrincipal | undefined {
    const credential = this.bundle?.recovery?.credential
    const principal = credential === undefined ? undefined : this.#tryResolve(credential)
    if (principal === undefined || this.revokedSince(principal) !== undefined) return undefined
    return principal
  }

  /** The domain of an anchor: our own's or a partner's. Says nothing of what the anchor signed. */
  domainOfAnchor(anchorId: Uint8Array): Uint8Array | undefined {
    return this.#bundles.issuer(anchorId)?.domainId
  }

  /** The public key of an anchor of our own domain that is in use. */
  anchorKey(anchorId: Uint8Array): Ed25519VerifyingKey | undefined {
    return this.#bundles.anchorKey(anchorId)
  }

  #tryResolve(credential: Uint8Array): TrustedPrincipal | undefined {
    try {
      return this.resolveCredential(credential)
    } catch {
      return undefined
    }
  }

  #verifyCredential(credential: Credential): TrustedPrincipal {
    const issuer = this.#bundles.issuer(credential.anchorId)
    if (issuer === undefined) throw notTrusted('no trusted anchor issued the credential')
    const { anchor, domainId, partnerPatterns } = issuer
    const { issued } = credential
    const inUse = issued >= anchor.from && (anchor.until === null || issued <= anchor.until)
    if (!inUse) throw notTrusted('the anchor was not in use when the credential was issued')
    verifyCredential(credential, this.#crypto.ed25519VerifyingKey(anchor.key))
    return {
      id: credential.id,
      key: this.#crypto.ed25519VerifyingKey(credential.signingKey),
      domainId,
      name: credential.name,
      unit: credential.unit,
      roles: credential.roles,
      attributes: credential.attributes,
      produces: credential.produces,
      partnerPatterns,
      expires: credential.expires,
      issued,
      credential: credential.bytes,
    }
  }

  /** Forgets what was concluded from the bundles before. */
  #forget(): void {
    this.#resolved.clear()
    this.#producersRevoked = new WeakMap()
  }
}

function sameDomain(a: Uint8Array | null, b: Uint8Array | null): boolean {
  if (a === null || b === null) return a === b
  return equalBytes(a, b)
}

function revoked(): WaxwingError {
  return new WaxwingError('ERR_REVOKED', 'the principal was revoked')
}
