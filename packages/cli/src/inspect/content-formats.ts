// SPDX-License-Identifier: Apache-2.0
/**
 * Content-Formats by the media types that people know, and by the extensions of files (the registry of
 * RFC 7252 Section 12.3). Any other number is taken as it is.
 *
 * @module
 */

import { extname } from 'node:path'
import { UsageError } from '../exit-codes.js'

const MAX_NUMBER = 65_535

/** The first extension is the one that a file gets. */
const FORMATS: readonly (readonly [number: number, type: string, ...extensions: string[]])[] = [
  [0, 'text/plain', '.txt', '.md', '.log', '.csv'],
  [16, 'application/cose; cose-type="cose-encrypt0"', '.cose'],
  [18, 'application/cose; cose-type="cose-sign1"'],
  [21, 'image/gif', '.gif'],
  [22, 'image/jpeg', '.jpg', '.jpeg'],
  [23, 'image/png', '.png'],
  [40, 'application/link-format', '.wlnk'],
  [41, 'application/xml', '.xml'],
  [42, 'application/octet-stream', '.bin'],
  [47, 'application/exi', '.exi'],
  [50, 'application/json', '.json'],
  [51, 'application/json-patch+json'],
  [52, 'application/merge-patch+json'],
  [60, 'application/cbor', '.cbor'],
  [61, 'application/cwt', '.cwt'],
  [62, 'application/multipart-core'],
  [63, 'application/cbor-seq', '.cborseq'],
  [64, 'application/edhoc+cbor-seq'],
  [65, 'application/cid-edhoc+cbor-seq'],
  [110, 'application/senml+json', '.senml'],
  [112, 'application/senml+cbor', '.senmlc'],
  [10_001, 'application/oscore'],
  [20_000, 'text/css', '.css'],
  [20_002, 'text/javascript', '.js'],
  [30_000, 'image/svg+xml', '.svg'],
]

const OCTET_STREAM = 42

/** A number with its name, where that is known: `application/json (50)`. */
export function formatContentFormat(number: number): string {
  const [, type] = FORMATS.find(([known]) => known === number) ?? []
  return type === undefined ? String(number) : `${type} (${number})`
}

/**
 * A Content-Format as it is typed: its number, its media type, or the end of one, as `json` or `cbor`.
 *
 * @throws {UsageError} If it is none.
 */
export function parseContentFormat(text: string, option: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= MAX_NUMBER) return Number(text)
  const wanted = text.toLowerCase().replaceAll(/\s/g, '')
  const typeOf = (type: string): string => type.replaceAll(/\s/g, '')
  const exact = FORMATS.find(([, type]) => typeOf(type) === wanted)
  const byEnd = FORMATS.filter(([, type]) => typeOf(type).endsWith(`/${wanted}`))
  const found = exact ?? (byEnd.length === 1 ? byEnd[0] : undefined)
  if (found !== undefined) return found[0]
  if (wanted === 'text') return 0
  throw new UsageError(
    `${option} is a number of the registry or a media type such as text/plain, json or cbor, ` +
      `not '${text}'`,
  )
}

/** What a file holds, by its name. */
export function contentFormatOfFile(path: string): number {
  const extension = extname(path).toLowerCase()
  const [number] = FORMATS.find(([, , ...known]) => known.includes(extension)) ?? []
  return number ?? OCTET_STREAM
}
