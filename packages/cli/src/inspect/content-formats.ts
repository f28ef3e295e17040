// SPDX-License-Identifier: Apache-2.0
/**
 * Content-Formats by the media types that people know, and by the extensions of files (the registry of
 * RFC 7252 Section 12.3). Any other number is taken as it is.
 *
 * @module
 */

import { extname } from 'node:path'
import { MEDIA_TYPES } from '@waxwing/coap'
import { UsageError } from '../exit-codes.js'

const MAX_NUMBER = 65_535

/** How files are called that hold such content. */
const EXTENSIONS: readonly (readonly [number: number, extensions: readonly string[]])[] = [
  [0, ['.txt', '.md', '.log', '.csv']],
  [16, ['.cose']],
  [21, ['.gif']],
  [22, ['.jpg', '.jpeg']],
  [23, ['.png']],
  [40, ['.wlnk']],
  [41, ['.xml']],
  [42, ['.bin']],
  [47, ['.exi']],
  [50, ['.json']],
  [60, ['.cbor']],
  [61, ['.cwt']],
  [63, ['.cborseq']],
  [110, ['.senml']],
  [112, ['.senmlc']],
  [20_000, ['.css']],
  [20_002, ['.js']],
  [30_000, ['.svg']],
]

/** Media types as people write them: nobody says of text that it is UTF-8. */
const TYPES: readonly (readonly [number: number, type: string])[] = [...MEDIA_TYPES]
  .filter(([, { contentEncoding }]) => contentEncoding === undefined)
  .map(([number, { contentType }]) => [number, contentType.replace('; charset=utf-8', '')])

const OCTET_STREAM = 42

/** A number with its name, where that is known: `application/json (50)`. */
export function formatContentFormat(number: number): string {
  const [, type] = TYPES.find(([known]) => known === number) ?? []
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
  const exact = TYPES.find(([, type]) => typeOf(type) === wanted)
  const byEnd = TYPES.filter(([, type]) => typeOf(type).endsWith(`/${wanted}`))
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
  const [number] = EXTENSIONS.find(([, known]) => known.includes(extension)) ?? []
  return number ?? OCTET_STREAM
}
