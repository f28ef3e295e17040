// SPDX-License-Identifier: Apache-2.0
/**
 * Protecting and verifying requests (RFC 8613 Sections 8.1 and 8.2).
 *
 * @module
 */

import { malformed, WaxwingError } from '@waxwing/core'
import { decodeCoap, encodeCoap } from '../coap/codec.js'
import {
  CODE_UNAUTHORIZED,
  type CoapMessage,
  isRequestCode,
  isSignalingCode,
  OPTION,
  optionValue,
} from '../coap/message.js'
import type { SecurityContext } from './context.js'
import { isNamed } from './context-book.js'
import { decryptionFailed, encrypt, type RequestNames, tryDecrypt } from './cose.js'
import { ClientExchange, ServerExchange } from './exchange.js'
import { checkInner, checkOuterOptions, mergeRequest, splitMessage } from './message-fields.js'
import { constructNonce, decodePartialIv, encodePartialIv } from './nonce.js'
import { encodeOscoreOption } from './option.js'
import { type ReceivedHeader, readOscoreMessage, writeOscoreMessage } from './oscore-message.js'

// Values of Observe in requests (RFC 7641 Section 2).
const REGISTER = 0
const CANCEL = 1
const MAX_OBSERVE_BYTES = 3

export interface ProtectRequestOptions {
  /**
   * Whether the request names its ID Context. Without, the server has to find the context by 'kid'
   * alone (Section 5.1). Default `true`.
   */
  readonly withKidContext?: boolean
  /**
   * Of an Observe cancellation: the registration that it ends. The request is bound to that one's Partial IV
   * (Section 5.4). Default: it is bound to its own, as all other requests are.
   */
  readonly registration?: ClientExchange
}

export interface UnprotectRequestOptions {
  /**
   * Finds the registrations of a client that an Observe cancellation may be of, which it does not say: each
   * is tried. Default: none, and cancellations are bound to their own Partial IV.
   */
  readonly registrations?: (kid: Uint8Array) => readonly ServerExchange[]
}

export interface ProtectedRequest {
  /** The OSCORE message. */
  readonly message: CoapMessage
  /** To be kept for the responses. */
  readonly exchange: ClientExchange
}

/**
 * Finds the contexts that a request may belong to, by 'kid' and 'kid context' (Section 3.3). Those that
 * the request does not name are left out.
 */
export type FindContexts = (
  kid: Uint8Array,
  kidContext: Uint8Array | undefined,
) => readonly SecurityContext[]

/** A request that is authentic and new. */
export interface AcceptedRequest {
  readonly kind: 'accepted'
  /** All of it is authentic but Uri-Host, Uri-Port, Proxy-Uri, Proxy-Scheme and EDHOC. */
  readonly request: CoapMessage
  /** To be kept for the responses. */
  readonly exchange: ServerExchange
}

/**
 * A request that is authentic, and may be a replay, because the replay window was lost. It must not be
 * acted upon: protect `challenge` as its response, and the client asks again (Appendix B.1.2).
 */
export interface UnconfirmedRequest {
  readonly kind: 'unconfirmed'
  /** 4.01 with an Echo option. */
  readonly challenge: CoapMessage
  readonly exchange: ServerExchange
}

export type ReceivedRequest = AcceptedRequest | UnconfirmedRequest

/**
 * Protects a request, or a signaling message that is none's response. Takes one sender sequence number.
 *
 * @throws {RangeError} If the code is of neither, an option is out of range, `registration` is given and the
 *   request is no Observe cancellation in the context of a registration, the message has an OSCORE
 *   option, one of Class U twice or a Proxy-Uri that cannot be split, or 'kid context' would exceed 255 bytes.
 * @throws {WaxwingError} `ERR_NOT_READY` or `ERR_COUNTER_EXHAUSTED`, as `SenderSequence.take`;
 *   `ERR_LIMIT` if the algorithm does not take so long a plaintext.
 * @see {@link https://www.rfc-editor.org/rfc/rfc8613.html#section-8.1 | RFC 8613 Section 8.1}
 */
export function protectRequest(
  context: SecurityContext,
  request: CoapMessage,
  { withKidContext = true, registration }: ProtectRequestOptions = {},
): ProtectedRequest {
  checkRequestCode(request.code)
  if (registration !== undefined) checkCancellation(context, request, registration)
  const { common, sender } = context
  const parts = splitMessage(request, 'request')
  const plaintext = encodeCoap(parts.inner)
  const kid = sender.senderId
  const partialIv = encodePartialIv(sender.sequence.take())
  const nonce = constructNonce({ commonIv: common.commonIv, idPiv: kid, partialIv })
  const names = { kid, partialIv, nonce }
  const bound = registration ?? names
  const payload = encrypt({ common, aead: sender.aead, nonce, request: bound }, plaintext)
  const kidContext = withKidContext ? common.kidContext : undefined
  const header = encodeOscoreOption({ partialIv, kid, kidContext })
  const exchange = new ClientExchange(context, names, {
    isRegistration: hasObserve(request, REGISTER),
    isSignaling: isSignalingCode(request.code),
  })
  return { message: writeOscoreMessage(parts, header, payload), exchange }
}

/**
 * Verifies and decrypts a request. Outer Block options have to be processed before (Section 8.2.1).
 *
 * Uri-Host, Uri-Port, Proxy-Uri, Proxy-Scheme and EDHOC of the result are **not protected** (Section 4.1.3.2):
 * whoever is on the way can add, change and remove them. Do not decide by them what a request may do.
 *
 * @param message - Untrusted.
 * @throws {WaxwingError} `ERR_MALFORMED`, `ERR_KEY_UNKNOWN`, `ERR_REPLAYED` or `ERR_NOT_AUTHENTIC`, to
 *   each of which `refusalFor` has the response; `ERR_CLOSED` once the replay guard was closed.
 * @see {@link https://www.rfc-editor.org/rfc/rfc8613.html#section-8.2 | RFC 8613 Section 8.2}
 */
export function unprotectRequest(
  find: FindContexts,
  message: CoapMessage,
  { registrations = () => [] }: UnprotectRequestOptions = {},
): ReceivedRequest {
  const received = readOscoreMessage(message)
  checkOuterOptions(message)
  const { kid, partialIv, kidContext } = received.header
  if (kid === undefined) throw malformed('OSCORE request', 'kid')
  if (partialIv === undefined) throw malformed('OSCORE request', 'Partial IV')
  const number = decodePartialIv(partialIv)
  let [isKnown, mayBeFresh] = [false, false]
  for (const context of find(kid, kidContext)) {
    if (!isNamed(context, kid, kidContext)) continue
    isKnown = true
    if (!context.recipient.replay.mayBeFresh(number)) continue
    mayBeFresh = true
    const names = { kid: context.recipient.recipientId, partialIv: partialIv.slice() }
    const bound = hasObserve(message, CANCEL) ? cancelled(context, registrations(kid)) : []
    const opened = open(context, { ...names, bound: [...bound, names] }, received)
    if (opened !== undefined) return judge(context, { ...opened, ...names }, message)
  }
  if (!isKnown) throw contextUnknown()
  throw mayBeFresh ? decryptionFailed() : replayedRequest()
}

interface OpenedRequest {
  readonly kid: Uint8Array
  readonly partialIv: Uint8Array
  readonly nonce: Uint8Array
  readonly plaintext: Uint8Array
}

/** The names that a cancellation may be bound to. */
function cancelled(
  context: SecurityContext,
  registrations: readonly ServerExchange[],
): readonly RequestNames[] {
  return registrations.filter((registration) => registration.context === context)
}

function open(
  { common, recipient }: SecurityContext,
  { partialIv, bound }: { readonly partialIv: Uint8Array; readonly bound: readonly RequestNames[] },
  { ciphertext }: ReceivedHeader,
): Pick<OpenedRequest, 'nonce' | 'plaintext'> | undefined {
  const nonce = constructNonce({
    commonIv: common.commonIv,
    idPiv: recipient.recipientId,
    partialIv,
  })
  for (const request of bound) {
    const plaintext = tryDecrypt({ common, aead: recipient.aead, nonce, request }, ciphertext)
    if (plaintext !== undefined) return { nonce, plaintext }
  }
  return undefined
}

/** From here on the request is authentic. */
function judge(
  context: SecurityContext,
  { nonce, plaintext, ...names }: OpenedRequest,
  outer: CoapMessage,
): ReceivedRequest {
  const { replay } = context.recipient
  const number = decodePartialIv(names.partialIv)
  const inner = decodePlaintext(plaintext, () => replay.accept(number, undefined))
  const verdict = replay.accept(number, optionValue(inner, OPTION.echo))
  if (verdict === 'replayed') throw replayedRequest()
  if (verdict === 'unconfirmed') {
    const challenge = echoChallenge(replay.challenge!)
    return { kind: 'unconfirmed', challenge, exchange: new ServerExchange(context, names) }
  }
  checkInner(inner, 'request')
  const exchange = new ServerExchange(context, names, nonce)
  return { kind: 'accepted', request: mergeRequest(outer, inner), exchange }
}

/** What cannot be decoded was received all the same: the replay window is told (Section 8.2, step 6). */
function decodePlaintext(plaintext: Uint8Array, remember: () => void): CoapMessage {
  try {
    return decodeCoap(plaintext)
  } catch (error) {
    remember()
    throw error
  }
}

/** Only the Echo option, and no diagnostic payload (Appendix B.1.2). */
function echoChallenge(echo: Uint8Array): CoapMessage {
  return {
    code: CODE_UNAUTHORIZED,
    options: [{ number: OPTION.echo, value: echo }],
    payload: new Uint8Array(0),
  }
}

/** Whether a request has the Observe option with this value (RFC 7641 Section 2). */
function hasObserve(request: CoapMessage, value: number): boolean {
  const observe = optionValue(request, OPTION.observe)
  if (observe === undefined || isSignalingCode(request.code)) return false
  return observe.length <= MAX_OBSERVE_BYTES && decodePartialIv(observe) === value
}

function checkCancellation(
  context: SecurityContext,
  request: CoapMessage,
  registration: ClientExchange,
): void {
  if (!hasObserve(request, CANCEL)) throw new RangeError('request must be an Observe cancellation')
  if (!registration.isRegistration || registration.context !== context) {
    throw new RangeError('registration must be one in the same context')
  }
}

function checkRequestCode(code: number): void {
  if (!isRequestCode(code) && !isSignalingCode(code)) {
    throw new RangeError(`code must be of a request or a signaling message, got ${code}`)
  }
}

function contextUnknown(): WaxwingError {
  return new WaxwingError('ERR_KEY_UNKNOWN', 'no security context is known for the request')
}

function replayedRequest(): WaxwingError {
  return new WaxwingError('ERR_REPLAYED', 'the request was received before, or is too old to tell')
}
