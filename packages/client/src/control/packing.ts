// SPDX-License-Identifier: Apache-2.0
/**
 * Packing what is sent where bytes cost, and unpacking whatever comes packed, over any transport
 * (`docs/spec/07-granting.md` Section 7.2.6). Who sent something packed gets its answers packed: behind a bridge
 * there may be another medium than ours.
 *
 * What another side surely holds is what it sent itself, and what it showed that it holds of ours.
 *
 * @module
 */

import {
  equalBytes,
  isPackedMessage,
  packedReference,
  packMessage,
  toBase64Url,
  unpackMessage,
} from '@waxwing/core'
import type { OwnIdentity } from '../identity/own-identity.js'
import type { TrustBook } from '../identity/trust-book.js'
import type { Runtime } from '../runtime.js'
import type { Holdings } from './holdings.js'
import type { Medium } from './medium.js'

export interface PackingInputs {
  readonly runtime: Runtime
  readonly identity: OwnIdentity
  readonly trustBook: TrustBook
  readonly holdings: Holdings
  readonly medium: Medium
}

/** Principals whose last message came packed; beyond it the oldest is forgotten. */
const MAX_PACKERS = 10_000

export class Packing {
  readonly #inputs: PackingInputs
  readonly #packers = new Set<string>()

  constructor(inputs: PackingInputs) {
    this.#inputs = inputs
  }

  /**
   * Unpacks a message, if it is packed.
   *
   * @throws {WaxwingError} As `unpackMessage`.
   */
  unpacked(message: Uint8Array): Uint8Array {
    if (!isPackedMessage(message)) return message
    return unpackMessage(message, (reference) => this.#find(reference))
  }

  /** Notes whether a message that was verified came packed. */
  note(author: Uint8Array, isPacked: boolean): void {
    const name = toBase64Url(author)
    this.#packers.delete(name)
    if (isPacked) this.#packers.add(name)
    const [oldest] = this.#packers
    if (this.#packers.size > MAX_PACKERS && oldest !== undefined) this.#packers.delete(oldest)
  }

  /** Whether bytes cost on the way to somebody. */
  isCostlyTo(id: Uint8Array): boolean {
    return this.#inputs.medium.isCostly || this.#packers.has(toBase64Url(id))
  }

  /**
   * Packs a statement that anybody has to understand, where bytes cost.
   *
   * @param id - Who gets it; left out: everybody.
   */
  packed(statement: Uint8Array, id?: Uint8Array): Uint8Array {
    const { medium, runtime } = this.#inputs
    const isCostly = id === undefined ? medium.isCostly : this.isCostlyTo(id)
    return isCostly ? packMessage(runtime.crypto, statement) : statement
  }

  /** Packs a statement over what somebody surely holds, where bytes cost. */
  packedFor(id: Uint8Array, statement: Uint8Array): Uint8Array {
    const { runtime, identity, trustBook, holdings } = this.#inputs
    if (!this.isCostlyTo(id)) return statement
    const theirs = [trustBook.principalOf(id)?.credential, trustBook.cardOf(id)?.bytes]
    const ours = holdings.areWith(id) ? [identity.credential, identity.card.bytes] : []
    const known = [...theirs, ...ours].filter((bytes) => bytes instanceof Uint8Array)
    return packMessage(runtime.crypto, statement, known)
  }

  #find(reference: Uint8Array): Uint8Array | undefined {
    const { runtime, identity, trustBook } = this.#inputs
    const own = [identity.credential, ...identity.cards.map(({ bytes }) => bytes)]
    const isMeant = (bytes: Uint8Array | null): boolean =>
      bytes !== null && equalBytes(packedReference(runtime.crypto, bytes), reference)
    return own.find(isMeant) ?? trustBook.referredTo(reference)
  }
}
