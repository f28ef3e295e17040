// SPDX-License-Identifier: Apache-2.0
/**
 * Media types of HTTP and Content-Formats of CoAP (RFC 8075 Section 6). A Content-Format is a media type
 * with its parameters and a content coding; what the table lacks is `application/coap-payload`.
 *
 * @module
 */

import { type MediaType, MEDIA_TYPES } from '../content-formats.js'

/** RFC 8075 Section 6.2. */
const COAP_PAYLOAD = 'application/coap-payload'
const MAX_CONTENT_FORMAT = 65_535

/** In HTTP it says that a message is protected, not that a payload is one (RFC 8613 Section 11.1). */
const PROTECTED_MESSAGE = 'application/oscore'

const NAMED: ReadonlyMap<number, MediaType> = new Map(
  [...MEDIA_TYPES].filter(([, { contentType }]) => contentType !== PROTECTED_MESSAGE),
)

const FORMATS: ReadonlyMap<string, number> = new Map([
  ...[...NAMED].map(
    ([format, { contentType, contentEncoding = '' }]) =>
      [lookupKey(contentType, contentEncoding), format] as const,
  ),
  // Without a charset it is US-ASCII (RFC 2046 Section 4.1.2), which is UTF-8 as well.
  ['text/plain', 0],
])

/** How HTTP says a Content-Format. */
export function mediaTypeOf(contentFormat: number): MediaType {
  return NAMED.get(contentFormat) ?? { contentType: `${COAP_PAYLOAD};cf=${contentFormat}` }
}

/**
 * The Content-Format for a media type with a content coding; `undefined` where there is none.
 *
 * @param contentType - Of a header field. Untrusted, as the coding.
 */
export function contentFormatFor(contentType: string, contentEncoding = ''): number | undefined {
  const coding = contentEncoding.toLowerCase() === 'identity' ? '' : contentEncoding.toLowerCase()
  return FORMATS.get(lookupKey(contentType, coding)) ?? coapPayloadFormat(contentType)
}

/** Whether a media type is that for payloads of formats which the table lacks. */
export function isCoapPayload(contentType: string): boolean {
  return contentType.split(';', 1)[0]?.trim().toLowerCase() === COAP_PAYLOAD
}

function coapPayloadFormat(contentType: string): number | undefined {
  if (!isCoapPayload(contentType)) return undefined
  const [, digits] = /^[^;]*;\s*cf\s*=\s*"?(\d{1,5})"?\s*$/i.exec(contentType) ?? []
  const format = digits === undefined ? Number.NaN : Number(digits)
  return format <= MAX_CONTENT_FORMAT ? format : undefined
}

/** One text for all ways to write a media type: names in lower case, parameters in order. */
function lookupKey(contentType: string, coding: string): string {
  const [type = '', ...parameters] = contentType.split(';').map((part) => part.trim())
  const normal = parameters.filter((part) => part !== '').map(normalParameter)
  const codings = coding === '' ? [] : [`+${coding}`]
  return [type.toLowerCase(), ...normal.toSorted(), ...codings].join(';')
}

/** No value in the table depends on case. */
function normalParameter(parameter: string): string {
  const [name = '', ...rest] = parameter.split('=')
  const value = rest.join('=').trim().replaceAll('"', '')
  return `${name.trim().toLowerCase()}=${value.toLowerCase()}`
}
