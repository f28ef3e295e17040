// SPDX-License-Identifier: Apache-2.0
/**
 * The EDHOC + OSCORE request: message_3 and the first request that OSCORE protects, in one (RFC 9668
 * Section 3).
 *
 * message_3 stands before the ciphertext, and C_R nowhere: it is the kid of the OSCORE option. What is
 * here takes messages apart and puts them together. Who splits a request processes message_3 first, and
 * unprotects the request with what came of it.
 *
 * @module
 */

import { concatBytes, malformed } from '@waxwing/core'
import { type CoapMessage, OPTION, optionValue } from '../coap/message.js'
import { decodeOscoreOption } from '../oscore/option.js'
import { decodeCiphertext, encodeCiphertext } from './messages.js'
import { endOfItem } from './sequence.js'

const WHAT = 'EDHOC + OSCORE request'

/** The parts of a combined request. */
export interface SplitRequest {
  /** As the Responder's `receive` wants it. */
  readonly message3: Uint8Array
  /** C_R, which tells whose message_3 it is. */
  readonly connectionId: Uint8Array
  /** The request that OSCORE protected, as it was before. */
  readonly request: CoapMessage
}

/**
 * Puts message_3 before the ciphertext of a protected request, and adds the EDHOC option (RFC 9668
 * Section 3.2).
 *
 * @param request - Protected with the session that message_3 completes; its outer message.
 * @throws {WaxwingError} `ERR_MALFORMED` if message_3 is none.
 * @throws {RangeError} If the request is not protected: it has no OSCORE option or no payload, or has
 *   the EDHOC option already.
 */
export function combineRequest(message3: Uint8Array, request: CoapMessage): CoapMessage {
  const ciphertext3 = decodeCiphertext(message3, 'message_3')
  if (optionValue(request, OPTION.oscore) === undefined || request.payload.length === 0) {
    throw new RangeError('request must be protected by OSCORE')
  }
  if (optionValue(request, OPTION.edhoc) !== undefined) {
    throw new RangeError('request must not have the EDHOC option')
  }
  return {
    code: request.code,
    options: [...request.options, { number: OPTION.edhoc, value: new Uint8Array(0) }],
    payload: concatBytes(encodeCiphertext(ciphertext3), request.payload),
  }
}

/** Whether a request has the EDHOC option, and is to be split before anything else. */
export function isCombinedRequest(request: CoapMessage): boolean {
  return optionValue(request, OPTION.edhoc) !== undefined
}

/**
 * Takes a combined request apart (RFC 9668 Section 3.3.1, steps 1 to 3 and 7). Nothing in it is verified.
 *
 * @returns New messages over views into the payload.
 * @throws {WaxwingError} `ERR_MALFORMED`, which a server answers with 4.00: if the EDHOC option is there
 *   twice or not at all, if there is no OSCORE option with a kid, or the payload is not a byte string
 *   with something behind it. The value of the EDHOC option does not matter.
 */
export function splitRequest(request: CoapMessage): SplitRequest {
  const { code, options, payload } = request
  if (options.filter(({ number }) => number === OPTION.edhoc).length !== 1) {
    throw malformed(WHAT, 'EDHOC option')
  }
  const { kid } = decodeOscoreOption(oscoreOption(request))
  if (kid === undefined) throw malformed(WHAT, 'kid')
  const end = endOfItem(payload, 0, WHAT)
  const message3 = payload.subarray(0, end)
  decodeCiphertext(message3, 'message_3')
  if (end === payload.length) throw malformed(WHAT, 'ciphertext')
  const rest = options.filter(({ number }) => number !== OPTION.edhoc)
  return {
    message3,
    connectionId: kid,
    request: { code, options: rest, payload: payload.subarray(end) },
  }
}

function oscoreOption(request: CoapMessage): Uint8Array {
  const value = optionValue(request, OPTION.oscore)
  if (value === undefined) throw malformed(WHAT, 'OSCORE option')
  return value
}
