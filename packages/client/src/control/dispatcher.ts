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
  decodeTrustBundle,
  equalBytes,
  isSealedMessage,
  kemKeyThumbprint,
  messageKey,
  openSealedMessage,
  sealedKid,
  toHex,
  WaxwingError,
  type DecodedMessage,
  type DecodedStatement,
  type VerifiedMessage,
} from '@waxwing/core'
import type { OwnIdentity } from '../identity/own-identity.js'
import { judgedSeconds } from '../identity/statement-time.js'
import type { TrustBook } from '../identity/trust-book.js'
import type { Runtime } from '../runtime.js'
import { EarlyCards } from './early-cards.js'
import type { Holdings } from './holdings.js'
import { KeepersWord } from './keepers-word.js'
import type { Reply } from './messenger.js'
import { isOwnTrouble } from './own-trouble.js'
import type { Packing } from './packing.js'
import { RateLimit } from './rate-limit.js'
import { Seen } from './seen.js'

/** How a message came: what it was sealed to, if it was, and whether for the first time. */
export interface Arrival {
  readonly sealedTo: Uint8Array | undefined
  readonly kem: 'x25519' | 'x-wing' | undefined
  readonly isPacked: boolean
  /** It came before, and only our own trouble has it come again. */
  readonly isRetry: boolean
}

export interface Handlers {
  request(message: VerifiedMessage<'request'>): Promise<readonly Reply[]>
  /** A request that is not looked at: its author was revoked, or asks too often. */
  refuse(
    message: VerifiedMessage<'request'>,
    code: 'not-authorized' | 'rate-limited',
  ): Promise<readonly Reply[]>
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
  readonly #packing: Packing
  readonly #holdings: Holdings
  readonly #handlers: Handlers
  readonly #seen = new Seen()
  readonly #earlyCards: EarlyCards
  readonly #keepersWord: KeepersWord
  readonly #perPrincipal = new RateLimit({ capacity: 60, perSecond: 2 })
  /** Grants that were left for us while we were away come all at once, and so do acks of many orders. */
  readonly #grantsAndAcks = new RateLimit({ capacity: 4096, perSecond: 8 })
  /** Answers to what is not looked at, and repeated answers, are few. */
  readonly #refusals = new RateLimit({ capacity: 10, perSecond: 0.2 })
  /** Of principals that are not known yet, when they come bare. */
  readonly #partnerCredentials = new RateLimit({ capacity: 64, perSecond: 1 })
  /** The last bundle whose anchor was unknown. */
  #early: Uint8Array | undefined

  constructor(inputs: {
    runtime: Runtime
    identity: OwnIdentity
    trustBook: TrustBook
    packing: Packing
    holdings: Holdings
    handlers: Handlers
  }) {
    this.#runtime = inputs.runtime
    this.#identity = inputs.identity
    this.#trustBook = inputs.trustBook
    this.#packing = inputs.packing
    this.#holdings = inputs.holdings
    this.#handlers = inputs.handlers
    this.#keepersWord = new KeepersWord(inputs.runtime, inputs.trustBook)
    const { crypto } = inputs.runtime
    this.#earlyCards = new EarlyCards((count) => crypto.randomBytes(count))
  }

  /**
   * Acts on one control message.
   *
   * @param isRetry - Whether it was tried before, and failed for a reason of our own: it is not
   *   counted again (Section 7.2.4).
   * @returns What to send back.
   * @throws {WaxwingError} Whatever was wrong with it; nothing was changed then.
   */
  async receive(bytes: Uint8Array, isRetry = false): Promise<readonly Reply[]> {
    if (!isSealedMessage(bytes)) return this.#receivePlain(bytes, { ...NOT_SEALED, isRetry })
    const key = this.#identity.kemKey(sealedKid(bytes))
    if (key === undefined) {
      throw new WaxwingError('ERR_RECIPIENT', 'the message is sealed to a key that is not ours')
    }
    const { crypto } = this.#runtime
    const inside = await openSealedMessage(crypto, bytes, { id: this.#identity.id, key })
    const arrival = { sealedTo: kemKeyThumbprint(crypto, key), kem: key.kind, isRetry }
    return this.#receivePlain(inside, arrival)
  }

  #receivePlain(bytes: Uint8Array, how: Omit<Arrival, 'isPacked'>): Promise<readonly Reply[]> {
    const signed = this.#packing.unpacked(bytes)
    return this.#receiveSigned(signed, { ...how, isPacked: signed !== bytes })
  }

  async #receiveSigned(bytes: Uint8Array, arrival: Arrival): Promise<readonly Reply[]> {
    const statement = decodeStatement(bytes)
    switch (statement.type) {
      case 'trust-bundle':
        await this.#acceptBundle(bytes)
        return []
      case 'credential':
        await this.#learn(bytes, arrival)
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

  async #learn(credential: Uint8Array, { isRetry }: Arrival): Promise<void> {
    if (!isRetry) this.#checkRate(credential)
    const principal = await this.#trustBook.learn(credential)
    const early = this.#earlyCards.take(principal.id)
    if (early === undefined) return
    try {
      await this.#trustBook.keepCard(early, principal)
    } catch (error) {
      if (isOwnTrouble(error)) this.#earlyCards.keep(principal.id, early)
      throw error
    }
  }

  /** A partner may certify as many as it likes; those of our own domain come all at once. */
  #checkRate(credential: Uint8Array): void {
    const { trust } = this.#trustBook
    const { id, domainId } = trust.resolveCredential(credential)
    const own = this.#identity.domainId
    const isOurs = own !== null && domainId !== null && equalBytes(own, domainId)
    if (isOurs || this.#trustBook.isKnown(id)) return
    const partner = toHex(domainId ?? id)
    if (this.#partnerCredentials.take(partner, this.#runtime.time.monotonic())) return
    const detail = { rule: 'rate' }
    throw new WaxwingError('ERR_LIMIT', 'the partner certifies too many principals', detail)
  }

  /**
   * A bundle by an anchor that we have not been introduced to yet may come before its introduction:
   * the last such one is tried again when another bundle was accepted.
   */
  async #acceptBundle(bytes: Uint8Array): Promise<void> {
    try {
      await this.#trustBook.accept(bytes)
    } catch (error) {
      if (this.#isEarly(bytes, error)) this.#early = bytes
      throw error
    }
    const early = this.#early
    this.#early = undefined
    if (early === undefined) return
    try {
      await this.#acceptBundle(early)
    } catch (error) {
      // What is wrong with it was said when it came.
      if (!isOwnTrouble(error)) return
      this.#early = early
      throw error
    }
  }

  #isEarly(bytes: Uint8Array, error: unknown): boolean {
    if (!(error instanceof WaxwingError) || error.code !== 'ERR_NOT_TRUSTED') return false
    const { domainId } = decodeTrustBundle(this.#runtime.crypto, bytes)
    const own = this.#identity.domainId
    return own !== null && equalBytes(own, domainId)
  }

  async #keepCard(bytes: Uint8Array): Promise<void> {
    const { principalId } = decodeKeyCard(bytes)
    const principal = this.#trustBook.principalOf(principalId)
    if (principal !== undefined) {
      await this.#trustBook.keepCard(bytes, principal)
      return
    }
    this.#earlyCards.keep(principalId, bytes)
    throw new WaxwingError('ERR_NOT_TRUSTED', 'a key card of an unknown principal')
  }

  async #receiveMessage(bytes: Uint8Array, arrival: Arrival): Promise<readonly Reply[]> {
    const { crypto, time } = this.#runtime
    const message = decodeMessage(crypto, bytes)
    const answered = this.#seen.answerTo(message)
    if (answered !== undefined) {
      if (answered.length === 0) return []
      const again = `again/${messageKey(message)}`
      return this.#refusals.take(again, time.monotonic()) ? answered : []
    }
    const verified = this.#authenticate(message, arrival)
    if (verified.kind === 'revoked') {
      this.#seen.remember(message, [])
      return this.#refuse(verified.message, 'not-authorized')
    }
    this.#packing.note(message.author, arrival.isPacked)
    if (arrival.sealedTo) await this.#holdings.note(message.author, arrival.sealedTo)
    this.#compareBundle(verified.message)
    this.#keepersWord.take(verified.message)
    if (!arrival.isRetry && !this.#mayAct(verified.message)) return this.#tooMuch(verified.message)
    const replies = await this.#handle(verified.message, arrival)
    this.#seen.remember(message, message.type === 'grant' ? replies : [])
    return replies
  }

  /** An authority does not answer with silence, not even those who were revoked. */
  #authenticate(
    message: DecodedMessage,
    { sealedTo }: Arrival,
  ):
    | { readonly kind: 'verified'; readonly message: VerifiedMessage }
    | { readonly kind: 'revoked'; readonly message: VerifiedMessage<'request'> } {
    // Requests may be for anybody who has a say; everything else is for one principal alone.
    const recipient = message.type === 'request' && !sealedTo ? null : this.#identity.id
    const { trust } = this.#trustBook
    const known = this.#trustBook.principalOf(message.author)?.credential ?? undefined
    const now = judgedSeconds(this.#runtime, message.envelope.issued)
    const inputs = { trust, recipient, now, knownCredential: known }
    try {
      return { kind: 'verified', message: authenticate(message, inputs) }
    } catch (error) {
      const isRevoked = error instanceof WaxwingError && error.code === 'ERR_REVOKED'
      if (!isRevoked || message.type !== 'request') throw error
      const credential = message.envelope.credential ?? known ?? null
      const principal = trust.resolve(message.author, credential)
      const request = { ...message, principal } as VerifiedMessage<'request'>
      return { kind: 'revoked', message: request }
    }
  }

  #mayAct({ type, author }: VerifiedMessage): boolean {
    const isManyAtOnce = type === 'grant' || type === 'ack'
    const limit = isManyAtOnce ? this.#grantsAndAcks : this.#perPrincipal
    return limit.take(toHex(author), this.#runtime.time.monotonic())
  }

  #tooMuch(message: VerifiedMessage): Promise<readonly Reply[]> {
    if (message.type === 'request') {
      return this.#refuse(message, 'rate-limited')
    }
    throw new WaxwingError('ERR_LIMIT', 'the principal sends too much', { rule: 'rate' })
  }

  #refuse(
    message: VerifiedMessage<'request'>,
    code: 'not-authorized' | 'rate-limited',
  ): Promise<readonly Reply[]> {
    const author = toHex(message.author)
    if (this.#refusals.take(author, this.#runtime.time.monotonic())) {
      return this.#handlers.refuse(message, code)
    }
    throw new WaxwingError('ERR_LIMIT', 'the principal sends too much', { rule: 'rate' })
  }

  #handle(message: VerifiedMessage, arrival: Arrival): Promise<readonly Reply[]> {
    const { type } = message
    switch (type) {
      case 'request':
        return this.#handlers.request(message)
      case 'grant':
        return this.#handlers.grant(message, arrival)
      case 'denial':
        return this.#handlers.denial(message)
      case 'ack':
        return this.#handlers.ack(message)
      case 'revocation':
      case 'enrol':
        throw new WaxwingError('ERR_UNSUPPORTED', `${type} is not handled here`)
    }
  }

  /** Whoever is behind fetches the newer bundle, and waits for nothing (Section 6.5.5). */
  #compareBundle({ envelope, principal }: VerifiedMessage): void {
    const own = this.#trustBook.trust.bundle
    const theirs = envelope.bundle
    if (own === undefined || theirs === undefined) return
    if (principal.domainId === null || !equalBytes(principal.domainId, own.domainId)) return
    if (theirs.version > own.version) this.#handlers.behind()
    if (theirs.version === own.version && !equalBytes(theirs.digest, own.digest)) {
      const message = `${principal.name} has another trust bundle of the same version`
      this.#runtime.report(new WaxwingError('ERR_CONFLICT', message))
    }
  }
}

const NOT_SEALED = { sealedTo: undefined, kem: undefined } as const
