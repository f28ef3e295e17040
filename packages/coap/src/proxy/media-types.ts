// SPDX-License-Identifier: Apache-2.0
/**
 * Media types of HTTP and Content-Formats of CoAP (RFC 8075 Section 6). A Content-Format is a media type
 * with its parameters and a content coding; what the table lacks is `application/coap-payload`.
 *
 * @module
 */

/** A Content-Format, as HTTP says it. */
export interface MediaType {
  readonly contentType: string
  /** Absent where the coding is identity. */
  readonly contentEncoding?: string
}

/** RFC 8075 Section 6.2. */
const COAP_PAYLOAD = 'application/coap-payload'
const MAX_CONTENT_FORMAT = 65_535

/** A part of the registry of Content-Formats (RFC 7252 Section 12.3). */
const CONTENT_TYPES: ReadonlyMap<number, string> = new Map([
  [0, 'text/plain; charset=utf-8'],
  [16, 'application/cose; cose-type="cose-encrypt0"'],
  [17, 'application/cose; cose-type="cose-mac0"'],
  [18, 'application/cose; cose-type="cose-sign1"'],
  [19, 'application/ace+cbor'],
  [21, 'image/gif'],
  [22, 'image/jpeg'],
  [23, 'image/png'],
  [40, 'application/link-format'],
  [41, 'application/xml'],
  [42, 'application/octet-stream'],
  [47, 'application/exi'],
  [50, 'application/json'],
  [51, 'application/json-patch+json'],
  [52, 'application/merge-patch+json'],
  [60, 'application/cbor'],
  [61, 'application/cwt'],
  [62, 'application/multipart-core'],
  [63, 'application/cbor-seq'],
  [64, 'application/edhoc+cbor-seq'],
  [65, 'application/cid-edhoc+cbor-seq'],
  [96, 'application/cose; cose-type="cose-encrypt"'],
  [97, 'application/cose; cose-type="cose-mac"'],
  [98, 'application/cose; cose-type="cose-sign"'],
  [101, 'application/cose-key'],
  [102, 'application/cose-key-set'],
  [110, 'application/senml+json'],
  [111, 'application/sensml+json'],
  [112, 'application/senml+cbor'],
  [113, 'application/sensml+cbor'],
  [257, 'application/concise-problem-details+cbor'],
])

/** Content-Formats with a coding. */
const ENCODED: ReadonlyMap<number, Required<MediaType>> = new Map([
  [11_050, { contentType: 'application/json', contentEncoding: 'deflate' }],
  [11_060, { contentType: 'application/cbor', contentEncoding: 'deflate' }],
])

const FORMATS: ReadonlyMap<string, number> = new Map([
  ...[...CONTENT_TYPES].map(([format, type]) => [lookupKey(type, ''), format] as const),
  ...[...ENCODED].map(
    ([format, { contentType, contentEncoding }]) =>
      [lookupKey(contentType, contentEncoding), format] as const,
  ),
  // Without a charset it is US-ASCII (RFC 2046 Section 4.1.2), which is UTF-8 as well.
  ['text/plain', 0],
])

/** How HTTP says a Content-Format. */
export function mediaTypeOf(contentFormat: number): MediaType {
  const encoded = ENCODED.get(contentFormat)
  if (encoded !== undefined) return encoded
  return { contentType: CONTENT_TYPES.get(contentFormat) ?? `${COAP_PAYLOAD};cf=${contentFormat}` }
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
