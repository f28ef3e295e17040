// SPDX-License-Identifier: Apache-2.0
/**
 * Every control message comes through here (`docs/spec/07-granting.md` Section 7.2.4): cheap checks
 * first, then opened, authenticated, and handed to the one part that acts on it.
 *
 * What a message may cost before its author is verified is bounded; rate limits count against a
 * principal only after its signature verified.
 *
 * @module
 */

import {
  authenticate,
  decodeKeyCard,
  decodeMessage,
  decodeStatement,
  equalBytes,
  isSealedMessage,
  kemKeyThumbprint,
  messageKey,
  openSealedMessage,
  sealedKid,
  WaxwingError,
  type DecodedStatement,
  type VerifiedMessage,
} from '@waxwing/core'
import type { OwnIdentity } from '../identity/own-identity.js'
import type { TrustBook } from '../identity/trust-book.js'
import { nowSeconds, type Runtime } from '../runtime.js'
import type { Reply } from './messenger.js'
import { RateLimit } from './rate-limit.js'

/** Messages that were seen lately: the same again is not acted on twice, only answered. */
const MAX_SEEN = 4096

/** How a message came: what it was sealed to, if it was. */
export interface Arrival {
  readonly sealedTo: Uint8Array | undefined
  readonly kem: 'x25519' | 'x-wing' | undefined
}

export interface Handlers {
  request(message: VerifiedMessage<'request'>): Promise<readonly Reply[]>
  revokedRequest(message: VerifiedMessage<'request'>): Promise<readonly Reply[]>
  grant(message: VerifiedMessage<'grant'>, arrival: Arrival): Promise<readonly Reply[]>
  denial(message: VerifiedMessage<'denial'>): Promise<readonly Reply[]>
  ack(message: VerifiedMessage<'ack'>): Promise<readonly Reply[]>
  revocation(statement: DecodedStatement): Promise<readonly Reply[]>
  /** The author has a newer trust bundle than we. */
  behind(): void
}

export class Dispatcher {
  readonly #runtime: Runtime
  readonly #identity: OwnIdentity
  readonly #trustBook: TrustBook
  readonly #handlers: Handlers
  /** What was answered: the answer may have been lost, and is given again. */
  readonly #seen = new Map<string, readonly Reply[]>()
  readonly #perPrincipal = new RateLimit({ capacity: 60, perSecond: 2 })

  constructor(inputs: {
    runtime: Runtime
    identity: OwnIdentity
    trustBook: TrustBook
    handlers: Handlers
  }) {
    this.#runtime = inputs.runtime
    this.#identity = inputs.identity
    this.#trustBook = inputs.trustBook
    this.#handlers = inputs.handlers
  }

  /**
   * Acts on one control message.
   *
   * @returns What to send back.
   * @throws {WaxwingError} Whatever was wrong with it; nothing was changed then.
   */
  async receive(bytes: Uint8Array): Promise<readonly Reply[]> {
    if (!isSealedMessage(bytes)) return this.#receiveSigned(bytes, NOT_SEALED)
    const key = this.#identity.kemKey(sealedKid(bytes))
    if (key === undefined) {
      throw new WaxwingError('ERR_RECIPIENT', 'the message is sealed to a key that is not ours')
    }
    const { crypto } = this.#runtime
    const signed = await openSealedMessage(crypto, bytes, { id: this.#identity.id, key })
    const arrival = { sealedTo: kemKeyThumbprint(crypto, key), kem: key.kind }
    return this.#receiveSigned(signed, arrival)
  }

  async #receiveSigned(bytes: Uint8Array, arrival: Arrival): Promise<readonly Reply[]> {
    const statement = decodeStatement(bytes)
    switch (statement.type) {
      case 'trust-bundle':
        await this.#trustBook.accept(bytes)
        return []
      case 'credential':
        await this.#trustBook.learn(bytes)
        return []
      case 'key-card':
        await this.#keepCard(bytes)
        return []
      case 'revocation':
        return this.#handlers.revocation(statement)
      case 'request':
      case 'grant':
      case 'denial':
      case 'ack':
        return this.#receiveMessage(bytes, arrival)
      case 'manifest':
      case 'link':
      case 'enrol':
        throw new WaxwingError('ERR_UNSUPPORTED', `a bare ${statement.type} means nothing here`)
    }
  }

  async #keepCard(bytes: Uint8Array): Promise<void> {
    const principal = this.#trustBook.principalOf(decodeKeyCard(bytes).principalId)
    if (principal === undefined) {
      throw new WaxwingError('ERR_NOT_TRUSTED', 'a key card of an unknown principal')
    }
    await this.#trustBook.keepCard(bytes, principal)
  }

  async #receiveMessage(bytes: Uint8Array, arrival: Arrival): Promise<readonly Reply[]> {
    const { crypto } = this.#runtime
    const message = decodeMessage(crypto, bytes)
    const key = messageKey(message)
    const answered = this.#seen.get(key)
    if (answered !== undefined) return answered
    const recipient = this.#recipientOf(message.type, arrival)
    const known = this.#trustBook.principalOf(message.author)?.credential ?? undefined
    const now = nowSeconds(this.#runtime)
    const { trust } = this.#trustBook
    let verified
    try {
      verified = authenticate(message, { trust, recipient, now, knownCredential: known })
    } catch (error) {
      return this.#refuse(message, error)
    }
    this.#compareBundle(verified)
    this.#confirmTime(verified)
    if (!this.#perPrincipal.take(key.slice(0, 64), this.#runtime.time.monotonic())) {
      throw new WaxwingError('ERR_LIMIT', 'the principal sends too much', { rule: 'rate' })
    }
    const replies = await this.#handle(verified, arrival)
    this.#remember(key, verified.type === 'grant' ? replies : [])
    return replies
  }

  /** Requests may be for anybody who has a say; everything else is for one principal alone. */
  #recipientOf(type: string, { sealedTo }: Arrival): Uint8Array | null {
    return type === 'request' && sealedTo === undefined ? null : this.#identity.id
  }

  #handle(message: VerifiedMessage, arrival: Arrival): Promise<readonly Reply[]> {
    const { type } = message
    switch (type) {
      case 'request':
        return this.#handlers.request(message as VerifiedMessage<'request'>)
      case 'grant':
        return this.#handlers.grant(message as VerifiedMessage<'grant'>, arrival)
      case 'denial':
        return this.#handlers.denial(message as VerifiedMessage<'denial'>)
      case 'ack':
        return this.#handlers.ack(message as VerifiedMessage<'ack'>)
      case 'revocation':
      case 'enrol':
        throw new WaxwingError('ERR_UNSUPPORTED', `${type} is not handled here`)
    }
  }

  /** An authority does not answer with silence, not even those who were revoked. */
  async #refuse(
    message: ReturnType<typeof decodeMessage>,
    error: unknown,
  ): Promise<readonly Reply[]> {
    const isRevoked = error instanceof WaxwingError && error.code === 'ERR_REVOKED'
    if (!isRevoked || message.type !== 'request') throw error
    const credential = message.envelope.credential ?? null
    const principal = this.#trustBook.trust.resolve(message.author, credential)
    this.#remember(messageKey(message), [])
    return this.#handlers.revokedRequest({ ...message, principal } as VerifiedMessage<'request'>)
  }

  #remember(key: string, replies: readonly Reply[]): void {
    this.#seen.set(key, replies)
    if (this.#seen.size <= MAX_SEEN) return
    for (const oldest of this.#seen.keys()) {
      this.#seen.delete(oldest)
      return
    }
  }

  /** A keeper's signed word on the time bears ours out. */
  #confirmTime({ principal, envelope }: VerifiedMessage): void {
    const { trust } = this.#trustBook
    if (!trust.keepers().some(({ id }) => equalBytes(id, principal.id))) return
    this.#runtime.time.confirm(envelope.issued * 1000)
  }

  /** Whoever is behind fetches the newer bundle, and waits for nothing. */
  #compareBundle({ envelope, principal }: VerifiedMessage): void {
    const own = this.#trustBook.trust.bundle
    if (own === undefined || envelope.bundle === undefined) return
    const sameDomain = principal.domainId !== null && equalBytes(principal.domainId, own.domainId)
    if (sameDomain && envelope.bundle.version > own.version) this.#handlers.behind()
  }
}

const NOT_SEALED: Arrival = { sealedTo: undefined, kem: undefined }
