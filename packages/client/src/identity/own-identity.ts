// SPDX-License-Identifier: Apache-2.0
/**
 * Who this endpoint is: its signing key, the KEM keys of its key cards, and its credential
 * (`docs/spec/06-identity.md` Sections 6.1 to 6.4). Its keys are made here and never leave the store.
 *
 * Two processes on one store are one principal: whatever is made is written only where nobody else
 * was faster, and then what that one made is used.
 *
 * @module
 */

import {
  decodeCredential,
  decodeTrustBundle,
  equalBytes,
  kemKid,
  MAX_CARD_SECONDS,
  principalId,
  toHex,
  WaxwingError,
  type Credential,
  type Ed25519SigningKey,
  type KemKeyPair,
  type KemKind,
  type KeyCard,
  type Trust,
} from '@waxwing/core'
import type { Runtime } from '../runtime.js'
import { readRecord } from '../table.js'
import { decodeAdmission } from './bundle-chain.js'
import { checkShortText, makeEnrolment, type EnrolmentWish } from './enrolment.js'
import { Listeners } from './listeners.js'
import {
  ALL_KEMS,
  cardsToKeep,
  checkKems,
  isCardDue,
  kemsOf,
  makeCard,
  makeKemKeys,
  nextCardNumber,
} from './own-cards.js'
import { OwnRecords, type CardKeys, type CredentialRecord, type SelfRecord } from './own-records.js'
import { judgedSeconds } from './statement-time.js'
import type { TrustBook } from './trust-book.js'
import { Turns } from '../turns.js'

export interface OwnIdentityOptions {
  /** What it calls itself when it is first made: 1 to 255 bytes. Default `unnamed`. */
  readonly name?: string
  /** Days that a key card lives, 1 to 365. Default 30. */
  readonly cardDays?: number
  /**
   * What key cards have keys for: `x25519`, alone or with `x-wing`. Default: both for a new identity,
   * and whatever its card has for one that is there.
   */
  readonly kems?: readonly KemKind[]
  /** Keep the first KEM keys for ever, on every card: for the recovery principal. */
  readonly permanent?: boolean
}

const DEFAULT_CARD_DAYS = 30
const DAY_SECONDS = 86_400
const SEED_BYTES = 32
/** How often a write is tried again because another process was faster. */
const MAX_ATTEMPTS = 16

interface CardChoices {
  readonly cardSeconds: number
  readonly kems: readonly KemKind[] | undefined
}

interface Loaded {
  readonly self: SelfRecord
  readonly cards: readonly CardKeys[]
  readonly credential: CredentialRecord | undefined
}

export class OwnIdentity {
  /** The principal id: 32 bytes. */
  readonly id: Uint8Array
  readonly signingKey: Ed25519SigningKey
  readonly #runtime: Runtime
  readonly #records: OwnRecords
  readonly #cardSeconds: number
  readonly #ownName: string
  readonly #isPermanent: boolean
  readonly #kems: readonly KemKind[] | undefined
  readonly #turns = new Turns()
  readonly #listeners: Listeners<KeyCard>
  readonly #stopListening: (() => void) | undefined
  #cards: readonly CardKeys[]
  #keys: ReadonlyMap<string, KemKeyPair>
  #credential: CredentialRecord | undefined
  #decoded: Credential | undefined

  /**
   * Opens the identity in the store, or makes one if there is none; renews its card if that is due.
   *
   * @throws {WaxwingError} `ERR_STORE_CORRUPT`; `ERR_CONFLICT` if `permanent` is asked for and the
   *   store holds an identity that is not.
   * @throws {RangeError} If an option is out of its range.
   */
  static async open(runtime: Runtime, options: OwnIdentityOptions = {}): Promise<OwnIdentity> {
    const { name = 'unnamed', cardDays = DEFAULT_CARD_DAYS, permanent = false, kems } = options
    checkShortText('name', name)
    if (kems !== undefined) checkKems(kems)
    const cardSeconds = cardDays * DAY_SECONDS
    if (!Number.isInteger(cardDays) || cardDays < 1 || cardSeconds > MAX_CARD_SECONDS) {
      throw new RangeError(`cardDays must be a whole number from 1 to 365, not ${cardDays}`)
    }
    const records = new OwnRecords(runtime.store)
    const made = { name, permanent, cardSeconds, kems: kems ?? ALL_KEMS }
    const loaded = (await load(records)) ?? (await create(runtime, records, made))
    if (permanent && !loaded.self.isPermanent) {
      throw new WaxwingError('ERR_CONFLICT', 'the store holds an identity that is not permanent')
    }
    const identity = new OwnIdentity(runtime, records, loaded, { cardSeconds, kems })
    await identity.renewCardIfDue()
    return identity
  }

  private constructor(
    runtime: Runtime,
    records: OwnRecords,
    loaded: Loaded,
    { cardSeconds, kems }: CardChoices,
  ) {
    const { self, cards, credential } = loaded
    const { crypto, store } = runtime
    this.signingKey = crypto.ed25519SigningKey(self.seed)
    this.id = principalId(crypto, this.signingKey.publicKey)
    this.#runtime = runtime
    this.#listeners = new Listeners(runtime)
    this.#records = records
    this.#cardSeconds = cardSeconds
    this.#ownName = self.name
    this.#isPermanent = self.isPermanent
    this.#kems = self.isPermanent ? undefined : kems
    this.#cards = cards
    this.#keys = this.#keysOf(cards)
    if (credential !== undefined) this.#setCredential(credential)
    this.#stopListening = store.onForeignChange?.(() => {
      this.#turns.take(() => this.#catchUp()).catch((error: unknown) => runtime.report(error))
    })
  }

  /** What it is called: by its credential, or by itself. */
  get name(): string {
    return this.#decoded?.name ?? this.#ownName
  }

  /** `null` until it was admitted to a domain. */
  get credential(): Uint8Array | null {
    return this.#credential?.credential ?? null
  }

  get domainId(): Uint8Array | null {
    return this.#credential?.domainId ?? null
  }

  /** When the credential ends, in seconds since 1970. */
  get credentialExpires(): number | undefined {
    return this.#decoded?.expires
  }

  /** The current key card. */
  get card(): KeyCard {
    return this.#current.card
  }

  /** The key cards whose private keys are kept, the current one last. */
  get cards(): readonly KeyCard[] {
    return this.#cards.map(({ card }) => card)
  }

  /** The key that a sealed message names, while it is kept. */
  kemKey(kid: Uint8Array): KemKeyPair | undefined {
    return this.#keys.get(toHex(kid))
  }

  /** Calls the listener whenever the card was replaced. Returns a function that removes it. */
  onCard(listener: (card: KeyCard) => void): () => void {
    return this.#listeners.add(listener)
  }

  /**
   * Makes a new card, with new KEM keys, when less than a third of the current one's life is left;
   * and deletes the private keys whose grace is over.
   *
   * @returns Whether this call made a new card.
   */
  renewCardIfDue(): Promise<boolean> {
    return this.#turns.take(async () => {
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        await this.#catchUp()
        const held = this.#cards
        const isDue = isCardDue(held, this.#runtime.time, this.#kems)
        const cards = isDue ? await this.#withNewCard(held) : this.#kept(held)
        if (cards.length === held.length && !isDue) return false
        if (!(await this.#records.replaceCards(held, cards))) continue
        this.#setCards(cards)
        return isDue
      }
      throw new WaxwingError('ERR_STORE_BUSY', 'other processes renew the key card all the time')
    })
  }

  /**
   * Takes the domain's answer to an enrolment: a credential and the trust bundle. What it brings is
   * durable before this resolves. Doing it again, or with a newer credential, is fine.
   *
   * @param options - `domainId`: the domain that is expected, learnt by another way. Without it,
   *   whoever answered is believed.
   * @throws {WaxwingError} `ERR_RECIPIENT` if the credential is for another key; `ERR_NOT_TRUSTED`
   *   if it, or the bundle, is not of the domain that is expected, or does not follow from its id;
   *   `ERR_CONFLICT` if this principal is of another domain already; `ERR_ROLLBACK` if it has a newer
   *   credential; `ERR_SIGNATURE`, `ERR_MALFORMED`, `ERR_EXPIRED`, `ERR_NOT_YET_VALID`,
   *   `ERR_REVOKED`. Nothing is changed then.
   */
  async admit(
    admission: Uint8Array,
    trustBook: TrustBook,
    options: { readonly domainId?: Uint8Array } = {},
  ): Promise<void> {
    const { crypto, time } = this.#runtime
    const { credential: bytes, bundles } = decodeAdmission(admission)
    const credential = decodeCredential(crypto, bytes)
    if (!equalBytes(credential.id, this.id)) {
      throw new WaxwingError('ERR_RECIPIENT', 'the credential is for another key')
    }
    const domainId = domainOf(bundles.map((bundle) => decodeTrustBundle(crypto, bundle).domainId))
    if (options.domainId !== undefined && !equalBytes(options.domainId, domainId)) {
      throw new WaxwingError('ERR_NOT_TRUSTED', 'another domain answered than the one expected')
    }
    this.#checkCredential(credential, trustBook.preview(bundles, domainId), domainId)
    await trustBook.follow(bundles, domainId)
    await this.#keepCredential({ credential: bytes, domainId })
    time.confirm(credential.issued * 1000)
    await this.renewCardIfDue()
  }

  /**
   * Makes a signed request to be admitted to a domain. It shows that we have our key.
   *
   * @throws {WaxwingError} `ERR_CLOCK` if the time was never known.
   * @throws {RangeError} If a part of the wish is out of its range.
   */
  async enrolment(wish: EnrolmentWish = {}): Promise<Uint8Array> {
    const { id, name, signingKey: key } = this
    return makeEnrolment(this.#runtime, { id, key }, { name, ...wish })
  }

  /** Listens to the store no more, and tells nobody anything. */
  close(): void {
    this.#stopListening?.()
    this.#listeners.clear()
  }

  get #current(): CardKeys {
    const current = this.#cards.at(-1)
    if (current === undefined) throw new TypeError('an identity always has a card')
    return current
  }

  async #withNewCard(held: readonly CardKeys[]): Promise<readonly CardKeys[]> {
    const { crypto, time } = this.#runtime
    const kems = this.#kems ?? kemsOf(this.#current)
    const keys = this.#isPermanent ? this.#current.keys : await makeKemKeys(crypto, kems)
    const validity = { issued: nextCardNumber(held, time), lifeSeconds: this.#cardSeconds }
    const author = { id: this.id, key: this.signingKey }
    return this.#kept([...held, makeCard(author, keys, validity)])
  }

  /** A permanent identity has one set of keys, which the newest card lists as all before did. */
  #kept(cards: readonly CardKeys[]): readonly CardKeys[] {
    return this.#isPermanent ? cards.slice(-1) : cardsToKeep(cards, this.#runtime.time)
  }

  #checkCredential(credential: Credential, trust: Trust, domainId: Uint8Array): void {
    const principal = trust.resolveCredential(credential.bytes)
    if (principal.domainId === null || !equalBytes(principal.domainId, domainId)) {
      throw new WaxwingError('ERR_NOT_TRUSTED', 'the credential is of another domain')
    }
    trust.checkStanding(principal, judgedSeconds(this.#runtime, credential.issued))
    if (credential.issued < (this.#decoded?.issued ?? 0)) {
      throw new WaxwingError('ERR_ROLLBACK', 'a newer credential is held already')
    }
  }

  #keepCredential(next: CredentialRecord): Promise<void> {
    return this.#turns.take(async () => {
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        await this.#catchUp()
        if (await this.#records.replaceCredential(this.#credential, next)) {
          this.#setCredential(next)
          return
        }
      }
      throw new WaxwingError('ERR_STORE_BUSY', 'other processes change the credential all the time')
    })
  }

  /** Takes over what other processes wrote. */
  async #catchUp(): Promise<void> {
    const cards = await this.#records.cards()
    const credential = await this.#records.credential()
    if (credential !== undefined) this.#setCredential(credential)
    if (cards.length > 0 && !isSameCards(cards, this.#cards)) this.#setCards(cards)
  }

  #setCards(cards: readonly CardKeys[]): void {
    const before = this.card
    this.#cards = cards
    this.#keys = this.#keysOf(cards)
    if (equalBytes(this.card.bytes, before.bytes)) return
    this.#listeners.tell(this.card)
  }

  #setCredential(record: CredentialRecord): void {
    if (this.#credential && equalBytes(this.#credential.credential, record.credential)) return
    this.#decoded = readRecord('identity', () => {
      return decodeCredential(this.#runtime.crypto, record.credential)
    })
    this.#credential = record
  }

  #keysOf(cards: readonly CardKeys[]): ReadonlyMap<string, KemKeyPair> {
    const { crypto } = this.#runtime
    const pairs = cards.flatMap(({ keys }) => keys)
    return new Map(pairs.map((pair) => [toHex(kemKid(crypto, pair)), pair]))
  }
}

async function load(records: OwnRecords): Promise<Loaded | undefined> {
  const self = await records.self()
  if (self === undefined) return undefined
  const cards = await records.cards()
  if (cards.length === 0) throw incomplete()
  return { self, cards, credential: await records.credential() }
}

/** Makes an identity, unless another process is faster: then that one's is taken. */
async function create(
  runtime: Runtime,
  records: OwnRecords,
  options: { name: string; permanent: boolean; cardSeconds: number; kems: readonly KemKind[] },
): Promise<Loaded> {
  const { crypto, time } = runtime
  const { name, permanent: isPermanent, cardSeconds: lifeSeconds } = options
  const self = { name, seed: crypto.randomBytes(SEED_BYTES), isPermanent }
  const key = crypto.ed25519SigningKey(self.seed)
  const author = { id: principalId(crypto, key.publicKey), key }
  const issued = nextCardNumber([], time)
  const keys = await makeKemKeys(crypto, options.kems)
  const cards = [makeCard(author, keys, { issued, lifeSeconds })]
  if (await records.create(self, cards)) return { self, cards, credential: undefined }
  const others = await load(records)
  if (others !== undefined) return others
  throw incomplete()
}

function incomplete(): WaxwingError {
  return new WaxwingError('ERR_STORE_CORRUPT', 'the store holds a part of an identity')
}

function domainOf(ids: readonly Uint8Array[]): Uint8Array {
  const [first] = ids
  if (first === undefined) throw new TypeError('an admission always has a bundle')
  if (ids.every((id) => equalBytes(id, first))) return first
  throw new WaxwingError('ERR_NOT_TRUSTED', 'the bundles are of different domains')
}

function isSameCards(a: readonly CardKeys[], b: readonly CardKeys[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ card }, i) => b[i] && equalBytes(card.bytes, b[i].card.bytes))
  )
}
