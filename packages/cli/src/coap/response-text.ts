// SPDX-License-Identifier: Apache-2.0
/**
 * A response, told to people and programs.
 *
 * @module
 */

import { type CoapResponse, OPTION, optionValues, readText } from '@waxwing/coap'
import { toHex } from '@waxwing/core'
import { codeText } from '../inspect/coap-codes.js'
import { payloadText, textOf } from '../inspect/content.js'
import { counted, type Json } from '../output.js'
import { formatContentFormat } from '../inspect/content-formats.js'
import type { Protection } from './home-security.js'

type Protected = Pick<Protection, 'by' | 'name'> | undefined

/** One line about a response: its code, format, size, and who is proved to have sent it. */
export function responseHead(response: CoapResponse, protection: Protected): string {
  const { payload, contentFormat } = response
  const format = contentFormat === undefined ? '' : `, ${formatContentFormat(contentFormat)}`
  const size = payload.length === 0 ? '' : `, ${counted(payload.length, 'byte')}`
  const location = locationOf(response)
  const at = location === '' ? '' : `, at ${location}`
  return `${codeText(response.code)}${format}${size}${at}; ${protectionText(protection)}`
}

export function protectionText(protection: Protected): string {
  return protection === undefined ? 'NOT PROTECTED' : `${protection.by} with ${protection.name}`
}

/** The payload in lines. */
export function payloadLines({ payload, contentFormat }: CoapResponse): readonly string[] {
  if (payload.length === 0) return []
  return payloadText(payload, contentFormat).replace(/\n$/, '').split('\n')
}

/** Everything about a response, for programs. Its payload is `text` where it is text, else `hex`. */
export function responseValue(
  response: CoapResponse,
  protection: Protected,
): { readonly [key: string]: Json } {
  const { payload, contentFormat, etag, codeName } = response
  const text = textOf(payload)
  const location = locationOf(response)
  return {
    code: codeName,
    contentFormat,
    byteCount: payload.length,
    ...(text === undefined ? { hex: toHex(payload) } : { text }),
    etag: etag === undefined ? undefined : toHex(etag),
    maxAgeSeconds: response.maxAgeSeconds,
    location: location === '' ? undefined : location,
    protection: protection?.by ?? null,
    peer: protection?.name,
  }
}

/** Location-Path and Location-Query as one would ask for them. */
function locationOf(response: CoapResponse): string {
  const path = optionValues(response, OPTION.locationPath).map((value) => readText(value) ?? '?')
  const query = optionValues(response, OPTION.locationQuery).map((value) => readText(value) ?? '?')
  if (path.length === 0 && query.length === 0) return ''
  return `/${path.join('/')}${query.length === 0 ? '' : `?${query.join('&')}`}`
}
