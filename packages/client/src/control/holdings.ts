// SPDX-License-Identifier: Apache-2.0
/**
 * Who surely holds our key card and our credential, so that these need not be sent where bytes cost
 * (`docs/spec/07-granting.md` Section 7.2.6): whoever sealed something to a key of that card.
 *
 * Durable, because a device that wakes up to say one thing would say everything each time. It may be wrong
 * all the same, if somebody lost what it held: then the next try is whole, and this forgets. What was relied on
 * is durable again only when the other side has shown it anew, so that no restart makes a first try of each.
 *
 * @module
 */

import {
  ArrayFields,
  equalBytes,
  kemKeyThumbprint,
  packedReference,
  toBase64Url,
  type CborValue,
} from '@waxwing/core'
import type { OwnIdentity } from '../identity/own-identity.js'
import type { Runtime } from '../runtime.js'
import { Table } from '../table.js'
import type { Medium } from './medium.js'

/** As many as are remembered as principals. */
const MAX_HOLDERS = 10_000
const NONE = new Uint8Array(0)

/** References to what somebody holds of ours. */
interface Held {
  readonly card: Uint8Array
  /** Empty where we have no credential. */
  readonly credential: Uint8Array
}

export class Holdings {
  readonly #runtime: Runtime
  readonly #identity: OwnIdentity
  readonly #isWanted: boolean
  readonly #table: Table<Held>
  readonly #byHolder = new Map<string, Held>()
  /** Those on whom something relied since they showed it last. */
  readonly #spent = new Set<string>()

  /**
   * Reads what was noted. Where bytes cost nothing, it does not matter, and nothing is ever noted.
   *
   * @throws {WaxwingError} `ERR_STORE_CORRUPT`.
   */
  static async open(
    runtime: Runtime,
    identity: OwnIdentity,
    { isCostly }: Pick<Medium, 'isCostly'>,
  ): Promise<Holdings> {
    const holdings = new Holdings(runtime, identity, isCostly)
    if (isCostly) await holdings.#load()
    return holdings
  }

  private constructor(runtime: Runtime, identity: OwnIdentity, isWanted: boolean) {
    this.#runtime = runtime
    this.#identity = identity
    this.#isWanted = isWanted
    this.#table = new Table(runtime.store, 'held-of-ours', { toCbor, fromCbor })
  }

  /** Whether somebody holds our credential and our newest card. */
  areWith(holder: Uint8Array): boolean {
    const held = this.#byHolder.get(toBase64Url(holder))
    if (held === undefined) return false
    const { card, credential } = this.#current()
    return equalBytes(held.card, card) && equalBytes(held.credential, credential)
  }

  /**
   * Notes that somebody sealed a message to one of our keys. With its card, it got the credential that we had
   * when we first heard of that; of a later one, it says nothing.
   *
   * @param kemKey - Thumbprint of the key.
   */
  async note(holder: Uint8Array, kemKey: Uint8Array): Promise<void> {
    const { crypto, store } = this.#runtime
    if (!this.#isWanted) return
    const isOfNewest = this.#identity.card.keys.some((key) =>
      equalBytes(kemKeyThumbprint(crypto, key), kemKey),
    )
    const name = toBase64Url(holder)
    const before = this.#byHolder.get(name)
    const now = this.#current()
    const isSame = before !== undefined && equalBytes(before.card, now.card)
    if (!isOfNewest || (isSame && !this.#spent.has(name))) return
    if (before === undefined && this.#byHolder.size >= MAX_HOLDERS) return
    const held = isSame ? before : now
    await store.write([this.#table.put(name, held)])
    this.#byHolder.set(name, held)
    this.#spent.delete(name)
  }

  /** Something that is sent now relies on it: a process that starts before the answer does not. */
  async spend(holder: Uint8Array): Promise<void> {
    const name = toBase64Url(holder)
    if (!this.#byHolder.has(name) || this.#spent.has(name)) return
    await this.#runtime.store.write([this.#table.delete(name)])
    this.#spent.add(name)
  }

  /** Somebody did not answer what it would have understood with all that it was to hold. */
  async forget(holder: Uint8Array): Promise<void> {
    const name = toBase64Url(holder)
    if (!this.#byHolder.delete(name)) return
    this.#spent.delete(name)
    await this.#runtime.store.write([this.#table.delete(name)])
  }

  async #load(): Promise<void> {
    for (const { key, record } of await this.#table.scan()) this.#byHolder.set(key, record)
  }

  #current(): Held {
    const { crypto } = this.#runtime
    const { card, credential } = this.#identity
    return {
      card: packedReference(crypto, card.bytes),
      credential: credential === null ? NONE : packedReference(crypto, credential),
    }
  }
}

function toCbor({ card, credential }: Held): CborValue {
  return [card, credential]
}

function fromCbor(value: CborValue): Held {
  const list = new ArrayFields('held-of-ours record', value, 2)
  return { card: list.bytes(0, 'card'), credential: list.bytes(1, 'credential') }
}
