// SPDX-License-Identifier: Apache-2.0
/**
 * What a domain's owner keeps: the anchor's seed, the newest trust bundle with those that introduced
 * later anchors, the register of members, and the revocations as they were signed.
 *
 * @module
 */

import {
  ArrayFields,
  decodeCredential,
  decodeTrustBundle,
  malformed,
  toBase64Url,
  type CborValue,
  type Change,
  type Credential,
  type CryptoProvider,
  type Store,
  type TrustBundle,
} from '@waxwing/core'
import { Table } from '../table.js'

export interface DomainRecord {
  readonly name: string
  readonly bundleDays: number
  /** Ed25519 seed of the anchor in use, 32 bytes. Secret: whoever has it is the domain. */
  readonly seed: Uint8Array
  readonly bundle: TrustBundle
  /** Oldest first. */
  readonly introductions: readonly Uint8Array[]
}

const DOMAIN_KEY = 'domain'

export class DomainRecords {
  readonly #store: Store
  readonly #domain: Table<DomainRecord>
  readonly #members: Table<Credential>
  readonly #revocations: Table<Uint8Array>

  constructor(crypto: CryptoProvider, store: Store) {
    this.#store = store
    this.#domain = new Table(store, 'domain', {
      toCbor: domainToCbor,
      fromCbor: (value) => domainFromCbor(crypto, value),
    })
    this.#members = new Table(store, 'member', {
      toCbor: ({ bytes }) => bytes,
      fromCbor: (value) => decodeCredential(crypto, bytesOf('member', value)),
    })
    this.#revocations = new Table(store, 'revocation', {
      toCbor: (bytes) => bytes,
      fromCbor: (value) => bytesOf('revocation', value),
    })
  }

  read(): Promise<DomainRecord | undefined> {
    return this.#domain.get(DOMAIN_KEY)
  }

  /** Writes a new domain, unless the store holds one. */
  create(record: DomainRecord): Promise<boolean> {
    return this.#store.write([this.#domain.insert(DOMAIN_KEY, record)])
  }

  /** Replaces the domain, with other changes, unless another process has changed it meanwhile. */
  replace(held: DomainRecord, next: DomainRecord, changes: readonly Change[]): Promise<boolean> {
    const { value } = this.#domain.put(DOMAIN_KEY, held)
    return this.#store.write([{ ...this.#domain.put(DOMAIN_KEY, next), expect: value }, ...changes])
  }

  /** The newest credential of a member. */
  member(id: Uint8Array): Promise<Credential | undefined> {
    return this.#members.get(toBase64Url(id))
  }

  async members(): Promise<readonly Credential[]> {
    return (await this.#members.scan()).map(({ record }) => record)
  }

  putMember(credential: Credential): Change {
    return this.#members.put(toBase64Url(credential.id), credential)
  }

  /** The revocation of a principal as it was signed last. */
  revocation(id: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#revocations.get(toBase64Url(id))
  }

  putRevocation(id: Uint8Array, message: Uint8Array): Change {
    return this.#revocations.put(toBase64Url(id), message)
  }
}

function domainToCbor(record: DomainRecord): CborValue {
  const { name, bundleDays, seed, bundle, introductions } = record
  return [name, bundleDays, seed, bundle.bytes, introductions]
}

function domainFromCbor(crypto: CryptoProvider, value: CborValue): DomainRecord {
  const list = new ArrayFields('domain record', value, 5)
  return {
    name: list.text(0, 'name'),
    bundleDays: list.uint(1, 'bundle days', { min: 1 }),
    seed: list.bytes(2, 'seed', { length: 32 }),
    bundle: decodeTrustBundle(crypto, list.bytes(3, 'bundle')),
    introductions: list.array(4, 'introductions').map((item) => bytesOf('domain', item)),
  }
}

function bytesOf(what: string, value: CborValue): Uint8Array {
  if (value instanceof Uint8Array) return value.slice()
  throw malformed(`${what} record`, 'bytes')
}
