// SPDX-License-Identifier: Apache-2.0
/**
 * What the {@link TrustBook} keeps in the store, and how several processes share it: every write
 * raises one revision and is refused if another process was faster.
 *
 * @module
 */

import {
  ArrayFields,
  encodeCbor,
  malformed,
  toBase64Url,
  toHex,
  type CborValue,
  type Change,
  type PinnedKey,
  type Store,
  type TrustBundle,
} from '@waxwing/core'
import { Table } from '../table.js'

/** A principal that somebody vouched for, and the newest of its key cards. */
export interface PrincipalRecord {
  readonly id: Uint8Array
  readonly name: string
  /** `null` if it is only pinned. */
  readonly credential: Uint8Array | null
  readonly card: Uint8Array | null
}

export interface TrustSnapshot {
  /** How many writes there were. */
  readonly revision: number
  /** The newest bundle of our own domain. */
  readonly bundle: Uint8Array | undefined
  /** Bundles that introduced a new anchor of our own domain, oldest first. */
  readonly introductions: readonly Uint8Array[]
  readonly partnerBundles: readonly Uint8Array[]
  readonly pinned: readonly PinnedKey[]
  readonly principals: readonly PrincipalRecord[]
}

const REVISION_KEY = 'revision'
const BUNDLE_KEY = 'bundle'
const INTRODUCTION_PREFIX = 'introduction/'
const PARTNER_PREFIX = 'partner/'
/** Numbers in keys have so many digits, so that they sort. */
const NUMBER_DIGITS = 16

export class TrustRecords {
  readonly #store: Store
  readonly #revisions: Table<number>
  readonly #bundles: Table<Uint8Array>
  readonly #pins: Table<PinnedKey>
  readonly #principals: Table<PrincipalRecord>

  constructor(store: Store) {
    this.#store = store
    this.#revisions = new Table(store, 'trust', { toCbor: (count) => count, fromCbor: uintOf })
    this.#bundles = new Table(store, 'bundle', { toCbor: (bytes) => bytes, fromCbor: bytesOf })
    this.#pins = new Table(store, 'pin', { toCbor: pinToCbor, fromCbor: pinFromCbor })
    this.#principals = new Table(store, 'principal', {
      toCbor: principalToCbor,
      fromCbor: principalFromCbor,
    })
  }

  /** The number of writes so far: when it has changed, so has something else. */
  async revision(): Promise<number> {
    return (await this.#revisions.get(REVISION_KEY)) ?? 0
  }

  /** Reads everything. If someone writes meanwhile, the revision is older than what was read. */
  async read(): Promise<TrustSnapshot> {
    const revision = await this.revision()
    const introductions = await this.#bundles.scan({ prefix: INTRODUCTION_PREFIX })
    const partnerBundles = await this.#bundles.scan({ prefix: PARTNER_PREFIX })
    const pinned = await this.#pins.scan()
    const principals = await this.#principals.scan()
    return {
      revision,
      bundle: await this.#bundles.get(BUNDLE_KEY),
      introductions: introductions.map(({ record }) => record),
      partnerBundles: partnerBundles.map(({ record }) => record),
      pinned: pinned.map(({ record }) => record),
      principals: principals.map(({ record }) => record),
    }
  }

  /** Writes the changes if nobody wrote since `revision`. */
  write(changes: readonly Change[], revision: number): Promise<boolean> {
    const expect = revision === 0 ? null : encodeCbor(revision)
    return this.#store.write([
      ...changes,
      { ...this.#revisions.put(REVISION_KEY, revision + 1), expect },
    ])
  }

  putBundle({ bytes }: TrustBundle): Change {
    return this.#bundles.put(BUNDLE_KEY, bytes)
  }

  putIntroduction({ version, bytes }: TrustBundle): Change {
    const number = String(version).padStart(NUMBER_DIGITS, '0')
    return this.#bundles.put(INTRODUCTION_PREFIX + number, bytes)
  }

  putPartner({ domainId, bytes }: TrustBundle): Change {
    return this.#bundles.put(PARTNER_PREFIX + toHex(domainId), bytes)
  }

  deletePartner(domainId: Uint8Array): Change {
    return this.#bundles.delete(PARTNER_PREFIX + toHex(domainId))
  }

  putPin(id: Uint8Array, key: PinnedKey): Change {
    return this.#pins.put(toBase64Url(id), key)
  }

  deletePin(id: Uint8Array): Change {
    return this.#pins.delete(toBase64Url(id))
  }

  putPrincipal(record: PrincipalRecord): Change {
    return this.#principals.put(toBase64Url(record.id), record)
  }

  deletePrincipal(id: Uint8Array): Change {
    return this.#principals.delete(toBase64Url(id))
  }
}

function uintOf(value: CborValue): number {
  if (typeof value !== 'number' || value < 0) throw malformed('revision record', 'number')
  return value
}

function bytesOf(value: CborValue): Uint8Array {
  if (!(value instanceof Uint8Array)) throw malformed('bundle record', 'bytes')
  return value.slice()
}

function pinToCbor({ publicKey, name, produces }: PinnedKey): CborValue {
  return [publicKey, name, produces]
}

function pinFromCbor(value: CborValue): PinnedKey {
  const list = new ArrayFields('pin record', value, 3)
  return {
    publicKey: list.bytes(0, 'public key', { length: 32 }),
    name: list.text(1, 'name'),
    produces: list.array(2, 'produces').filter((pattern) => typeof pattern === 'string'),
  }
}

function principalToCbor({ id, name, credential, card }: PrincipalRecord): CborValue {
  return [id, name, credential, card]
}

function principalFromCbor(value: CborValue): PrincipalRecord {
  const list = new ArrayFields('principal record', value, 4)
  return {
    id: list.bytes(0, 'id', { length: 32 }),
    name: list.text(1, 'name'),
    credential: list.bytesOrNull(2, 'credential'),
    card: list.bytesOrNull(3, 'card'),
  }
}
