// SPDX-License-Identifier: Apache-2.0
/**
 * OSCORE messages over HTTP hops (RFC 8613 Section 11): POST requests and responses with status 200,
 * with the OSCORE header field.
 *
 * What else stands outside, as host and port, a proxy maps by RFC 8075.
 *
 * @module
 */

import { fromBase64Url, malformed, toBase64Url } from '@waxwing/core'
import { CODE_CHANGED, CODE_POST, type CoapMessage, OPTION } from '../coap/message.js'
import { readOscoreMessage } from './oscore-message.js'

/** Media type of the body (Section 13.5). There is no use for a Content-Format in the message. */
export const OSCORE_MEDIA_TYPE = 'application/oscore'

/** How the empty option is written: a zero byte, since a field needs a value (Section 11.2). */
const EMPTY_OPTION = 'AA'

export interface OscoreHttpMessage {
  readonly headers: {
    readonly OSCORE: string
    readonly 'Content-Type': typeof OSCORE_MEDIA_TYPE
  }
  readonly body: Uint8Array
}

/** The value of the OSCORE header field, for the value of an OSCORE option. */
export function formatOscoreField(option: Uint8Array): string {
  return option.length === 0 ? EMPTY_OPTION : toBase64Url(option)
}

/**
 * The value of the OSCORE option, for the value of an OSCORE header field.
 *
 * @param field - Untrusted.
 * @throws {WaxwingError} `ERR_MALFORMED` unless it is base64url without padding, of one byte at least.
 */
export function parseOscoreField(field: string): Uint8Array {
  if (field === EMPTY_OPTION) return new Uint8Array(0)
  const value = fromBase64Url(field)
  if (value === undefined || value.length === 0) throw malformed('HTTP header field', 'OSCORE')
  return value
}

/**
 * Writes an OSCORE message for HTTP, to be sent as POST or with status 200.
 *
 * @throws {WaxwingError} `ERR_MALFORMED` if it is no OSCORE message.
 */
export function toHttp(message: CoapMessage): OscoreHttpMessage {
  const { ciphertext } = readOscoreMessage(message)
  const option = message.options.find(({ number }) => number === OPTION.oscore)!
  return {
    headers: {
      OSCORE: formatOscoreField(option.value),
      'Content-Type': OSCORE_MEDIA_TYPE,
    },
    body: ciphertext,
  }
}

/**
 * Reads an OSCORE message from HTTP.
 *
 * @param field - The OSCORE header field. Untrusted, as the body.
 * @throws {WaxwingError} `ERR_MALFORMED`.
 */
export function fromHttp(
  direction: 'request' | 'response',
  field: string,
  body: Uint8Array,
): CoapMessage {
  const message = {
    code: direction === 'request' ? CODE_POST : CODE_CHANGED,
    options: [{ number: OPTION.oscore, value: parseOscoreField(field) }],
    payload: body,
  }
  readOscoreMessage(message)
  return message
}
