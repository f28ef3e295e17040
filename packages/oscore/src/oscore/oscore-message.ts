// SPDX-License-Identifier: Apache-2.0
/**
 * OSCORE messages: a CoAP message with the OSCORE option and a ciphertext as payload (RFC 8613 Sections
 * 2 and 6).
 *
 * @module
 */

import { malformed } from '@waxwing/core'
import { sortOptions } from '../coap/codec.js'
import { type CoapMessage, OPTION, optionValue } from '../coap/message.js'
import type { MessageParts } from './message-fields.js'
import { decodeOscoreOption, type OscoreOption } from './option.js'

/** An OSCORE message, decompressed and not verified. Views into the message. */
export interface ReceivedHeader {
  readonly header: OscoreOption
  readonly ciphertext: Uint8Array
}

/** Whether a message is protected. An error that OSCORE itself sends is not (Section 8.3). */
export function isOscoreMessage(message: CoapMessage): boolean {
  return optionValue(message, OPTION.oscore) !== undefined
}

/**
 * Reads header and ciphertext of an OSCORE message.
 *
 * @param message - Untrusted.
 * @throws {WaxwingError} `ERR_MALFORMED` unless there is exactly one OSCORE option, which decodes, and a
 *   payload.
 */
export function readOscoreMessage({ options, payload }: CoapMessage): ReceivedHeader {
  let value: Uint8Array | undefined
  for (const option of options) {
    if (option.number !== OPTION.oscore) continue
    if (value !== undefined) throw malformed('OSCORE message', 'OSCORE option')
    value = option.value
  }
  if (value === undefined) throw malformed('OSCORE message', 'OSCORE option')
  if (payload.length === 0) throw malformed('OSCORE message', 'payload')
  return { header: decodeOscoreOption(value), ciphertext: payload }
}

/** Puts an OSCORE message together. */
export function writeOscoreMessage(
  { outerCode, outerOptions }: MessageParts,
  header: Uint8Array,
  payload: Uint8Array,
): CoapMessage {
  const options = sortOptions([...outerOptions, { number: OPTION.oscore, value: header }])
  return { code: outerCode, options, payload }
}
