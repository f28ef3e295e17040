// SPDX-License-Identifier: Apache-2.0
/**
 * Composing and sealing this endpoint's own control messages.
 *
 * @module
 */

import {
  inboxAddress,
  requestAddress,
  sealMessage,
  signMessage,
  type DecodedMessage,
  type KemPublicKey,
  type KeyCard,
  type MessageBodies,
  type MessageType,
  type SealedRecipient,
} from '@waxwing/core'
import type { OwnIdentity } from '../identity/own-identity.js'
import type { TrustBook } from '../identity/trust-book.js'
import { nowSeconds, type Runtime } from '../runtime.js'
import type { Holdings } from './holdings.js'
import type { Packing } from './packing.js'

/** A control message, ready to be sent. */
export interface Reply {
  readonly address: string
  readonly payload: Uint8Array
  /** The intermediary keeps it until the recipient comes. */
  readonly retained: boolean
}

export interface ComposeOptions {
  readonly recipient: Uint8Array | null
  /** The message that this one answers, or its digest. */
  readonly inReplyTo?: Pick<DecodedMessage, 'digest'> | undefined
  /** Default: a week. */
  readonly lifeSeconds?: number
  /**
   * Where bytes cost: leave out, or refer to, what the recipient surely holds. Only for what is said again,
   * whole, if that was wrong. Default `false`.
   */
  readonly isFirstTry?: boolean
}

const DEFAULT_LIFE_SECONDS = 604_800
const MESSAGE_ID_BYTES = 16

export class Messenger {
  readonly #runtime: Runtime
  readonly #identity: OwnIdentity
  readonly #trustBook: TrustBook
  readonly #holdings: Holdings
  readonly #packing: Packing

  constructor(inputs: {
    runtime: Runtime
    identity: OwnIdentity
    trustBook: TrustBook
    holdings: Holdings
    packing: Packing
  }) {
    this.#runtime = inputs.runtime
    this.#identity = inputs.identity
    this.#trustBook = inputs.trustBook
    this.#holdings = inputs.holdings
    this.#packing = inputs.packing
  }

  /**
   * Signs a message with our credential and newest key card in its envelope, unless the recipient surely
   * holds them and bytes cost.
   */
  compose<T extends MessageType>(
    type: T,
    body: MessageBodies[T],
    options: ComposeOptions,
  ): Uint8Array {
    const identity = this.#identity
    const issued = nowSeconds(this.#runtime)
    const { bundle } = this.#trustBook.trust
    const { recipient, isFirstTry = false } = options
    const isHeld = isFirstTry && recipient !== null && this.#holdings.areWith(recipient)
    const envelope = {
      id: this.#runtime.crypto.randomBytes(MESSAGE_ID_BYTES),
      issued,
      expires: issued + (options.lifeSeconds ?? DEFAULT_LIFE_SECONDS),
      inReplyTo: options.inReplyTo?.digest,
      bundle: bundle && { version: bundle.version, digest: bundle.digest },
      credential: isHeld ? undefined : (identity.credential ?? undefined),
      keyCard: isHeld ? undefined : identity.card.bytes,
    }
    const { id: author, signingKey: key } = identity
    return signMessage({ type, envelope, body, author, key, recipient })
  }

  /** Signs the acknowledgement of a message. */
  acknowledge(recipient: Uint8Array, digest: Uint8Array): Uint8Array {
    return this.compose('ack', { outcome: 'done' }, { recipient, inReplyTo: { digest } })
  }

  /** Chooses the KEM key to seal to: X-Wing where the card has one. */
  kemKeyOf({ keys }: Pick<KeyCard, 'keys'>): KemPublicKey | undefined {
    return keys.find(({ kind }) => kind === 'x-wing') ?? keys[0]
  }

  /**
   * Chooses the KEM key to seal a grant to: `undefined` if our domain demands X-Wing and the card has
   * none (`docs/spec/06-identity.md` Section 6.4.2).
   */
  grantKeyOf(card: Pick<KeyCard, 'keys'>): KemPublicKey | undefined {
    const key = this.kemKeyOf(card)
    const isXWingDemanded = this.#trustBook.trust.bundle?.requireXWing === true
    return isXWingDemanded && key?.kind !== 'x-wing' ? undefined : key
  }

  /**
   * Seals a signed message for a principal and addresses it to its inbox.
   *
   * @param options - `isFirstTry`: as it was composed.
   */
  async sealFor(
    { id, key }: SealedRecipient,
    message: Uint8Array,
    options: Pick<ComposeOptions, 'isFirstTry'> = {},
  ): Promise<Reply> {
    const { isFirstTry = false } = options
    if (isFirstTry) await this.#holdings.spend(id)
    const packed = isFirstTry
      ? this.#packing.packedFor(id, message)
      : this.#packing.packed(message, id)
    const payload = await sealMessage(this.#runtime.crypto, packed, { id, key })
    return { address: inboxAddress(id), payload, retained: false }
  }

  /** Whether bytes cost on the way to somebody: then a first try may leave things out. */
  isCostlyTo(id: Uint8Array): boolean {
    return this.#packing.isCostlyTo(id)
  }

  /** Addresses a signed message to the request address of a kid, for whoever may grant. */
  addressToAll(kid: Uint8Array, message: Uint8Array): Reply {
    const payload = this.#packing.packed(message)
    return { address: requestAddress(kid), payload, retained: false }
  }

  /** Seals a message where we know the recipient's card; signed only, where we do not. */
  async addressTo(
    id: Uint8Array,
    message: Uint8Array,
    options: Pick<ComposeOptions, 'isFirstTry'> = {},
  ): Promise<Reply> {
    const card = this.#trustBook.cardOf(id)
    const isValid = card !== undefined && card.expires > nowSeconds(this.#runtime)
    const key = isValid ? this.kemKeyOf(card) : undefined
    if (key !== undefined) return this.sealFor({ id, key }, message, options)
    const payload = this.#packing.packed(message, id)
    return { address: inboxAddress(id), payload, retained: false }
  }
}
