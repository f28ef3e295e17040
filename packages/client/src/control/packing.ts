// SPDX-License-Identifier: Apache-2.0
/**
 * Packing what is sent where bytes cost, and unpacking whatever comes packed, over any transport
 * (`docs/spec/07-granting.md` Section 7.2.6).
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

export class Packing {
  readonly #inputs: PackingInputs

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

  /** Packs a statement that anybody has to understand, where bytes cost. */
  packed(statement: Uint8Array): Uint8Array {
    const { medium, runtime } = this.#inputs
    return medium.isCostly ? packMessage(runtime.crypto, statement) : statement
  }

  /** Packs a statement over what somebody surely holds, where bytes cost. */
  packedFor(id: Uint8Array, statement: Uint8Array): Uint8Array {
    const { medium, runtime, identity, trustBook, holdings } = this.#inputs
    if (!medium.isCostly) return statement
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
