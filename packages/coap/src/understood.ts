// SPDX-License-Identifier: Apache-2.0
/**
 * Responses that a client may take: those without a critical option that nobody understood (RFC 7252
 * Section 5.4.1).
 *
 * @module
 */

import { WaxwingError } from '@waxwing/core'
import type { CoapMessage } from '@waxwing/oscore'
import { CoapResponse } from './coap-response.js'
import { isCritical, OPTION } from './options.js'

/** Left where there was nothing for block-wise transfer to do. */
const UNDERSTOOD: ReadonlySet<number> = new Set([OPTION.block1, OPTION.block2])

/**
 * A message as a response.
 *
 * @throws {WaxwingError} `ERR_UNSUPPORTED` if it has a critical option that no layer took away.
 */
export function understood(message: CoapMessage): CoapResponse {
  for (const { number } of message.options) {
    if (!isCritical(number) || UNDERSTOOD.has(number)) continue
    const what = `the response has the critical option ${number}, which is not understood`
    throw new WaxwingError('ERR_UNSUPPORTED', what, { field: `option ${number}` })
  }
  return new CoapResponse(message)
}
