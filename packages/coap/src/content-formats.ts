// SPDX-License-Identifier: Apache-2.0
/**
 * The Content-Formats that this package writes and reads itself (RFC 7252 Section 12.3, RFC 6690 and RFC
 * 9052). Any other number of the registry may be used just as well.
 *
 * @module
 */

import { type CoapMessage, optionValue } from '@waxwing/oscore'
import { OPTION, readUint } from './options.js'

/** Numbers of Content-Formats. */
export const CONTENT_FORMAT = {
  textPlain: 0,
  linkFormat: 40,
  octetStream: 42,
  json: 50,
  cbor: 60,
} as const

/** What a message says its payload is; `undefined` where it does not. */
export function contentFormatOf(message: CoapMessage): number | undefined {
  const value = optionValue(message, OPTION.contentFormat)
  return value === undefined ? undefined : readUint(value)
}
