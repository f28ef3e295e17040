// SPDX-License-Identifier: Apache-2.0
/**
 * A domain, at its owner's (`docs/spec/06-identity.md` Sections 6.5 and 6.7): who belongs to it, whom
 * it trusts, and whom no more. Whoever has its store *is* the domain, so it belongs where little else
 * runs.
 *
 * What changes the trust bundle gives a new version of it, for the owner to publish; where nothing is
 * to be changed, it gives the newest one back.
 *
 * @module
 */

import {
  decodeCredential,
  equalBytes,
  issueCredential,
  PRINCIPAL_ID_BYTES,
  principalId,
  systemClock,
  WaxwingError,
  type Clock,
  type CryptoProvider,
  type Partner,
} from '@waxwing/core'
import { loadCrypto } from '../crypto-choice.js'
import { encodeAdmission, encodeChain } from '../identity/bundle-chain.js'
import {
  checkTerms,
  claimsFor,
  readEnrolment,
  type AdmissionTerms,
  type Enrolment,
} from './admitting.js'
import {
  isKeeper,
  revokedSince,
  withKeeper,
  withNewAnchor,
  withOnlyAnchor,
  withoutKeeper,
  withoutPartner,
  withPartner,
  withRequireXWing,
  withRevoked,
  type BundleEdit,
} from './bundle-edits.js'
import { DomainRecords, type DomainRecord } from './domain-records.js'
import { DomainState, secondsOf, type Step } from './domain-state.js'
import { found } from './founding.js'
import type { DomainOptions, DomainStoreOptions, Member } from './options.js'
import { checkPartner, readPartnerCard, type PartnerCard } from './partner-card.js'
import { signRevocation, stillServes } from './revoking.js'

const SEED_BYTES = 32

export class Domain {
  readonly #crypto: CryptoProvider
  readonly #clock: Clock
  readonly #records: DomainRecords
  readonly #state: DomainState

  /**
   * Founds a domain in a store that holds none.
   *
   * @throws {WaxwingError} `ERR_CONFLICT` if the store holds a domain, or the recovery store a
   *   principal that cannot be it; `ERR_CLOCK` if the time is unknown.
   * @throws {TypeError} Without `recoveryStore`, unless `recovery` is `false`.
   */
  static async create(options: DomainOptions): Promise<Domain> {
    const { store, clock = systemClock } = options
    const crypto = options.crypto ?? (await loadCrypto())
    const records = new DomainRecords(crypto, store)
    const record = await found({ crypto, clock, records, options })
    return new Domain({ crypto, clock, records, record })
  }

  /** Opens the domain in a store. @throws {WaxwingError} `ERR_KEY_UNKNOWN` if there is none. */
  static async open(options: DomainStoreOptions): Promise<Domain> {
    const { store, clock = systemClock } = options
    const crypto = options.crypto ?? (await loadCrypto())
    const records = new DomainRecords(crypto, store)
    const record = await records.read()
    if (record !== undefined) return new Domain({ crypto, clock, records, record })
    throw new WaxwingError('ERR_KEY_UNKNOWN', 'the store holds no domain')
  }

  private constructor(inputs: ConstructorParameters<typeof DomainState>[0]) {
    this.#crypto = inputs.crypto
    this.#clock = inputs.clock
    this.#records = inputs.records
    this.#state = new DomainState(inputs)
  }

  /** The thumbprint of the first anchor: 32 bytes. What members compare by another way. */
  get id(): Uint8Array {
    return this.#state.record.bundle.domainId
  }

  get name(): string {
    return this.#state.record.name
  }

  /** The thumbprint of the anchor in use. */
  get anchorId(): Uint8Array {
    return principalId(this.#crypto, this.#state.anchorOf(this.#state.record).publicKey)
  }

  /** The newest trust bundle. */
  get bundle(): Uint8Array {
    return this.#state.record.bundle.bytes
  }

  /** When the newest trust bundle expires, in seconds since 1970. */
  get bundleExpires(): number {
    return this.#state.record.bundle.expires
  }

  /**
   * The bundles that introduced later anchors, oldest first: for members that have been away while
   * anchors were replaced.
   */
  get introductions(): readonly Uint8Array[] {
    return this.#state.record.introductions
  }

  /** Admits the recovery principal again, should its store have lost this; `null` if there is none. */
  get recoveryAdmission(): Uint8Array | null {
    const { record } = this.#state
    const { recovery } = record.bundle
    return recovery && admissionOf(recovery.credential, record)
  }

  /** Takes over what other processes did with this domain. Everything that changes it does so too. */
  async refresh(): Promise<void> {
    await this.#state.read()
  }

  /** Reads an enrolment, to be shown to who decides. @throws {WaxwingError} As {@link admit}. */
  readEnrolment(enrol: Uint8Array): Enrolment {
    return readEnrolment(this.#crypto, enrol, secondsOf(this.#clock))
  }

  /**
   * Admits a principal, or gives one that was admitted before a newer credential.
   *
   * @param terms - What is certified. What the enrolment asks for is a wish, and only its name counts
   *   where the terms have none.
   * @returns The admission for the principal: credential and trust bundle, in an archive.
   * @throws {WaxwingError} `ERR_SIGNATURE` if the enrolment's author has not the key;
   *   `ERR_NOT_AUTHORIZED` if it does not show the token; `ERR_REVOKED`; `ERR_KEY_INVALID`,
   *   `ERR_EXPIRED`, `ERR_NOT_YET_VALID`, `ERR_MALFORMED`, `ERR_UNSUPPORTED`, `ERR_LIMIT`.
   * @throws {RangeError} If the terms are out of range. @throws {TypeError}
   */
  async admit(enrol: Uint8Array, terms: AdmissionTerms = {}): Promise<Uint8Array> {
    checkTerms(terms)
    const crypto = this.#crypto
    return this.#state.step(async (record, now) => {
      const enrolment = readEnrolment(crypto, enrol, now)
      this.#checkAdmissible(record, enrolment.id)
      const claims = claimsFor(crypto, enrolment, terms, now)
      const bytes = issueCredential(crypto, claims, this.#state.anchorOf(record))
      const credential = decodeCredential(crypto, bytes)
      const { bundle } = record
      const named = isKeeper(crypto, bundle, credential.id)
      const content = named ? withKeeper(crypto, credential)(bundle) : undefined
      const isStale = content !== undefined || bundle.expires <= now
      const next = isStale ? this.#state.withBundle(record, content ?? bundle, now) : undefined
      return {
        next,
        changes: [this.#records.putMember(credential)],
        result: admissionOf(bytes, next ?? record),
      }
    })
  }

  /** All who were admitted, those that were revoked since included. */
  async members(): Promise<readonly Member[]> {
    const { bundle } = await this.#state.read()
    const credentials = await this.#records.members()
    return credentials.map((credential) => ({
      id: credential.id,
      name: credential.name,
      unit: credential.unit,
      roles: credential.roles,
      attributes: credential.attributes,
      produces: credential.produces,
      issued: credential.issued,
      expires: credential.expires,
      credential: credential.bytes,
      isKeeper: isKeeper(this.#crypto, bundle, credential.id),
      revokedSince: revokedSince(bundle, credential.id),
    }))
  }

  /**
   * Revokes a principal, for good. Doing it again changes nothing, and gives the same revocation;
   * an earlier time counts instead.
   *
   * @param since - From when on nothing of it counts. Default: now.
   * @returns The bundle, by which members stop believing the principal, and the revocation: an order
   *   to all who granted it something, to be sent to them or published.
   * @throws {WaxwingError} `ERR_LIMIT` if no more fit into a bundle.
   */
  async revoke(
    id: Uint8Array,
    since?: Date,
  ): Promise<{ readonly bundle: Uint8Array; readonly revocation: Uint8Array }> {
    checkId(id)
    const wanted = since === undefined ? undefined : secondsOfDate(since)
    return this.#state.step(async (record, now) => {
      const edit = withRevoked(this.#crypto, id, wanted ?? now)
      const step = this.#editStep(record, edit, now)
      const current = step.next ?? record
      const order = { principalId: id, since: revokedSince(current.bundle, id) ?? now }
      const by = { anchor: this.#state.anchorOf(current), now }
      const held = await this.#records.revocation(id)
      const serves = held !== undefined && stillServes(this.#crypto, held, order, by)
      const revocation = serves ? held : signRevocation(this.#crypto, order, by.anchor, now)
      const changes = serves ? [] : [this.#records.putRevocation(id, revocation)]
      return { next: step.next, changes, result: { bundle: step.result, revocation } }
    })
  }

  /**
   * Names a member as keeper: its streams' producers share their keys with it.
   *
   * @throws {WaxwingError} `ERR_NOT_TRUSTED` if it is no member, `ERR_REVOKED`, `ERR_EXPIRED`;
   *   `ERR_LIMIT` if no more fit into a bundle.
   */
  async addKeeper(id: Uint8Array): Promise<Uint8Array> {
    checkId(id)
    return this.#state.step(async (record, now) => {
      const credential = await this.#records.member(id)
      if (credential === undefined) {
        throw new WaxwingError('ERR_NOT_TRUSTED', 'a keeper has to be a member first')
      }
      this.#checkAdmissible(record, id)
      if (credential.expires <= now) {
        throw new WaxwingError('ERR_EXPIRED', 'the member’s credential has expired')
      }
      return this.#editStep(record, withKeeper(this.#crypto, credential), now)
    })
  }

  removeKeeper(id: Uint8Array): Promise<Uint8Array> {
    return this.#edit(withoutKeeper(this.#crypto, id))
  }

  /** What to give to another domain, so that it can name this one as its partner. */
  partnerCard(): Uint8Array {
    const { introductions, bundle } = this.#state.record
    return encodeChain([...introductions, bundle.bytes])
  }

  /**
   * Reads another domain's card. Compare its domain id by another way before you believe it.
   *
   * @throws {WaxwingError} `ERR_NOT_TRUSTED`, `ERR_SIGNATURE`, `ERR_NOT_YET_VALID`, `ERR_MALFORMED`,
   *   `ERR_UNSUPPORTED` or `ERR_LIMIT`.
   */
  readPartnerCard(card: Uint8Array): PartnerCard {
    return readPartnerCard(this.#crypto, card, secondsOf(this.#clock))
  }

  /**
   * Names another domain as a partner, or changes what is said of it.
   *
   * @param partner - Its anchors in use, and patterns of the stream names that it may use here.
   * @throws {WaxwingError} `ERR_KEY_INVALID`; `ERR_LIMIT` if no more fit into a bundle.
   * @throws {RangeError} @throws {TypeError} If the partner is badly described.
   */
  async addPartner(partner: Partner): Promise<Uint8Array> {
    checkPartner(this.#crypto, partner)
    if (equalBytes(partner.domainId, this.id)) {
      throw new TypeError('partner must be another domain than this one')
    }
    return this.#edit(withPartner(partner))
  }

  removePartner(domainId: Uint8Array): Promise<Uint8Array> {
    return this.#edit(withoutPartner(domainId))
  }

  /** Says whether grants in this domain must be sealed so that no quantum computer opens them. */
  requireXWing(required: boolean): Promise<Uint8Array> {
    return this.#edit(withRequireXWing(required))
  }

  /** Signs the bundle again, unchanged, before it expires. */
  renewBundle(): Promise<Uint8Array> {
    return this.#edit((fields) => fields)
  }

  /**
   * Replaces the anchor's key. The old one introduces the new one; from then on only that one counts,
   * and the old one's seed is deleted. What it signed until now stays good.
   *
   * @returns The bundle that introduces the new anchor, to be published first, and the first one that
   *   the new anchor signed.
   * @throws {WaxwingError} `ERR_LIMIT` after 15 rotations.
   */
  rotateAnchor(): Promise<{ readonly introduction: Uint8Array; readonly bundle: Uint8Array }> {
    return this.#state.step(async (record, now) => {
      const seed = this.#crypto.randomBytes(SEED_BYTES)
      const { publicKey } = this.#crypto.ed25519SigningKey(seed)
      const named = withNewAnchor(record.bundle, publicKey, now)
      const introducing = this.#state.withBundle(record, named, now)
      const introduction = introducing.bundle.bytes
      const introductions = [...record.introductions, introduction]
      const content = withOnlyAnchor(introducing.bundle, publicKey, now)
      const next = this.#state.withBundle({ ...introducing, seed, introductions }, content, now)
      return { next, result: { introduction, bundle: next.bundle.bytes } }
    })
  }

  #edit(edit: BundleEdit): Promise<Uint8Array> {
    return this.#state.step(async (record, now) => this.#editStep(record, edit, now))
  }

  #editStep(record: DomainRecord, edit: BundleEdit, now: number): Step<Uint8Array> {
    const content = edit(record.bundle)
    const next = content && this.#state.withBundle(record, content, now)
    return { next, result: (next ?? record).bundle.bytes }
  }

  #checkAdmissible({ bundle }: DomainRecord, id: Uint8Array): void {
    if (revokedSince(bundle, id) !== undefined) {
      throw new WaxwingError('ERR_REVOKED', 'the principal was revoked, for good')
    }
    if (bundle.anchors.some(({ key }) => equalBytes(principalId(this.#crypto, key), id))) {
      throw new WaxwingError('ERR_KEY_INVALID', 'an anchor’s key is for nothing else')
    }
  }
}

function admissionOf(credential: Uint8Array, { introductions, bundle }: DomainRecord): Uint8Array {
  return encodeAdmission({ credential, bundles: [...introductions, bundle.bytes] })
}

function checkId(id: Uint8Array): void {
  if (id.length === PRINCIPAL_ID_BYTES) return
  throw new RangeError(`id must be ${PRINCIPAL_ID_BYTES} bytes, got ${id.length}`)
}

function secondsOfDate(date: Date): number {
  const seconds = Math.floor(date.getTime() / 1000)
  if (Number.isSafeInteger(seconds) && seconds >= 0) return seconds
  throw new RangeError('since must be a time from 1970 on')
}
