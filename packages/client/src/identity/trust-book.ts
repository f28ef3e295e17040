// SPDX-License-Identifier: Apache-2.0
/**
 * Whom this endpoint believes, durably: core's {@link Trust} over the store, with the principals that
 * were met and their newest key cards (`docs/spec/06-identity.md` Sections 6.4 to 6.6).
 *
 * Everything is first tried, then written, and only then believed: what was refused, or could not be
 * kept, changes nothing. This is the front; the parts behind it do one thing each.
 *
 * @module
 */

import {
  equalBytes,
  toBase64Url,
  type BundleOutcome,
  type KeyCard,
  type PinnedKey,
  type Trust,
  type TrustedPrincipal,
} from '@waxwing/core'
import type { Runtime } from '../runtime.js'
import { BundleKeeping } from './bundle-keeping.js'
import { PrincipalKeeping } from './principal-keeping.js'
import { judgedSeconds } from './statement-time.js'
import { TrustState } from './trust-state.js'

export class TrustBook {
  readonly #runtime: Runtime
  readonly #state: TrustState
  readonly #bundles: BundleKeeping
  readonly #principals: PrincipalKeeping
  readonly #stopListening: (() => void) | undefined

  /** Reads what the store holds. @throws {WaxwingError} `ERR_STORE_CORRUPT`. */
  static async open(runtime: Runtime): Promise<TrustBook> {
    return new TrustBook(runtime, await TrustState.open(runtime))
  }

  private constructor(runtime: Runtime, state: TrustState) {
    this.#runtime = runtime
    this.#state = state
    this.#bundles = new BundleKeeping(runtime, state)
    this.#principals = new PrincipalKeeping(runtime, state)
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
    return this.#state.onBundle.add(listener)
  }

  /** Calls the listener whenever a newer card was kept. Returns a function that removes it. */
  onCard(listener: (card: KeyCard) => void): () => void {
    return this.#state.onCard.add(listener)
  }

  /**
   * Starts with a first bundle, whose anchor a person or the enrolment vouches for. The same bundle
   * again changes nothing.
   *
   * @throws {WaxwingError} As `Trust.start`; `ERR_NOT_YET_VALID`.
   */
  start(bytes: Uint8Array, anchorId: Uint8Array): Promise<void> {
    return this.#bundles.start(bytes, anchorId)
  }

  /**
   * Follows a chain of bundles of one domain, from its id on: the first ones, or newer ones.
   *
   * @throws {WaxwingError} `ERR_CONFLICT` if we are of another domain; else as `followChain`.
   */
  follow(bundles: readonly Uint8Array[], domainId: Uint8Array): Promise<void> {
    return this.#bundles.follow(bundles, domainId)
  }

  /** What would be believed after following a chain. Changes nothing. @throws As {@link follow}. */
  preview(bundles: readonly Uint8Array[], domainId: Uint8Array): Trust {
    return this.#bundles.preview(bundles, domainId)
  }

  /**
   * Accepts a newer bundle of our own domain or of a partner. It is durable before this resolves.
   *
   * @throws {WaxwingError} As `Trust.accept`.
   */
  accept(bytes: Uint8Array): Promise<BundleOutcome> {
    return this.#bundles.accept(bytes)
  }

  /** Trusts a key by hand. @throws {WaxwingError} `ERR_KEY_INVALID`. @throws {TypeError} */
  pin(key: PinnedKey): Promise<TrustedPrincipal> {
    return this.#principals.pin(key)
  }

  /** No longer trusts a pinned key. What else is known of the principal stays. */
  unpin(id: Uint8Array): Promise<void> {
    return this.#principals.unpin(id)
  }

  /**
   * Remembers a principal by its credential.
   *
   * @returns The principal as it is known now: an older credential does not replace a newer one.
   * @throws {WaxwingError} `ERR_NOT_TRUSTED`, `ERR_SIGNATURE`, `ERR_KEY_INVALID`, `ERR_MALFORMED`;
   *   `ERR_EXPIRED`, `ERR_NOT_YET_VALID` or `ERR_REVOKED`; `ERR_LIMIT`.
   */
  learn(credential: Uint8Array): Promise<TrustedPrincipal> {
    return this.#principals.learn(credential)
  }

  /**
   * Keeps a principal's key card if it is the newest, and the principal's credential with it.
   *
   * @returns The newest card.
   * @throws {WaxwingError} `ERR_SIGNATURE` if the principal did not sign it, `ERR_EXPIRED`,
   *   `ERR_NOT_YET_VALID`, `ERR_ROLLBACK`, `ERR_CONFLICT`, `ERR_MALFORMED` or `ERR_LIMIT`.
   */
  keepCard(bytes: Uint8Array, principal: TrustedPrincipal): Promise<KeyCard> {
    return this.#principals.keepCard(bytes, principal)
  }

  /** The newest card of a principal for whom somebody vouches. It may have expired. */
  cardOf(id: Uint8Array): KeyCard | undefined {
    return this.isKnown(id) ? this.#state.known.cardOf(id) : undefined
  }

  /** A principal that was met, that the bundle names or that is pinned, while somebody vouches. */
  principalOf(id: Uint8Array): TrustedPrincipal | undefined {
    return this.#state.known.principalOf(id)
  }

  /**
   * What a packed message refers to (`docs/spec/07-granting.md` Section 7.2.6): our own bundle, or the credential or
   * newest card of somebody who was met.
   */
  referredTo(reference: Uint8Array): Uint8Array | undefined {
    const { bundle } = this.trust
    if (bundle !== undefined && equalBytes(bundle.digest, reference)) return bundle.bytes
    return this.#state.known.referredTo(reference)
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
    this.#state.onBundle.clear()
    this.#state.onCard.clear()
  }

  #isInGoodStanding(principal: TrustedPrincipal): boolean {
    try {
      this.trust.checkStanding(principal, judgedSeconds(this.#runtime, principal.issued))
      return true
    } catch {
      return false
    }
  }
}
