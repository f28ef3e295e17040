// SPDX-License-Identifier: Apache-2.0
/**
 * The Responder (RFC 9528 Section 5): three steps, each a type of its own that the one before returns.
 *
 * `receiveMessage1` says what is asked for; `Message1Accepted` makes message_2, once; `AwaitingMessage3`
 * receives the answer, once, and gives the session. Invariant: as the Initiator's.
 *
 * @module
 */

import { type EcdhSecret, equalBytes, malformed, WaxwingError } from '@waxwing/core'
import { type Authenticating, makeSignatureOrMac, signatureOrMacBytes } from './authentication.js'
import {
  acceptSuite,
  type CipherSuite,
  initiatorAuthentication,
  isMethod,
  type Method,
  POINT_BYTES,
  responderAuthentication,
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
import {
  EdhocError,
  encodeErrorMessage,
  type ErrorMessage,
  isShortAsError,
} from './error-message.js'
import { failureOf, receiveEither, Secrets, Step } from './failure.js'
import { KeySchedule, LABELS_OF_INITIATOR, LABELS_OF_RESPONDER } from './key-schedule.js'
import { keyKindFor } from './keys.js'
import { openMessage, xorKeystream2 } from './message-cipher.js'
import {
  decodeCiphertext,
  decodeMessage1,
  decodePlaintext3,
  encodeMessage2,
  encodePlaintext2,
  type Message1,
} from './messages.js'
import { ResponderSession } from './session.js'

export interface ResponderOptions extends EndpointOptions {
  /** The methods that are accepted. */
  readonly methods: readonly Method[]
}

/** What all steps of one session share. */
interface Run {
  readonly options: ResponderOptions
  readonly method: Method
  readonly suite: CipherSuite
  readonly own: OwnCredential
  readonly schedule: KeySchedule
  readonly ephemeral: EcdhSecret
  /** C_I. */
  readonly cI: Uint8Array
}

interface Message2Inputs {
  readonly gX: Uint8Array
  readonly gXY: Uint8Array
  readonly message1: Uint8Array
}

/**
 * Processes message_1, of which nothing is authentic yet.
 *
 * @param bytes - Untrusted; the caller bounds its length, and how many of these it takes.
 * @throws {EdhocError} With an answer for the peer: `ERR_MALFORMED`; `ERR_UNSUPPORTED` for a method, a
 *   critical EAD item, or a suite (the answer then names those that there are); `ERR_KEY_INVALID` for
 *   G_X. Without an answer: `ERR_MALFORMED` if it may be an error message.
 * @throws {RangeError} If an option is not what it should be.
 */
export function receiveMessage1(options: ResponderOptions, bytes: Uint8Array): Message1Accepted {
  checkOptions(options)
  try {
    return accept(options, bytes.slice())
  } catch (cause) {
    throw failureOf(cause, { answers: !isShortAsError(bytes) })
  }
}

function accept(options: ResponderOptions, bytes: Uint8Array): Message1Accepted {
  const { crypto } = options
  const message = decodeMessage1(bytes)
  const { gX, cI } = message
  const { method, suite } = agreed(options, message)
  if (gX.length !== POINT_BYTES) throw malformed('message_1', 'G_X')
  const own = ownCredentialFor(options, keyKindFor(responderAuthentication(method), suite))
  if (own === undefined) throw unsupported('METHOD')
  const ead1 = receivedEad(options, message.ead)
  const ephemeral = ephemeralKey(crypto, suite)
  const gXY = ephemeral.agree(gX)
  const run = { options, method, suite, own, schedule: new KeySchedule(crypto), ephemeral, cI }
  return new Message1Accepted(run, ead1, { gX, gXY, message1: bytes })
}

/** Method and suite, if both are acceptable (RFC 9528 Sections 5.2.3 and 6.3). */
function agreed(
  { suites, methods }: ResponderOptions,
  { method, suitesI }: Message1,
): { method: Method; suite: CipherSuite } {
  const suite = acceptSuite(suitesI, suites)
  if (suite === undefined) {
    const reply = encodeErrorMessage({ kind: 'wrong-suite', suitesR: suites })
    throw new EdhocError('ERR_UNSUPPORTED', 'EDHOC: the selected suite is not the right one', {
      reply,
      details: { field: 'SUITES_I' },
    })
  }
  if (!isMethod(method) || !methods.includes(method)) throw unsupported('METHOD')
  return { method, suite }
}

export interface Message2Options {
  /**
   * C_R: what this endpoint tells its sessions by. Not C_I, and no other session that is going on may
   * have it.
   */
  readonly connectionId: Uint8Array
  /** EAD_2, which whoever sent message_1 can read, and nobody else. Default: none. */
  readonly ead2?: readonly EadItem[] | undefined
}

/** message_1 can be answered. Nothing says yet who sent it. */
export class Message1Accepted {
  readonly method: Method
  readonly suite: CipherSuite
  /** C_I, which C_R must not be. */
  readonly peerConnectionId: Uint8Array
  readonly ead1: readonly EadItem[]
  readonly #run: Run
  readonly #inputs: Message2Inputs
  readonly #step = new Step()

  /** Made by {@link receiveMessage1}. */
  constructor(run: Run, ead1: readonly EadItem[], inputs: Message2Inputs) {
    this.method = run.method
    this.suite = run.suite
    this.peerConnectionId = run.cI.slice()
    this.ead1 = ead1
    this.#run = run
    this.#inputs = inputs
  }

  /**
   * Makes message_2, once.
   *
   * @throws {RangeError} If C_R is C_I, or an EAD item is none; the step may be taken again.
   * @throws {EdhocError} `ERR_LIMIT` if credential and EAD are longer than 8160 bytes together;
   *   `ERR_INTERNAL` if the own key fails.
   * @throws {WaxwingError} `ERR_CLOSED` the second time.
   */
  message2(options: Message2Options): { message2: Uint8Array; waiting: AwaitingMessage3 } {
    const { connectionId, ead2 = [] } = options
    if (equalBytes(connectionId, this.#run.cI)) {
      throw new RangeError('connectionId must not be C_I')
    }
    encodeEad(ead2)
    this.#step.take()
    const secrets = new Secrets()
    secrets.keep(this.#inputs.gXY)
    try {
      return this.#answer(connectionId.slice(), ead2, secrets)
    } catch (cause) {
      throw failureOf(cause)
    } finally {
      secrets.wipe()
    }
  }

  /** Gives up: overwrites what message_2 would have been made with. */
  close(): void {
    this.#step.take()
    this.#inputs.gXY.fill(0)
  }

  #answer(
    cR: Uint8Array,
    ead: readonly EadItem[],
    secrets: Secrets,
  ): { message2: Uint8Array; waiting: AwaitingMessage3 } {
    const { options, method, suite, own, schedule, ephemeral } = this.#run
    const { gX, gXY, message1 } = this.#inputs
    const gY = ephemeral.publicKey
    const authentication = responderAuthentication(method)
    const th2 = schedule.th2(gY, message1)
    const prk2e = secrets.keep(schedule.prk2e(th2, gXY))
    const shared = authentication === 'static-dh' ? secrets.keep(own.key.agree(gX)) : undefined
    const prk3e2m = schedule.nextPrk(prk2e, LABELS_OF_RESPONDER, th2, shared)
    try {
      const side: Authenticating = {
        crypto: options.crypto,
        schedule,
        suite,
        authentication,
        labels: LABELS_OF_RESPONDER,
      }
      const statement = { cR, idCred: own.idCred, th: th2, ead }
      const signatureOrMac = makeSignatureOrMac(side, prk3e2m, own, statement)
      const plaintext2 = encodePlaintext2({ cR, idCred: own.idCred, signatureOrMac, ead })
      const ciphertext2 = xorKeystream2(schedule, prk2e, th2, plaintext2)
      const th3 = schedule.nextTh(th2, plaintext2, own.credential.encoded)
      const waiting = new AwaitingMessage3(this.#run, { cR, th3, prk3e2m })
      return { message2: encodeMessage2(gY, ciphertext2), waiting }
    } catch (cause) {
      prk3e2m.fill(0)
      throw cause
    }
  }
}

/** What came in the place of message_3. */
export type Message3Outcome =
  | {
      readonly kind: 'completed'
      readonly session: ResponderSession
      readonly ead3: readonly EadItem[]
    }
  | { readonly kind: 'error'; readonly error: ErrorMessage }

interface Message3Inputs {
  readonly cR: Uint8Array
  readonly th3: Uint8Array
  readonly prk3e2m: Uint8Array
}

/** message_2 was made. */
export class AwaitingMessage3 {
  /** C_R, by which to find this again. */
  readonly connectionId: Uint8Array
  readonly #run: Run
  readonly #inputs: Message3Inputs
  readonly #step = new Step()

  /** Made by {@link Message1Accepted}. */
  constructor(run: Run, inputs: Message3Inputs) {
    this.connectionId = inputs.cR.slice()
    this.#run = run
    this.#inputs = inputs
  }

  /**
   * Processes message_3, or the error message in its place.
   *
   * @param bytes - Untrusted; the caller bounds its length.
   * @throws {EdhocError} With an answer for the peer: `ERR_MALFORMED`; `ERR_NOT_AUTHENTIC`;
   *   `ERR_UNSUPPORTED` for a critical EAD item; and what {@link authenticatePeer} throws.
   * @throws {WaxwingError} `ERR_CLOSED` the second time.
   */
  async receive(bytes: Uint8Array): Promise<Message3Outcome> {
    this.#step.take()
    try {
      return await receiveEither<Message3Outcome>(
        bytes,
        {
          error: (error) => ({ kind: 'error', error }),
          message: (secrets) => this.#complete(bytes, secrets),
        },
        this.#run.options,
      )
    } finally {
      this.#inputs.prk3e2m.fill(0)
    }
  }

  /**
   * Gives up: overwrites what message_3 would have been verified with. A {@link receive} that waits for the
   * application fails with `ERR_CLOSED`.
   */
  close(): void {
    this.#step.close()
    this.#inputs.prk3e2m.fill(0)
  }

  async #complete(bytes: Uint8Array, secrets: Secrets): Promise<Message3Outcome> {
    const { options, method, suite, schedule, ephemeral, cI } = this.#run
    const { crypto, knownEad = [] } = options
    const { cR, th3, prk3e2m } = this.#inputs
    const ciphertext3 = decodeCiphertext(bytes, 'message_3')
    const key3 = schedule.messageKey(3, prk3e2m, th3)
    const plaintext3 = secrets.keep(openMessage(crypto, suite, key3, ciphertext3))
    const authentication = initiatorAuthentication(method)
    const lengthBytes = signatureOrMacBytes(suite, authentication)
    const { idCred, signatureOrMac, ead } = decodePlaintext3(plaintext3, lengthBytes)
    const ead3 = receivedEad(options, ead)

    const side = { crypto, schedule, suite, authentication, labels: LABELS_OF_INITIATOR }
    const { credential, prk } = await authenticatePeer(
      whileOpen(options, this.#step),
      side,
      { method, suite, ead: ead3 },
      {
        prkBefore: prk3e2m,
        agree: (publicKey) => ephemeral.agree(publicKey),
        statement: { idCred, th: th3, ead },
        signatureOrMac,
      },
    )
    const prk4e3m = secrets.keep(prk)
    const th4 = schedule.nextTh(th3, plaintext3, credential.encoded)
    const peer = { idCred, credential, connectionId: cI }
    const outcome = { crypto, schedule, suite, method, connectionId: cR, peer, knownEad }
    const session = new ResponderSession({ ...outcome, prk4e3m, th4 })
    return { kind: 'completed', session, ead3 }
  }
}

function unsupported(field: string): WaxwingError {
  return new WaxwingError('ERR_UNSUPPORTED', `message_1: ${field} is not supported`, { field })
}
