// SPDX-License-Identifier: Apache-2.0
/**
 * A server as the Responder of EDHOC over CoAP (RFC 9528 Appendix A.2, RFC 9668 Section 3.3).
 *
 * @module
 */

import { type CryptoProvider, equalBytes, toHex, WaxwingError } from '@waxwing/core'
import {
  type AwaitingMessage3,
  CODE_BAD_REQUEST,
  CODE_CHANGED,
  code,
  type CoapMessage,
  CONTENT_FORMAT_EDHOC,
  decodeEdhocPayload,
  EdhocError,
  receiveMessage1,
  type ResponderOptions,
  type ResponderSession,
} from '@waxwing/oscore'
import type { Request } from '../handler.js'
import { challengeFor } from '../messaging/verified.js'
import { OPTION, uintOption } from '../options.js'
import { credentialsFor, type EdhocProfile } from './configuration.js'
import { shortId } from './credential.js'
import { type SecurityListener, tell } from './events.js'
import { contextOfExchange, inputOfExchange } from './fresh-context.js'
import { HalfOpenSessions } from './half-open-sessions.js'
import type { KeptInputs } from './kept-inputs.js'
import type { ServerContexts } from './server-contexts.js'

const CODE_INTERNAL_SERVER_ERROR = code(5, 0)
const SHORT_ID_TRIES = 48
const LONG_ID_BYTES = 3
const EMPTY = new Uint8Array(0)

export interface EdhocResponderOptions {
  readonly crypto: CryptoProvider
  readonly profile: EdhocProfile
  readonly contexts: ServerContexts
  readonly kept: KeptInputs
  readonly listener: SecurityListener | undefined
  readonly monotonic: () => number
  readonly maxHalfOpen: number
  readonly halfOpenTimeoutMs: number
}

export class EdhocResponder {
  readonly #options: EdhocResponderOptions
  readonly #halfOpen: HalfOpenSessions
  /** C_R of those whose message_3 is being verified, in hexadecimal. */
  readonly #completing = new Set<string>()

  constructor(options: EdhocResponderOptions) {
    this.#options = options
    const { maxHalfOpen, halfOpenTimeoutMs, monotonic } = options
    this.#halfOpen = new HalfOpenSessions({
      maxCount: maxHalfOpen,
      timeoutMs: halfOpenTimeoutMs,
      monotonic,
    })
  }

  /** Answers a POST to the EDHOC resource. */
  async receive(request: Request): Promise<CoapMessage> {
    try {
      const received = decodeEdhocPayload(request.payload)
      if (received.kind === 'message_1') return this.#receiveFirst(request, received.message)
      await this.complete(received.connectionId, received.message)
      return { code: CODE_CHANGED, options: [], payload: EMPTY }
    } catch (error) {
      return edhocRefusal(error)
    }
  }

  /**
   * Takes message_3; from then on there is a context under C_R.
   *
   * @throws {EdhocError} As `AwaitingMessage3.receive`.
   * @throws {WaxwingError} `ERR_KEY_UNKNOWN` if no exchange waits for it, or the peer sent an error instead.
   */
  async complete(connectionId: Uint8Array, message3: Uint8Array): Promise<void> {
    const waiting = this.#halfOpen.take(connectionId)
    if (waiting === undefined) throw noExchange('no exchange of EDHOC waits for this message_3')
    const key = toHex(connectionId)
    this.#completing.add(key)
    try {
      await this.#complete(waiting, message3)
    } finally {
      this.#completing.delete(key)
    }
  }

  close(): void {
    this.#halfOpen.close()
  }

  async #complete(waiting: AwaitingMessage3, message3: Uint8Array): Promise<void> {
    const outcome = await waiting.receive(message3)
    if (outcome.kind === 'error') throw noExchange(`the peer gave EDHOC up: ${outcome.error.kind}`)
    try {
      await this.#add(outcome.session)
    } finally {
      outcome.session.close()
    }
  }

  /** Invented addresses fill no more than the half of the places. */
  #receiveFirst(request: Request, message1: Uint8Array): CoapMessage {
    const challenge = this.#halfOpen.isCrowded ? challengeFor(request) : undefined
    return challenge ?? this.#answer(message1, request.peer.address)
  }

  #answer(message1: Uint8Array, address: string): CoapMessage {
    const accepted = receiveMessage1(this.#responder, message1)
    const connectionId = this.#chooseId(accepted.peerConnectionId)
    const { message2, waiting } = accepted.message2({ connectionId })
    this.#halfOpen.add(waiting, address)
    return { code: CODE_CHANGED, options: [EDHOC_FORMAT], payload: message2 }
  }

  get #responder(): ResponderOptions {
    const { crypto, profile } = this.#options
    const { credentials, methods, suites } = profile
    return {
      crypto,
      credentials,
      methods,
      suites,
      resolve: async (idCred) => credentialsFor(await profile.peers(), idCred),
    }
  }

  /**
   * C_R becomes the kid of a client's requests: nobody else may have it (RFC 9528 Section 3.3.3). The
   * shortest is of no bytes.
   */
  #chooseId(cI: Uint8Array): Uint8Array {
    const { crypto } = this.#options
    const [start = 0] = crypto.randomBytes(1)
    let id: Uint8Array = EMPTY
    for (let attempt = 0; equalBytes(id, cI) || this.#isTaken(id);) {
      const isShort = attempt < SHORT_ID_TRIES
      id = isShort ? shortId(start + attempt++) : crypto.randomBytes(LONG_ID_BYTES)
    }
    return id
  }

  #isTaken(id: Uint8Array): boolean {
    const isCompleting = this.#completing.has(toHex(id))
    return isCompleting || this.#halfOpen.has(id) || this.#options.contexts.isTaken(id)
  }

  /** What is kept is kept before the client is answered, which keeps it as well then. */
  async #add(session: ResponderSession): Promise<void> {
    const { crypto, profile, contexts, kept, listener } = this.#options
    const credential = session.peer.credential.encoded
    const name = await profile.nameOf(credential)
    if (name === undefined)
      throw new WaxwingError('ERR_NOT_TRUSTED', 'the peer is not known any more')
    const input = inputOfExchange(session.oscore())
    const context = contextOfExchange(crypto, input)
    contexts.addExchange(name, { input, credential }, context)
    await kept.keepForServer({ input, credential })
    tell(listener, { kind: 'established', side: 'server', name, by: 'edhoc' })
  }
}

const EDHOC_FORMAT = uintOption(OPTION.contentFormat, CONTENT_FORMAT_EDHOC)

/** The answer to a failure of EDHOC, with an error message where there is one (Section 6). */
export function edhocRefusal(error: unknown): CoapMessage {
  const reply = error instanceof EdhocError ? error.reply : undefined
  const isOurs = !(error instanceof WaxwingError) || error.code === 'ERR_INTERNAL'
  return {
    code: isOurs ? CODE_INTERNAL_SERVER_ERROR : CODE_BAD_REQUEST,
    options: reply === undefined ? [] : [EDHOC_FORMAT],
    payload: reply ?? EMPTY,
  }
}

function noExchange(message: string): WaxwingError {
  return new WaxwingError('ERR_KEY_UNKNOWN', message)
}
