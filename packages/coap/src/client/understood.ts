// SPDX-License-Identifier: Apache-2.0
/**
 * Responses that a client may take: those with a code that says what became of the request (RFC 7252
 * Section 5.9), and without a critical option that nobody understood (Section 5.4.1).
 *
 * @module
 */

import { WaxwingError } from '@waxwing/core'
import { type CoapMessage, isResponseCode } from '@waxwing/oscore'
import { CoapResponse } from './coap-response.js'
import { codeClass, codeName, RESPONSE } from '../codes.js'
import { CODE_EMPTY } from '../messaging/datagram.js'
import { isCritical, OPTION } from '../options.js'

/** Left where there was nothing for block-wise transfer to do. */
const UNDERSTOOD: ReadonlySet<number> = new Set([OPTION.block1, OPTION.block2])

/**
 * A message as a response.
 *
 * @throws {WaxwingError} `ERR_MALFORMED` if its code is none of a whole response; `ERR_UNSUPPORTED` if
 *   that is of class 3, or if it has a critical option that no layer took away.
 */
export function understood(message: CoapMessage): CoapResponse {
  assertFinalCode(message.code)
  for (const { number } of message.options) {
    if (!isCritical(number) || UNDERSTOOD.has(number)) continue
    const what = `the response has the critical option ${number}, which is not understood`
    throw new WaxwingError('ERR_UNSUPPORTED', what, { field: `option ${number}` })
  }
  return new CoapResponse(message)
}

/** Class 3 has no meaning yet (RFC 7252 Section 12.1.2); 2.31 wants more of a body, which is sent whole. */
function assertFinalCode(byte: number): void {
  if (byte === CODE_EMPTY) return // silence, where No-Response wants it (RFC 7967)
  const what = `the response has the code ${codeName(byte)}`
  const details = { field: 'code' }
  if (!isResponseCode(byte) || byte === RESPONSE.continue) {
    throw new WaxwingError('ERR_MALFORMED', `${what}, which is no answer`, details)
  }
  if (codeClass(byte) === 3) {
    throw new WaxwingError('ERR_UNSUPPORTED', `${what}, which is not understood`, details)
  }
}
