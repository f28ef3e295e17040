// SPDX-License-Identifier: Apache-2.0
/**
 * Content-Formats: those that this package writes and reads itself, and what others are called (RFC 7252
 * Section 12.3). Any number may be used just as well.
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

/** What a Content-Format stands for. */
export interface MediaType {
  /** With its parameters, as HTTP writes it. */
  readonly contentType: string
  /** Absent where the coding is identity. */
  readonly contentEncoding?: string
}

/** A part of the registry of Content-Formats. */
export const MEDIA_TYPES: ReadonlyMap<number, MediaType> = new Map<number, MediaType>([
  [0, { contentType: 'text/plain; charset=utf-8' }],
  [16, { contentType: 'application/cose; cose-type="cose-encrypt0"' }],
  [17, { contentType: 'application/cose; cose-type="cose-mac0"' }],
  [18, { contentType: 'application/cose; cose-type="cose-sign1"' }],
  [19, { contentType: 'application/ace+cbor' }],
  [21, { contentType: 'image/gif' }],
  [22, { contentType: 'image/jpeg' }],
  [23, { contentType: 'image/png' }],
  [40, { contentType: 'application/link-format' }],
  [41, { contentType: 'application/xml' }],
  [42, { contentType: 'application/octet-stream' }],
  [47, { contentType: 'application/exi' }],
  [50, { contentType: 'application/json' }],
  [51, { contentType: 'application/json-patch+json' }],
  [52, { contentType: 'application/merge-patch+json' }],
  [60, { contentType: 'application/cbor' }],
  [61, { contentType: 'application/cwt' }],
  [62, { contentType: 'application/multipart-core' }],
  [63, { contentType: 'application/cbor-seq' }],
  [64, { contentType: 'application/edhoc+cbor-seq' }],
  [65, { contentType: 'application/cid-edhoc+cbor-seq' }],
  [96, { contentType: 'application/cose; cose-type="cose-encrypt"' }],
  [97, { contentType: 'application/cose; cose-type="cose-mac"' }],
  [98, { contentType: 'application/cose; cose-type="cose-sign"' }],
  [101, { contentType: 'application/cose-key' }],
  [102, { contentType: 'application/cose-key-set' }],
  [110, { contentType: 'application/senml+json' }],
  [111, { contentType: 'application/sensml+json' }],
  [112, { contentType: 'application/senml+cbor' }],
  [113, { contentType: 'application/sensml+cbor' }],
  [257, { contentType: 'application/concise-problem-details+cbor' }],
  [10_001, { contentType: 'application/oscore' }],
  [11_050, { contentType: 'application/json', contentEncoding: 'deflate' }],
  [11_060, { contentType: 'application/cbor', contentEncoding: 'deflate' }],
  [20_000, { contentType: 'text/css' }],
  [20_002, { contentType: 'text/javascript' }],
  [30_000, { contentType: 'image/svg+xml' }],
])

/** What a message says its payload is; `undefined` where it does not. */
export function contentFormatOf(message: CoapMessage): number | undefined {
  const value = optionValue(message, OPTION.contentFormat)
  return value === undefined ? undefined : readUint(value)
}
