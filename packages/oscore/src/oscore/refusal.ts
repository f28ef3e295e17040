// SPDX-License-Identifier: Apache-2.0
/**
 * What a server answers to a request that OSCORE refused: simple CoAP responses, without protection (RFC
 * 8613 Sections 7.4 and 8.2).
 *
 * @module
 */

import { type ErrorCode, utf8, WaxwingError } from '@waxwing/core'
import {
  CODE_BAD_OPTION,
  CODE_BAD_REQUEST,
  CODE_UNAUTHORIZED,
  type CoapMessage,
} from '../coap/message.js'
import { MAX_AGE_0 } from './message-fields.js'

const REFUSALS: Partial<Readonly<Record<ErrorCode, readonly [number, string]>>> = {
  ERR_MALFORMED: [CODE_BAD_OPTION, 'Failed to decode COSE'],
  ERR_KEY_UNKNOWN: [CODE_UNAUTHORIZED, 'Security context not found'],
  ERR_REPLAYED: [CODE_UNAUTHORIZED, 'Replay detected'],
  ERR_NOT_AUTHENTIC: [CODE_BAD_REQUEST, 'Decryption failed'],
}

/**
 * The response to a request that `unprotectRequest` refused: 4.02, 4.01 or 4.00, with a diagnostic
 * payload, and Max-Age 0, so that no proxy keeps it. A server may as well stay silent.
 *
 * @returns `undefined` for every other error.
 */
export function refusalFor(error: unknown): CoapMessage | undefined {
  const refusal = error instanceof WaxwingError ? REFUSALS[error.code] : undefined
  if (refusal === undefined) return undefined
  const [code, diagnostic] = refusal
  return { code, options: [MAX_AGE_0], payload: utf8(diagnostic) }
}
