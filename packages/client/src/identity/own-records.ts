// SPDX-License-Identifier: Apache-2.0
/**
 * What an {@link OwnIdentity} keeps in the store, secrets included: the signing key's seed, the
 * private KEM keys of each key card, and the credential. Nothing else ever writes secrets of identity,
 * and nothing but the store holds them.
 *
 * @module
 */

import {
  ArrayFields,
  decodeKeyCard,
  malformed,
  PUBLIC_KEY_BYTES,
  type CborValue,
  type Change,
  type KemKeyPair,
  type KeyCard,
  type Store,
} from '@waxwing/core'
import { Table } from '../table.js'

/** Never changes once it is made. */
export interface SelfRecord {
  /** What it calls itself. */
  readonly name: string
  /** Ed25519, 32 bytes. Secret. */
  readonly seed: Uint8Array
  /** Its KEM keys are kept for ever. */
  readonly isPermanent: boolean
}

/** A key card, and the private keys that belong to it. */
export interface CardKeys {
  readonly card: KeyCard
  readonly keys: readonly KemKeyPair[]
}

export interface CredentialRecord {
  readonly credential: Uint8Array
  readonly domainId: Uint8Array
}

const SELF_KEY = 'self'
const CARDS_KEY = 'cards'
const CREDENTIAL_KEY = 'credential'
const NAME = 'identity'

export class OwnRecords {
  readonly #store: Store
  readonly #self: Table<SelfRecord>
  readonly #cards: Table<readonly CardKeys[]>
  readonly #credential: Table<CredentialRecord>

  constructor(store: Store) {
    this.#store = store
    this.#self = new Table(store, NAME, { toCbor: selfToCbor, fromCbor: selfFromCbor })
    this.#cards = new Table(store, NAME, { toCbor: cardsToCbor, fromCbor: cardsFromCbor })
    this.#credential = new Table(store, NAME, {
      toCbor: ({ credential, domainId }) => [credential, domainId],
      fromCbor: credentialFromCbor,
    })
  }

  self(): Promise<SelfRecord | undefined> {
    return this.#self.get(SELF_KEY)
  }

  /** The cards whose keys are kept, the current one last. */
  async cards(): Promise<readonly CardKeys[]> {
    return (await this.#cards.get(CARDS_KEY)) ?? []
  }

  credential(): Promise<CredentialRecord | undefined> {
    return this.#credential.get(CREDENTIAL_KEY)
  }

  /** Writes a new identity, unless another process has made one meanwhile. */
  create(self: SelfRecord, cards: readonly CardKeys[]): Promise<boolean> {
    return this.#store.write([
      this.#self.insert(SELF_KEY, self),
      this.#cards.insert(CARDS_KEY, cards),
    ])
  }

  /** Replaces the cards, unless another process has replaced them meanwhile. */
  replaceCards(held: readonly CardKeys[], cards: readonly CardKeys[]): Promise<boolean> {
    return this.#store.write([
      expecting(this.#cards.put(CARDS_KEY, cards), this.#cards.put(CARDS_KEY, held)),
    ])
  }

  /** Replaces the credential, unless another process has replaced it meanwhile. */
  replaceCredential(held: CredentialRecord | undefined, next: CredentialRecord): Promise<boolean> {
    const change = this.#credential.put(CREDENTIAL_KEY, next)
    const before = held && this.#credential.put(CREDENTIAL_KEY, held)
    return this.#store.write([expecting(change, before)])
  }
}

/** Records have one encoding: what was read is encoded as it stands in the store. */
function expecting(change: Change, before: Change | undefined): Change {
  return { ...change, expect: before?.value ?? null }
}

function selfToCbor({ name, seed, isPermanent }: SelfRecord): CborValue {
  return [name, seed, isPermanent]
}

function selfFromCbor(value: CborValue): SelfRecord {
  const list = new ArrayFields('identity record', value, 3)
  return {
    name: list.text(0, 'name'),
    seed: list.bytes(1, 'seed', { length: 32 }),
    isPermanent: list.bool(2, 'permanent'),
  }
}

function cardsToCbor(cards: readonly CardKeys[]): CborValue {
  return cards.map(({ card, keys }) => [
    card.bytes,
    keys.map(({ kind, publicKey, secretKey }) => [kind, publicKey, secretKey]),
  ])
}

function cardsFromCbor(value: CborValue): readonly CardKeys[] {
  if (!Array.isArray(value)) throw malformed('card records', 'array')
  return value.map((item: CborValue) => {
    const list = new ArrayFields('card record', item, 2)
    const card = decodeKeyCard(list.bytes(0, 'card'))
    return { card, keys: list.array(1, 'keys', { min: 1, max: 2 }).map(keyPairFromCbor) }
  })
}

function keyPairFromCbor(value: CborValue): KemKeyPair {
  const list = new ArrayFields('KEM key record', value, 3)
  const kind = list.text(0, 'kind')
  if (kind !== 'x25519' && kind !== 'x-wing') throw malformed('KEM key record', 'kind')
  return {
    kind,
    publicKey: list.bytes(1, 'public key', { length: PUBLIC_KEY_BYTES[kind] }),
    secretKey: list.bytes(2, 'secret key', { length: 32 }),
  }
}

function credentialFromCbor(value: CborValue): CredentialRecord {
  const list = new ArrayFields('credential record', value, 2)
  return {
    credential: list.bytes(0, 'credential'),
    domainId: list.bytes(1, 'domain id', { length: 32 }),
  }
}
