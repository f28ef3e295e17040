// SPDX-License-Identifier: Apache-2.0
/**
 * A client as the Initiator of EDHOC over CoAP: message_3 travels with the first protected request, so that
 * its response is there after two round trips (RFC 9528 Appendix A.2, RFC 9668 Section 3).
 *
 * @module
 */

import { type CryptoProvider, WaxwingError } from '@waxwing/core'
import {
  type AwaitingMessage2,
  CODE_BAD_OPTION,
  CODE_CHANGED,
  CODE_POST,
  type CoapMessage,
  combineRequest,
  CONTENT_FORMAT_CID_EDHOC,
  EdhocError,
  encodeEdhocPayload,
  type InitiatorSession,
  isOscoreMessage,
  type Message2Outcome,
  protectRequest,
  type ResponderProven,
  type SecurityContext,
  type SharedInput,
  startInitiator,
} from '@waxwing/oscore'
import { codeClass, codeName, RESPONSE } from '../codes.js'
import type { Response } from '../handler.js'
import { OPTION, textOption, uintOption } from '../options.js'
import type { Carrier } from './carrier.js'
import { credentialsFor, type EdhocProfile, type ReadPeer } from './configuration.js'
import { shortId } from './credential.js'
import { contextOfExchange, inputOfExchange } from './fresh-context.js'
import { type Answer, openAnswer, plainAnswerError } from './opened-response.js'
import { type Attempt, refused } from './rederiving.js'

/** Where EDHOC is spoken (RFC 9528 Appendix A.2). */
export const EDHOC_PATH: readonly [string, string] = ['.well-known', 'edhoc']

const SUCCESS_CLASS = 2
/** What is answered where nothing is at that path, or nothing that takes POST. */
const CODES_WITHOUT_EDHOC: ReadonlySet<number> = new Set([
  RESPONSE.notFound,
  RESPONSE.methodNotAllowed,
  RESPONSE.notImplemented,
])
/** A longer message_3 travels alone: the carried request may fill a message already. */
const MAX_COMBINED_BYTES = 128

/** What the Initiator needs to know. */
export interface Initiating {
  readonly crypto: CryptoProvider
  readonly profile: EdhocProfile
  /** Who may be at the other end. */
  readonly peers: readonly ReadPeer[]
}

/** Keys that EDHOC made, which the server proved to have as well. */
export type EdhocAttempt =
  | (Extract<Attempt, { kind: 'established' }> & {
      readonly input: SharedInput
      /** The server's. */
      readonly credential: Uint8Array
    })
  | Extract<Attempt, { kind: 'refused' }>

/**
 * Runs EDHOC.
 *
 * @throws What the network throws; `RangeError` if the request cannot be protected.
 */
export async function initiate(run: Initiating, carrier: Carrier): Promise<EdhocAttempt> {
  const outcome = await askForMessage2(run, carrier)
  if (outcome.kind === 'refused') return outcome
  const { message3, session } = outcome.responder.message3()
  const { credential, connectionId } = session.peer
  const input = inputOf(session)
  const context = contextOfExchange(run.crypto, input)
  const answer = await finish(carrier, { message3, connectionId, context })
  if (answer.kind === 'plain') return refused(plainAnswerError(answer.code))
  const { response } = answer
  return { kind: 'established', context, response, input, credential: credential.encoded }
}

function inputOf(session: InitiatorSession): SharedInput {
  try {
    return inputOfExchange(session.oscore())
  } finally {
    session.close()
  }
}

/** message_1, once more where the server wants another suite. */
async function askForMessage2(
  run: Initiating,
  carrier: Carrier,
): Promise<
  { kind: 'proven'; responder: ResponderProven } | { kind: 'refused'; error: WaxwingError }
> {
  let suitesR: readonly number[] | undefined
  for (;;) {
    const tried = await tryMessage1(run, carrier, suitesR)
    if (tried.kind !== 'error') return tried
    // Once, so that nobody who forges answers keeps a client busy.
    if (tried.retryWith === undefined || suitesR !== undefined) {
      const message = `the server refused EDHOC: ${tried.error.kind}`
      return refused(new WaxwingError('ERR_NOT_AUTHORIZED', message))
    }
    suitesR = tried.retryWith
  }
}

async function tryMessage1(
  { crypto, profile, peers }: Initiating,
  carrier: Carrier,
  suitesR: readonly number[] | undefined,
): Promise<Message2Outcome | { kind: 'refused'; error: WaxwingError }> {
  const { method, suites, credentials } = profile
  const connectionId = shortId(crypto.randomBytes(1)[0]!)
  const { message1, waiting } = startInitiator({
    crypto,
    suites,
    credentials,
    method,
    connectionId,
    suitesR,
    resolve: (idCred) => credentialsFor(peers, idCred),
  })
  const message = edhocRequest(carrier, { kind: 'message_1', message: message1 })
  try {
    return await takeMessage2(waiting, await carrier.exchange(message))
  } finally {
    waiting.close()
  }
}

async function takeMessage2(
  waiting: AwaitingMessage2,
  { code: answered, payload }: Response,
): Promise<Message2Outcome | { kind: 'refused'; error: WaxwingError }> {
  if (payload.length === 0) return refused(noMessage2Error(answered))
  try {
    return await waiting.receive(payload)
  } catch (error) {
    if (!(error instanceof EdhocError)) throw error
    // What cannot be read is a diagnostic payload rather than EDHOC (RFC 7252 Section 5.5.2).
    return refused(codeClass(answered) === SUCCESS_CLASS ? error : noMessage2Error(answered))
  }
}

/** What an answer says that is neither message_2 nor an error message of EDHOC. */
function noMessage2Error(answered: number): WaxwingError {
  // Success without message_2 is that of a server that keeps whatever is sent to it.
  const isOther = codeClass(answered) === SUCCESS_CLASS || CODES_WITHOUT_EDHOC.has(answered)
  if (!isOther) return plainAnswerError(answered)
  const text = codeName(answered)
  const message = `the server speaks no EDHOC, or somebody says so: ${text} without protection`
  return new WaxwingError('ERR_UNSUPPORTED', message, { rule: 'no-edhoc' })
}

interface Finishing {
  readonly message3: Uint8Array
  /** C_R. */
  readonly connectionId: Uint8Array
  readonly context: SecurityContext
}

/** message_3 with what is carried, or before it where the server does not know how to take both. */
async function finish(carrier: Carrier, finishing: Finishing): Promise<Answer> {
  const { message3, context } = finishing
  const { message, exchange } = protectRequest(context, carrier.carried)
  if (message3.length <= MAX_COMBINED_BYTES) {
    const answer = await carrier.carry(combineRequest(message3, message))
    if (isOscoreMessage(answer) || !refusesCombined(answer)) {
      return openAnswer(carrier.asking(exchange), answer)
    }
  }
  return await finishAlone(carrier, finishing)
}

async function finishAlone(
  carrier: Carrier,
  { message3, connectionId, context }: Finishing,
): Promise<Answer> {
  const payload = { kind: 'session', connectionId, message: message3 } as const
  const { code: taken } = await carrier.exchange(edhocRequest(carrier, payload))
  if (taken !== CODE_CHANGED) return { kind: 'plain', code: taken }
  const { message, exchange } = protectRequest(context, carrier.carried)
  return await carrier.ask(message, exchange)
}

/** The EDHOC option is critical: who does not know it says so before anything else. */
function refusesCombined({ code: refusal }: Response): boolean {
  return refusal === CODE_BAD_OPTION || refusal === RESPONSE.notImplemented
}

function edhocRequest(
  carrier: Carrier,
  payload: Parameters<typeof encodeEdhocPayload>[0],
): CoapMessage {
  return {
    code: CODE_POST,
    options: [
      ...carrier.routing,
      ...EDHOC_PATH.map((segment) => textOption(OPTION.uriPath, segment)),
      uintOption(OPTION.contentFormat, CONTENT_FORMAT_CID_EDHOC),
    ],
    payload: encodeEdhocPayload(payload),
  }
}
