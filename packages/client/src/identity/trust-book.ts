// SPDX-License-Identifier: Apache-2.0
/**
 * Whom this endpoint believes, durably: core's {@link Trust} over the store, with the principals that
 * were met and their newest key cards (`docs/spec/06-identity.md` Sections 6.4 to 6.6).
 *
 * Everything is first tried on a copy, then written, and only then believed: what was refused, or
 * could not be kept, changes nothing.
 *
 * @module
 */

import {
  assertNamePattern,
  decodeKeyCard,
  decodeTrustBundle,
  equalBytes,
  newerKeyCard,
  principalId,
  toBase64Url,
  verifyKeyCard,
  WaxwingError,
  type BundleOutcome,
  type Change,
  type KeyCard,
  type PinnedKey,
  type Trust,
  type TrustBundle,
  type TrustedPrincipal,
} from '@waxwing/core'
import { nowSeconds, type Runtime } from '../runtime.js'
import { followChain, introducesAnchor, startAt } from './bundle-chain.js'
import type { PrincipalRecord } from './trust-records.js'
import { TrustState, type Plan } from './trust-state.js'

/** Most principals that are remembered; when it is reached, those go whose cards have expired. */
export const MAX_KNOWN_PRINCIPALS = 10_000

export class TrustBook {
  readonly #runtime: Runtime
  readonly #state: TrustState
  readonly #bundleListeners: Set<() => void>
  readonly #cardListeners = new Set<(card: KeyCard) => void>()
  readonly #stopListening: (() => void) | undefined

  /** Reads what the store holds. @throws {WaxwingError} `ERR_STORE_CORRUPT`. */
  static async open(runtime: Runtime): Promise<TrustBook> {
    const listeners = new Set<() => void>()
    const state = await TrustState.open(runtime, () => {
      for (const listener of listeners) listener()
    })
    return new TrustBook(runtime, state, listeners)
  }

  private constructor(runtime: Runtime, state: TrustState, listeners: Set<() => void>) {
    this.#runtime = runtime
    this.#state = state
    this.#bundleListeners = listeners
    this.#stopListening = runtime.store.onForeignChange?.(() => {
      state.catchUp().catch((error: unknown) => runtime.report(error))
    })
  }

  /** What is believed. Always the same one; to be changed by this book alone. */
  get trust(): Trust {
    return this.#state.trust
  }

  /** The bundles that introduced later anchors of our own domain, oldest first. */
  get introductions(): readonly Uint8Array[] {
    return this.#state.introductions
  }

  /** Calls the listener whenever a newer bundle is believed. Returns a function that removes it. */
  onBundle(listener: () => void): () => void {
    this.#bundleListeners.add(listener)
    return () => this.#bundleListeners.delete(listener)
  }

  /** Calls the listener whenever a newer card was kept. Returns a function that removes it. */
  onCard(listener: (card: KeyCard) => void): () => void {
    this.#cardListeners.add(listener)
    return () => this.#cardListeners.delete(listener)
  }

  /**
   * Starts with a first bundle, whose anchor a person or the enrolment vouches for. The same bundle
   * again changes nothing.
   *
   * @throws {WaxwingError} As `Trust.start`; `ERR_NOT_YET_VALID`.
   */
  start(bytes: Uint8Array, anchorId: Uint8Array): Promise<void> {
    return this.#state.update(() => {
      const held = this.trust.bundle
      if (held !== undefined && equalBytes(held.bytes, bytes)) return NOTHING
      const bundle = decodeTrustBundle(this.#runtime.crypto, bytes)
      const rehearsal = this.#state.rehearsal()
      startAt(rehearsal, bundle, { domainId: anchorId, now: this.#knownNow() })
      return this.#bundlePlan([bundle], rehearsal, () => this.trust.start(bytes, anchorId))
    })
  }

  /**
   * Follows a chain of bundles of one domain, from its id on: the first ones, or newer ones.
   *
   * @throws {WaxwingError} `ERR_CONFLICT` if we are of another domain; else as `followChain`.
   */
  follow(bundles: readonly Uint8Array[], domainId: Uint8Array): Promise<void> {
    return this.#state.update(() => {
      const { crypto } = this.#runtime
      const options = { domainId, now: this.#knownNow() }
      const { accepted, rehearsal } = this.#rehearse(bundles, options)
      return this.#bundlePlan(accepted, rehearsal, () => {
        followChain(crypto, this.trust, bundles, options)
      })
    })
  }

  /** What would be believed after following a chain. Changes nothing. @throws As {@link follow}. */
  preview(bundles: readonly Uint8Array[], domainId: Uint8Array): Trust {
    return this.#rehearse(bundles, { domainId, now: this.#knownNow() }).rehearsal
  }

  /**
   * Accepts a newer bundle of our own domain or of a partner. It is durable before this resolves.
   *
   * @throws {WaxwingError} As `Trust.accept`.
   */
  accept(bytes: Uint8Array): Promise<BundleOutcome> {
    return this.#state.update(() => {
      const now = this.#knownNow()
      const rehearsal = this.#state.rehearsal()
      const outcome = rehearsal.accept(bytes, now)
      if (outcome === 'known') return { changes: [], apply: () => outcome }
      const bundle = decodeTrustBundle(this.#runtime.crypto, bytes)
      return this.#bundlePlan([bundle], rehearsal, () => this.trust.accept(bytes, now))
    })
  }

  /** Trusts a key by hand. @throws {WaxwingError} `ERR_KEY_INVALID`. @throws {TypeError} */
  async pin(key: PinnedKey): Promise<TrustedPrincipal> {
    const { crypto } = this.#runtime
    if (key.name === '') throw new TypeError('name must not be empty')
    for (const pattern of key.produces) assertNamePattern(pattern)
    const { publicKey } = crypto.ed25519VerifyingKey(key.publicKey)
    const { records, known } = this.#state
    const changes = [records.putPin(principalId(crypto, publicKey), key)]
    return this.#state.update(() => ({ changes, apply: () => known.pin(key) }))
  }

  /** No longer trusts a pinned key. What else is known of the principal stays. */
  unpin(id: Uint8Array): Promise<void> {
    const { records, known } = this.#state
    return this.#state.update(() => {
      const isOnlyPinned = known.recordOf(id)?.credential === null
      const forget = isOnlyPinned ? [records.deletePrincipal(id)] : []
      return {
        changes: [records.deletePin(id), ...forget],
        apply: () => {
          known.unpin(id)
          if (isOnlyPinned) known.delete(id)
        },
      }
    })
  }

  /**
   * Remembers a principal by its credential.
   *
   * @returns The principal as it is known now: an older credential does not replace a newer one.
   * @throws {WaxwingError} `ERR_NOT_TRUSTED`, `ERR_SIGNATURE`, `ERR_KEY_INVALID`, `ERR_MALFORMED`;
   *   `ERR_EXPIRED`, `ERR_NOT_YET_VALID` or `ERR_REVOKED`; `ERR_LIMIT`.
   */
  learn(credential: Uint8Array): Promise<TrustedPrincipal> {
    const { known } = this.#state
    return this.#state.update(() => {
      const principal = this.trust.resolveCredential(credential)
      this.trust.checkStanding(principal, this.#nowFor(principal.issued))
      const card = known.recordOf(principal.id)?.card ?? null
      const plan = this.#principalPlan(this.#recordFor(principal, card))
      return { ...plan, apply: () => (plan.apply(), known.principalOf(principal.id) ?? principal) }
    })
  }

  /**
   * Keeps a principal's key card if it is the newest, and the principal's credential with it.
   *
   * @returns The newest card.
   * @throws {WaxwingError} `ERR_SIGNATURE` if the principal did not sign it, `ERR_EXPIRED`,
   *   `ERR_NOT_YET_VALID`, `ERR_ROLLBACK`, `ERR_CONFLICT`, `ERR_MALFORMED` or `ERR_LIMIT`.
   */
  async keepCard(bytes: Uint8Array, principal: TrustedPrincipal): Promise<KeyCard> {
    const offered = this.#verifiedCard(bytes, principal)
    const { known } = this.#state
    if (this.#holds(offered, principal)) return offered
    return this.#state.update(() => {
      const held = known.cardOf(principal.id)
      const newest = newerKeyCard(held, offered)
      const plan = this.#principalPlan(this.#recordFor(principal, newest.bytes))
      const apply = (): KeyCard => {
        plan.apply()
        if (newest !== held) for (const listener of this.#cardListeners) listener(newest)
        return newest
      }
      return { ...plan, apply }
    })
  }

  /** The newest card of a principal for whom somebody vouches. It may have expired. */
  cardOf(id: Uint8Array): KeyCard | undefined {
    return this.isKnown(id) ? this.#state.known.cardOf(id) : undefined
  }

  /** A principal that was met, that the bundle names or that is pinned, while somebody vouches. */
  principalOf(id: Uint8Array): TrustedPrincipal | undefined {
    return this.#state.known.principalOf(id)
  }

  isKnown(id: Uint8Array): boolean {
    return this.principalOf(id) !== undefined
  }

  /** Everybody of whom {@link principalOf} knows. */
  known(): readonly TrustedPrincipal[] {
    return this.#state.known.all()
  }

  /**
   * Finds whom a person means: by the full id in base64url, a beginning of it of at least 6
   * characters, or the name. Where several fit, the only one in good standing.
   *
   * @returns `undefined` if nobody fits, or more than one.
   */
  findPrincipal(text: string): TrustedPrincipal | undefined {
    const found = this.#state.known.find(text)
    const exact = found.find(({ id }) => toBase64Url(id) === text)
    if (exact !== undefined || found.length <= 1) return exact ?? found[0]
    const standing = found.filter((principal) => this.#isInGoodStanding(principal))
    return standing.length === 1 ? standing[0] : undefined
  }

  /** Listens to the store no more, and tells nobody anything. */
  close(): void {
    this.#stopListening?.()
    this.#bundleListeners.clear()
    this.#cardListeners.clear()
  }

  /** The changes that keep accepted bundles, and what is to be done when they are kept. */
  #bundlePlan<T>(accepted: readonly TrustBundle[], after: Trust, apply: () => T): Plan<T> {
    const changes: Change[] = []
    const introductions: Uint8Array[] = []
    const { records } = this.#state
    let before = this.trust.bundle
    for (const bundle of accepted) {
      if (after.bundle === undefined || !equalBytes(bundle.domainId, after.bundle.domainId)) {
        changes.push(records.putPartner(bundle.domainId, bundle.bytes))
        continue
      }
      changes.push(records.putBundle(bundle.bytes))
      if (introducesAnchor(before, bundle)) {
        changes.push(records.putIntroduction(bundle.version, bundle.bytes))
        introductions.push(bundle.bytes)
      }
      before = bundle
    }
    changes.push(...this.#droppedPartners(after))
    return {
      changes,
      apply: () => {
        const result = apply()
        for (const bundle of introductions) this.#state.addIntroduction(bundle)
        this.#state.confirmTime()
        if (accepted.length > 0) for (const listener of this.#bundleListeners) listener()
        return result
      },
    }
  }

  /** Our own bundle may no longer name a partner whose bundle we keep. */
  #droppedPartners(after: Trust): readonly Change[] {
    const dropped = this.trust.partnerBundles.filter(
      ({ domainId }) => !after.partnerBundles.some((b) => equalBytes(b.domainId, domainId)),
    )
    return dropped.map(({ domainId }) => this.#state.records.deletePartner(domainId))
  }

  #rehearse(
    bundles: readonly Uint8Array[],
    options: { readonly domainId: Uint8Array; readonly now: number | undefined },
  ): { accepted: readonly TrustBundle[]; rehearsal: Trust } {
    const held = this.trust.bundle
    if (held !== undefined && !equalBytes(held.domainId, options.domainId)) {
      throw new WaxwingError('ERR_CONFLICT', 'this principal belongs to another domain already')
    }
    const rehearsal = this.#state.rehearsal()
    const accepted = followChain(this.#runtime.crypto, rehearsal, bundles, options)
    return { accepted, rehearsal }
  }

  #verifiedCard(bytes: Uint8Array, principal: TrustedPrincipal): KeyCard {
    const card = decodeKeyCard(bytes)
    verifyKeyCard(card, principal, this.#nowFor(card.issued))
    return card
  }

  /** Whether there is nothing to keep: most messages bring a card that is known already. */
  #holds(offered: KeyCard, { id, credential }: TrustedPrincipal): boolean {
    const record = this.#state.known.recordOf(id)
    if (record === undefined || record.card === null) return false
    return equalBytes(record.card, offered.bytes) && isSame(record.credential, credential)
  }

  /** The record of a principal; an older credential does not replace a newer one. */
  #recordFor(principal: TrustedPrincipal, card: Uint8Array | null): PrincipalRecord {
    const known = this.#state.known.principalOf(principal.id)
    const isOlder =
      known !== undefined && known.credential !== null && known.issued > principal.issued
    const { id, name, credential } = isOlder ? known : principal
    return { id, name, credential, card }
  }

  #principalPlan(record: PrincipalRecord): Plan<void> {
    const { known, records } = this.#state
    const held = known.recordOf(record.id)
    if (held !== undefined && isSameRecord(held, record)) return NOTHING
    const expired = held === undefined ? this.#makeRoom() : []
    return {
      changes: [...expired.map((id) => records.deletePrincipal(id)), records.putPrincipal(record)],
      apply: () => {
        for (const id of expired) known.delete(id)
        known.put(record)
      },
    }
  }

  /** Whom to forget so that one more can be remembered. */
  #makeRoom(): readonly Uint8Array[] {
    const { known } = this.#state
    if (known.count < MAX_KNOWN_PRINCIPALS) return []
    const now = nowSeconds(this.#runtime)
    const ids = known.records().map(({ id }) => id)
    const expired = ids.filter((id) => (known.cardOf(id)?.expires ?? 0) <= now)
    if (expired.length > 0) return expired
    const rule = 'MAX_KNOWN_PRINCIPALS'
    throw new WaxwingError('ERR_LIMIT', 'too many principals are known already', { rule })
  }

  #isInGoodStanding(principal: TrustedPrincipal): boolean {
    try {
      this.trust.checkStanding(principal, nowSeconds(this.#runtime))
      return true
    } catch {
      return false
    }
  }

  /** Seconds since 1970, where they are known. */
  #knownNow(): number | undefined {
    return this.#runtime.time.known ? nowSeconds(this.#runtime) : undefined
  }

  /** The time to judge a statement at: where it is unknown, none lies in the future. */
  #nowFor(issued: number): number {
    return this.#knownNow() ?? Math.max(nowSeconds(this.#runtime), issued)
  }
}

const NOTHING: Plan<void> = { changes: [], apply: () => undefined }

function isSame(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === null || b === null ? a === b : equalBytes(a, b)
}

function isSameRecord(a: PrincipalRecord, b: PrincipalRecord): boolean {
  return a.name === b.name && isSame(a.credential, b.credential) && isSame(a.card, b.card)
}
