// SPDX-License-Identifier: Apache-2.0
/**
 * The Initiator (RFC 9528 Section 5): three steps, each a type of its own that the one before returns.
 *
 * `startInitiator` makes message_1; `AwaitingMessage2` receives the answer, once; `ResponderProven`
 * makes message_3, once, and the session. Invariant: a step that was taken is never taken again, and one
 * that failed leaves no secret and no next step.
 *
 * @module
 */

import { type EcdhSecret, equalBytes, WaxwingError } from '@waxwing/core'
import { type Authenticating, makeSignatureOrMac, signatureOrMacBytes } from './authentication.js'
import {
  cipherSuite,
  type CipherSuite,
  initiatorAuthentication,
  type Method,
  responderAuthentication,
  selectSuite,
  type SuiteId,
} from './cipher-suites.js'
import type { OwnCredential } from './credential.js'
import { type EadItem, encodeEad } from './ead.js'
import {
  authenticatePeer,
  checkOptions,
  type EndpointOptions,
  ownCredentialFor,
  receivedEad,
  whileOpen,
} from './endpoint.js'
import { ephemeralKey } from './ephemeral.js'
import type { ErrorMessage } from './error-message.js'
import { failureOf, receiveEither, Secrets, Step } from './failure.js'
import { KeySchedule, LABELS_OF_INITIATOR, LABELS_OF_RESPONDER } from './key-schedule.js'
import { keyKindFor } from './keys.js'
import { sealMessage, xorKeystream2 } from './message-cipher.js'
import {
  decodeMessage2,
  decodePlaintext2,
  encodeCiphertext,
  encodeMessage1,
  encodePlaintext3,
} from './messages.js'
import { type EdhocPeer, InitiatorSession } from './session.js'

export interface InitiatorOptions extends EndpointOptions {
  readonly method: Method
  /** C_I: what this endpoint tells its sessions by. No other session that is going on may have it. */
  readonly connectionId: Uint8Array
  /** EAD_1, which everybody can read. Default: none. */
  readonly ead1?: readonly EadItem[] | undefined
  /** The suites that the Responder named in an error message, before. */
  readonly suitesR?: readonly number[] | undefined
}

/** What all steps of one session share. */
interface Run {
  readonly options: InitiatorOptions
  readonly suite: CipherSuite
  readonly own: OwnCredential
  readonly schedule: KeySchedule
}

export interface StartedInitiator {
  readonly message1: Uint8Array
  readonly waiting: AwaitingMessage2
}

/**
 * Begins a session.
 *
 * @throws {RangeError} If an option is not what it should be, or there is no own credential for the
 *   method and the selected suite.
 * @throws {WaxwingError} `ERR_UNSUPPORTED` if no suite is also in `suitesR`.
 */
export function startInitiator(given: InitiatorOptions): StartedInitiator {
  checkOptions(given)
  const options = { ...given, connectionId: given.connectionId.slice() }
  const { crypto, method, connectionId, ead1 = [], suites, suitesR } = options
  const suitesI = selectSuite(suites, suitesR)
  const suite = cipherSuite(suitesI.at(-1) ?? -1)!
  const own = ownCredentialFor(options, keyKindFor(initiatorAuthentication(method), suite))
  if (own === undefined) {
    throw new RangeError(`credentials must have one for method ${method} and suite ${suite.id}`)
  }
  const ephemeral = ephemeralKey(crypto, suite)
  const gX = ephemeral.publicKey
  const message1 = encodeMessage1({ method, suitesI, gX, cI: connectionId, ead: ead1 })
  const run = { options, suite, own, schedule: new KeySchedule(crypto) }
  return { message1, waiting: new AwaitingMessage2(run, ephemeral, message1.slice()) }
}

/** What came in the place of message_2. */
export type Message2Outcome =
  | { readonly kind: 'proven'; readonly responder: ResponderProven }
  | {
      readonly kind: 'error'
      readonly error: ErrorMessage
      /**
       * Present if another session with these as `suitesR` would select another suite than this one did.
       * Whoever forges errors can make it select a less preferred one, and the Responder notices.
       */
      readonly retryWith?: readonly number[]
    }

/** message_1 was made. */
export class AwaitingMessage2 {
  readonly #run: Run
  readonly #ephemeral: EcdhSecret
  readonly #message1: Uint8Array
  readonly #step = new Step()

  /** Made by {@link startInitiator}. */
  constructor(run: Run, ephemeral: EcdhSecret, message1: Uint8Array) {
    this.#run = run
    this.#ephemeral = ephemeral
    this.#message1 = message1
  }

  /**
   * Processes message_2, or the error message in its place. The session goes on with what is returned,
   * or is over.
   *
   * @param bytes - Untrusted; the caller bounds its length.
   * @throws {EdhocError} With an answer for the peer: `ERR_MALFORMED`; `ERR_KEY_INVALID` for G_Y;
   *   `ERR_CONFLICT` if C_R is C_I; `ERR_UNSUPPORTED` for a critical EAD item; and what
   *   {@link authenticatePeer} throws.
   * @throws {WaxwingError} `ERR_CLOSED` the second time.
   */
  async receive(bytes: Uint8Array): Promise<Message2Outcome> {
    this.#step.take()
    return await receiveEither<Message2Outcome>(
      bytes,
      {
        error: (error) => this.#refused(error),
        message: async (secrets) => ({
          kind: 'proven',
          responder: await this.#prove(bytes, secrets),
        }),
      },
      this.#run.options,
    )
  }

  /** Gives up. A {@link receive} that waits for the application fails with `ERR_CLOSED`. */
  close(): void {
    this.#step.close()
  }

  #refused(error: ErrorMessage): Message2Outcome {
    const { options, suite } = this.#run
    if (error.kind !== 'wrong-suite') return { kind: 'error', error }
    const { suitesR } = error
    const next = options.suites.find((id: SuiteId) => suitesR.includes(id))
    if (next === undefined || next === suite.id) return { kind: 'error', error }
    return { kind: 'error', error, retryWith: suitesR }
  }

  async #prove(bytes: Uint8Array, secrets: Secrets): Promise<ResponderProven> {
    const { options, suite, schedule } = this.#run
    const { crypto, method, connectionId } = options
    const { gY, ciphertext2 } = decodeMessage2(bytes)
    const th2 = schedule.th2(gY, this.#message1)
    const gXY = secrets.keep(this.#ephemeral.agree(gY))
    const prk2e = secrets.keep(schedule.prk2e(th2, gXY))
    const plaintext2 = secrets.keep(xorKeystream2(schedule, prk2e, th2, ciphertext2))
    const authentication = responderAuthentication(method)
    const lengthBytes = signatureOrMacBytes(suite, authentication)
    const { cR, idCred, signatureOrMac, ead } = decodePlaintext2(plaintext2, lengthBytes)
    if (equalBytes(cR, connectionId)) throw sameIdentifiers()
    const ead2 = receivedEad(options, ead)

    const side = { crypto, schedule, suite, authentication, labels: LABELS_OF_RESPONDER }
    const { credential, prk } = await authenticatePeer(
      whileOpen(options, this.#step),
      side,
      { method, suite, ead: ead2 },
      {
        prkBefore: prk2e,
        agree: (publicKey) => this.#ephemeral.agree(publicKey),
        statement: { cR, idCred, th: th2, ead },
        signatureOrMac,
      },
    )
    const th3 = schedule.nextTh(th2, plaintext2, credential.encoded)
    const peer = { idCred, credential, connectionId: cR }
    return new ResponderProven(this.#run, peer, ead2, { gY, th3, prk3e2m: prk })
  }
}

interface Message3Inputs {
  readonly gY: Uint8Array
  readonly th3: Uint8Array
  readonly prk3e2m: Uint8Array
}

/** message_2 was verified: the peer is who it says. */
export class ResponderProven {
  readonly peer: EdhocPeer
  readonly ead2: readonly EadItem[]
  readonly #run: Run
  readonly #inputs: Message3Inputs
  readonly #step = new Step()

  /** Made by {@link AwaitingMessage2}. */
  constructor(run: Run, peer: EdhocPeer, ead2: readonly EadItem[], inputs: Message3Inputs) {
    this.#run = run
    this.peer = peer
    this.ead2 = ead2
    this.#inputs = inputs
  }

  /**
   * Makes message_3, once, and the session.
   *
   * @param ead3 - EAD_3, which the Responder alone can read.
   * @throws {EdhocError} `ERR_KEY_INVALID` or `ERR_INTERNAL` if the own key fails; `ERR_LIMIT` if the
   *   message would be too long.
   * @throws {WaxwingError} `ERR_CLOSED` the second time.
   * @throws {RangeError} If an EAD item is none; the step may be taken again.
   */
  message3(ead3: readonly EadItem[] = []): { message3: Uint8Array; session: InitiatorSession } {
    encodeEad(ead3)
    this.#step.take()
    const secrets = new Secrets()
    secrets.keep(this.#inputs.prk3e2m)
    try {
      return this.#finish(ead3, secrets)
    } catch (cause) {
      throw failureOf(cause)
    } finally {
      secrets.wipe()
    }
  }

  /** Gives up: overwrites what message_3 would have been made with. */
  close(): void {
    this.#step.take()
    this.#inputs.prk3e2m.fill(0)
  }

  #finish(
    ead: readonly EadItem[],
    secrets: Secrets,
  ): { message3: Uint8Array; session: InitiatorSession } {
    const { options, suite, own, schedule } = this.#run
    const { crypto, method, connectionId, knownEad = [] } = options
    const { th3, prk3e2m } = this.#inputs
    const authentication = initiatorAuthentication(method)
    const side: Authenticating = {
      crypto,
      schedule,
      suite,
      authentication,
      labels: LABELS_OF_INITIATOR,
    }
    const prk4e3m = secrets.keep(this.#prk4e3m(side, secrets))
    const statement = { idCred: own.idCred, th: th3, ead }
    const signatureOrMac = makeSignatureOrMac(side, prk4e3m, own, statement)
    const plaintext3 = secrets.keep(encodePlaintext3({ idCred: own.idCred, signatureOrMac, ead }))
    const key3 = schedule.messageKey(3, prk3e2m, th3)
    const ciphertext3 = sealMessage(crypto, suite, key3, plaintext3)
    const th4 = schedule.nextTh(th3, plaintext3, own.credential.encoded)
    const { peer } = this
    const outcome = { crypto, schedule, suite, method, connectionId, peer, knownEad, prk4e3m, th4 }
    return { message3: encodeCiphertext(ciphertext3), session: new InitiatorSession(outcome) }
  }

  #prk4e3m({ authentication, labels }: Authenticating, secrets: Secrets): Uint8Array {
    const { own, schedule } = this.#run
    const { gY, th3, prk3e2m } = this.#inputs
    const shared = authentication === 'static-dh' ? secrets.keep(own.key.agree(gY)) : undefined
    return schedule.nextPrk(prk3e2m, labels, th3, shared)
  }
}

function sameIdentifiers(): WaxwingError {
  return new WaxwingError('ERR_CONFLICT', 'C_R is the same as C_I')
}
