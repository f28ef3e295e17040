// SPDX-License-Identifier: Apache-2.0
/**
 * Protecting and verifying responses and notifications (RFC 8613 Sections 8.3 and 8.4).
 *
 * @module
 */

import { equalBytes, malformed } from '@waxwing/core'
import { decodeCoap, encodeCoap } from '../coap/codec.js'
import {
  type CoapMessage,
  isResponseCode,
  isSignalingCode,
  OPTION,
  optionValue,
} from '../coap/message.js'
import type { CommonContext } from './context.js'
import { decryptionFailed, encrypt, tryDecrypt } from './cose.js'
import { type ClientExchange, replayedResponse, type ServerExchange } from './exchange.js'
import { checkInner, MAX_AGE_0, splitMessage } from './message-fields.js'
import { constructNonce, encodePartialIv } from './nonce.js'
import { encodeOscoreOption } from './option.js'
import { readOscoreMessage, writeOscoreMessage } from './oscore-message.js'

/** The lowest three bytes of a Partial IV stand for Observe (Section 4.1.3.5.2). */
const OBSERVE_BYTES = 3

export interface ProtectResponseOptions {
  /**
   * Whether the response gets a Partial IV of its own. Default: only if the nonce of the request was
   * used for a response before, or must not be used.
   */
  readonly ownPartialIv?: boolean
  /**
   * Whether an Outer Max-Age of 0 tells proxies not to cache the response, which is of use for
   * notifications (Section 4.1.3.1). Default `false`.
   */
  readonly isUncached?: boolean
  /** What goes as 'kid context', which only Appendix B.2 has in responses. Default: nothing. */
  readonly kidContext?: Uint8Array
}

/**
 * Protects a response to an accepted request, or a further notification. Takes a sender sequence number
 * if it gets a Partial IV of its own.
 *
 * @throws {RangeError} If the code is not of a response, an option is out of range, or the message has
 *   an OSCORE option, or another one of Class U twice.
 * @throws {WaxwingError} `ERR_NOT_READY` or `ERR_COUNTER_EXHAUSTED`, as `SenderSequence.take`;
 *   `ERR_LIMIT` if the algorithm does not take so long a plaintext.
 * @see {@link https://www.rfc-editor.org/rfc/rfc8613.html#section-8.3 | RFC 8613 Section 8.3}
 */
export function protectResponse(
  exchange: ServerExchange,
  response: CoapMessage,
  { ownPartialIv = false, isUncached = false, kidContext }: ProtectResponseOptions = {},
): CoapMessage {
  checkResponseCode(response.code)
  const { common, sender } = exchange.context
  const parts = splitMessage(response, 'response')
  const plaintext = encodeCoap(parts.inner)
  // Taken in any case: a later response without Partial IV would be the oldest (Section 4.1.3.5.2).
  const firstNonce = exchange.takeNonce()
  const requestNonce = ownPartialIv ? undefined : firstNonce
  const partialIv = requestNonce === undefined ? encodePartialIv(sender.sequence.take()) : undefined
  const nonce = requestNonce ?? nonceOf(common, sender.senderId, partialIv!)
  const payload = encrypt({ common, aead: sender.aead, nonce, request: exchange }, plaintext)
  const outerOptions = isUncached ? [...parts.outerOptions, MAX_AGE_0] : parts.outerOptions
  const header = encodeOscoreOption({ partialIv, kidContext })
  return writeOscoreMessage({ ...parts, outerOptions }, header, payload)
}

/**
 * Verifies and decrypts a response. Outer Block options have to be processed before (Section 8.4.1).
 *
 * Notifications are returned in their order; Observe then has the lowest three bytes of the Partial
 * IV. A failure ends neither the exchange nor an observation (Section 8.4.2). Of the options outside, none
 * is returned: those of Class U are options of requests.
 *
 * @param exchange - Of the request with the same Token.
 * @param message - Untrusted, with an OSCORE option. A response without one is not protected, and says
 *   nothing for certain.
 * @throws {WaxwingError} `ERR_MALFORMED`; `ERR_REPLAYED` if nothing more is expected, or a later
 *   notification was there; `ERR_NOT_AUTHENTIC`.
 * @see {@link https://www.rfc-editor.org/rfc/rfc8613.html#section-8.4 | RFC 8613 Section 8.4}
 */
export function unprotectResponse(exchange: ClientExchange, message: CoapMessage): CoapMessage {
  if (exchange.isDone) throw replayedResponse()
  const { header, ciphertext } = readOscoreMessage(message)
  const { common, recipient } = exchange.context
  const { kid, partialIv } = header
  if (kid !== undefined && !equalBytes(kid, recipient.recipientId)) throw decryptionFailed()
  const nonce =
    partialIv === undefined ? exchange.nonce : nonceOf(common, recipient.recipientId, partialIv)
  const operation = { common, aead: recipient.aead, nonce, request: exchange }
  const plaintext = tryDecrypt(operation, ciphertext)
  if (plaintext === undefined) throw decryptionFailed()
  const inner = decodeCoap(plaintext)
  checkInner(inner, 'response')
  if (isSignalingCode(inner.code) && !exchange.isSignaling) {
    throw malformed('OSCORE response', 'code')
  }
  exchange.accept(partialIv, isNotification(inner))
  return withObserveValue(inner, partialIv)
}

function isNotification(inner: CoapMessage): boolean {
  return !isSignalingCode(inner.code) && optionValue(inner, OPTION.observe) !== undefined
}

function withObserveValue(inner: CoapMessage, partialIv: Uint8Array | undefined): CoapMessage {
  if (!isNotification(inner)) return inner
  const value = partialIv?.slice(-OBSERVE_BYTES) ?? new Uint8Array(0)
  const options = inner.options.map((option) =>
    option.number === OPTION.observe ? { ...option, value } : option,
  )
  return { ...inner, options }
}

function nonceOf(
  { commonIv }: CommonContext,
  idPiv: Uint8Array,
  partialIv: Uint8Array,
): Uint8Array {
  return constructNonce({ commonIv, idPiv, partialIv })
}

function checkResponseCode(code: number): void {
  if (!isResponseCode(code) && !isSignalingCode(code)) {
    throw new RangeError(`code must be of a response or a signaling message, got ${code}`)
  }
}
