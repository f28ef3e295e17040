// SPDX-License-Identifier: Apache-2.0
/**
 * What a completed exchange leaves: keys for the application, and message_4 (RFC 9528 Sections 4.2 and
 * 5.5, Appendices A.1 and H).
 *
 * @module
 */

import { encodeCbor, WaxwingError } from '@waxwing/core'
import { maxIdBytes } from '../oscore/context.js'
import { ALG_SHA_256, type CipherSuite, type EdhocCrypto, type Method } from './cipher-suites.js'
import type { EdhocCredential } from './credential.js'
import { eadForApplication, type EadItem, encodeEad } from './ead.js'
import { decodeErrorMessage, type ErrorMessage, isErrorMessage } from './error-message.js'
import { failureOf } from './failure.js'
import type { IdCred } from './id-cred.js'
import type { KeySchedule, MessageKey } from './key-schedule.js'
import { openMessage, sealMessage } from './message-cipher.js'
import { decodeCiphertext, decodePlaintext4 } from './messages.js'

// Labels of EDHOC_Exporter (RFC 9528 Section 10.1).
const LABEL_MASTER_SECRET = 0
const LABEL_MASTER_SALT = 1
const MAX_LABEL = 65_535
const MAX_EXPORT_BYTES = 8160

/** Key length of AES-CCM-16-64-128. */
const MASTER_SECRET_BYTES = 16
/** The default (RFC 9528 Appendix A.1). */
const MASTER_SALT_BYTES = 8

/** The other end, as it proved to be. */
export interface EdhocPeer {
  readonly idCred: IdCred
  readonly credential: EdhocCredential
  /** C_R at the Initiator, C_I at the Responder. */
  readonly connectionId: Uint8Array
}

/** What an OSCORE security context is derived from (RFC 9528 Appendix A.1, RFC 8613 Section 3.2). */
export interface OscoreParameters {
  readonly masterSecret: Uint8Array
  readonly masterSalt: Uint8Array
  /** The peer's connection identifier. */
  readonly senderId: Uint8Array
  /** The connection identifier of this endpoint. */
  readonly recipientId: Uint8Array
  /** COSE number of the AEAD. */
  readonly algorithm: 10
  /** COSE number of the hash that HKDF uses. */
  readonly hash: -16
}

/** What is left when message_3 was made or verified. */
export interface SessionOutcome {
  readonly crypto: EdhocCrypto
  readonly schedule: KeySchedule
  readonly suite: CipherSuite
  readonly method: Method
  readonly connectionId: Uint8Array
  readonly peer: EdhocPeer
  readonly knownEad: readonly number[]
  readonly prk4e3m: Uint8Array
  readonly th4: Uint8Array
}

/**
 * The keys of one completed exchange. `close` overwrites them.
 *
 * The Initiator does not store them, nor what is exported, before message_4 or another message that is
 * protected with them came back: only then it is sure that the Responder has them too (RFC 9528
 * Section 5.4.2).
 */
abstract class EdhocSession {
  readonly method: Method
  readonly suite: CipherSuite
  /** The identifier that this endpoint chose. */
  readonly connectionId: Uint8Array
  readonly peer: EdhocPeer
  readonly #schedule: KeySchedule
  #prkOut: Uint8Array
  #prkExporter: Uint8Array
  #isClosed = false
  /** Whether OSCORE was given its keys since the last update. */
  #gaveOscore = false
  #key4: MessageKey | undefined

  constructor(outcome: SessionOutcome) {
    const { schedule, prk4e3m, th4 } = outcome
    this.method = outcome.method
    this.suite = outcome.suite
    this.connectionId = outcome.connectionId
    this.peer = outcome.peer
    this.#schedule = schedule
    this.#prkOut = schedule.prkOut(prk4e3m, th4)
    this.#prkExporter = schedule.prkExporter(this.#prkOut)
    this.#key4 = schedule.messageKey(4, prk4e3m, th4)
  }

  /**
   * EDHOC_Exporter (RFC 9528 Section 4.2.1).
   *
   * @param label - Registered, or from 32768 to 65535 for private use.
   * @param context - Bound to the result; may be empty.
   * @returns `lengthBytes` new bytes.
   * @throws {RangeError} If `label` is not within 0 and 65535, or `lengthBytes` not within 0 and 8160.
   * @throws {WaxwingError} `ERR_CLOSED`.
   */
  exporter(label: number, context: Uint8Array, lengthBytes: number): Uint8Array {
    if (!Number.isInteger(label) || label < 0 || label > MAX_LABEL) {
      throw new RangeError(`label must be an integer within 0 and ${MAX_LABEL}, got ${label}`)
    }
    if (!Number.isInteger(lengthBytes) || lengthBytes < 0 || lengthBytes > MAX_EXPORT_BYTES) {
      throw new RangeError(`lengthBytes must be within 0 and ${MAX_EXPORT_BYTES}`)
    }
    this.#checkOpen()
    return this.#schedule.kdf(this.#prkExporter, label, context, lengthBytes)
  }

  /**
   * EDHOC_KeyUpdate (RFC 9528 Appendix H): all keys that are exported from now on are new, and the old
   * ones cannot be worked out from them. Both ends do it with the same context.
   *
   * @throws {WaxwingError} `ERR_CLOSED`.
   */
  keyUpdate(context: Uint8Array): void {
    this.#checkOpen()
    const next = this.#schedule.updatedPrkOut(this.#prkOut, context)
    this.#prkOut.fill(0)
    this.#prkExporter.fill(0)
    this.#prkOut = next
    this.#prkExporter = this.#schedule.prkExporter(next)
    this.#gaveOscore = false
  }

  /**
   * Exports what OSCORE needs (RFC 9528 Appendix A.1), once until the next {@link keyUpdate}: two contexts
   * of the same keys that both begin at 0 would repeat nonces. So must whoever calls {@link exporter} with
   * the labels 0 and 1 see to it.
   *
   * @throws {WaxwingError} `ERR_CLOSED`, also the second time; `ERR_LIMIT` if a connection identifier is longer than the 7
   *   bytes that OSCORE has room for.
   */
  oscore(): OscoreParameters {
    const senderId = this.peer.connectionId
    const recipientId = this.connectionId
    const algorithm = this.suite.applicationAead
    if (Math.max(senderId.length, recipientId.length) > maxIdBytes(algorithm)) {
      throw new WaxwingError('ERR_LIMIT', 'a connection identifier is too long for OSCORE', {
        rule: 'length of an OSCORE identifier',
      })
    }
    this.#checkOpen()
    if (this.#gaveOscore) {
      throw new WaxwingError('ERR_CLOSED', 'the keys for OSCORE were taken before: update the keys')
    }
    this.#gaveOscore = true
    const none = new Uint8Array(0)
    return {
      masterSecret: this.exporter(LABEL_MASTER_SECRET, none, MASTER_SECRET_BYTES),
      masterSalt: this.exporter(LABEL_MASTER_SALT, none, MASTER_SALT_BYTES),
      senderId: senderId.slice(),
      recipientId: recipientId.slice(),
      algorithm,
      hash: ALG_SHA_256,
    }
  }

  /** Overwrites all keys. What was exported is the application's. */
  close(): void {
    this.#isClosed = true
    this.#prkOut.fill(0)
    this.#prkExporter.fill(0)
    this.#key4?.key.fill(0)
    this.#key4 = undefined
  }

  /** The key of message_4, once. */
  protected takeKey4(): MessageKey {
    this.#checkOpen()
    const key4 = this.#key4
    this.#key4 = undefined
    if (key4 === undefined) throw new WaxwingError('ERR_CLOSED', 'message_4 was processed before')
    return key4
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new WaxwingError('ERR_CLOSED', 'the session was closed')
  }
}

export type { EdhocSession }

/** The session at the Responder, which may confirm it. */
export class ResponderSession extends EdhocSession {
  readonly #crypto: EdhocCrypto

  constructor(outcome: SessionOutcome) {
    super(outcome)
    this.#crypto = outcome.crypto
  }

  /**
   * Makes message_4, once. It has to be sent where no other message that is protected with exported
   * keys goes back (RFC 9528 Section 5.5).
   *
   * @throws {WaxwingError} `ERR_CLOSED` the second time.
   * @throws {RangeError} If an EAD item is none.
   */
  message4(ead: readonly EadItem[] = []): Uint8Array {
    const plaintext = encodeEad(ead)
    return encodeCbor(sealMessage(this.#crypto, this.suite, this.takeKey4(), plaintext))
  }
}

/** What came in the place of message_4. */
export type Message4Outcome =
  | { readonly kind: 'confirmed'; readonly ead: readonly EadItem[] }
  | { readonly kind: 'error'; readonly error: ErrorMessage }

/** The session at the Initiator, which may wait for its confirmation. */
export class InitiatorSession extends EdhocSession {
  readonly #outcome: Pick<SessionOutcome, 'crypto' | 'knownEad'>

  constructor(outcome: SessionOutcome) {
    super(outcome)
    const { crypto, knownEad } = outcome
    this.#outcome = { crypto, knownEad }
  }

  /**
   * Verifies message_4, once. If it does not verify, or is an error message, the session is closed.
   *
   * @param bytes - Untrusted.
   * @throws {EdhocError} `ERR_NOT_AUTHENTIC`, `ERR_MALFORMED`, or `ERR_UNSUPPORTED` for a critical EAD
   *   item that is not known.
   * @throws {WaxwingError} `ERR_CLOSED` the second time.
   */
  receiveMessage4(bytes: Uint8Array): Message4Outcome {
    const key4 = this.takeKey4()
    const { crypto, knownEad } = this.#outcome
    try {
      if (isErrorMessage(bytes)) {
        this.close()
        return { kind: 'error', error: decodeErrorMessage(bytes) }
      }
      const ciphertext = decodeCiphertext(bytes, 'message_4')
      const plaintext = openMessage(crypto, this.suite, key4, ciphertext)
      return { kind: 'confirmed', ead: eadForApplication(decodePlaintext4(plaintext), knownEad) }
    } catch (cause) {
      key4.key.fill(0)
      this.close()
      throw failureOf(cause, { answers: !isErrorMessage(bytes) })
    }
  }
}
