// SPDX-License-Identifier: Apache-2.0
/**
 * The payload of a request, as it is given: text, a file, standard input.
 *
 * @module
 */

import { CONTENT_FORMAT } from '@waxwing/coap'
import { utf8 } from '@waxwing/core'
import { UsageError } from '../exit-codes.js'
import { readInput } from '../files.js'
import { contentFormatOfFile, parseContentFormat } from '../inspect/content-formats.js'

export interface PayloadOptions {
  readonly file?: string
  readonly contentFormat?: string
}

export interface GivenPayload {
  readonly bytes: Uint8Array
  readonly contentFormat: number | undefined
}

/**
 * @param text - The argument; `-` is standard input.
 * @returns `undefined` if there is none.
 * @throws {UsageError} If two are given, or the format is none.
 */
export async function payloadOf(
  text: string | undefined,
  { file, contentFormat }: PayloadOptions,
): Promise<GivenPayload | undefined> {
  if (text !== undefined && file !== undefined) {
    throw new UsageError('say the payload, or --file, not both')
  }
  const format =
    contentFormat === undefined ? undefined : parseContentFormat(contentFormat, '--content-format')
  if (file !== undefined) {
    return { bytes: await readInput(file), contentFormat: format ?? contentFormatOfFile(file) }
  }
  if (text === '-') return { bytes: await readInput('-'), contentFormat: format }
  if (text === undefined) {
    if (format !== undefined) throw new UsageError('--content-format is of a payload: say one')
    return undefined
  }
  return { bytes: utf8(text), contentFormat: format ?? CONTENT_FORMAT.textPlain }
}
