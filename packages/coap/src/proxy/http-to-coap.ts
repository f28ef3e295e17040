// SPDX-License-Identifier: Apache-2.0
/**
 * Requests of HTTP as requests of CoAP (RFC 8075 Sections 5 and 6, RFC 7252 Section 10.2, RFC 8613
 * Section 11.3).
 *
 * @module
 */

import type { IncomingHttpHeaders } from 'node:http'
import { WaxwingError } from '@waxwing/core'
import {
  CODE_POST,
  type CoapMessage,
  type CoapOption,
  fromHttp,
  OSCORE_MEDIA_TYPE,
} from '@waxwing/oscore'
import { METHOD } from '../codes.js'
import { OPTION, uintOption } from '../options.js'
import { type CoapUri, parseCoapUri } from '../uri.js'
import { parseEntityTags } from './http-entity-tags.js'
import { HttpRefusal } from './http-refusal.js'
import { contentFormatFor, isCoapPayload } from './media-types.js'

/** A request of HTTP, with its body read. All of it is untrusted. */
export interface HttpQuestion {
  readonly method: string
  readonly headers: IncomingHttpHeaders
  readonly body: Uint8Array
}

/** Conditions beyond this number are not sent: they would fill a datagram. */
const MAX_ENTITY_TAGS = 16
const EMPTY = new Uint8Array(0)

/** RFC 8075 maps the first five. */
const CODES: ReadonlyMap<string, number> = new Map([
  ['GET', METHOD.GET],
  ['HEAD', METHOD.GET],
  ['POST', METHOD.POST],
  ['PUT', METHOD.PUT],
  ['DELETE', METHOD.DELETE],
  ['PATCH', METHOD.PATCH],
])

/**
 * The target of a request by the default mapping (RFC 8075 Section 5.3).
 *
 * @param hosted - What follows the proxy's own path, with the query. Untrusted.
 * @throws {HttpRefusal} 400, or 501 for `coaps`.
 */
export function targetOf(hosted: string): CoapUri {
  // Section 5.3.2: brackets of an IPv6 address are encoded in a path.
  const uri = hosted.replace(
    /^([a-z]+:\/\/)%5b([^/?%]*(?:%25[^/?%]*)?)%5d/i,
    (_, scheme: string, address: string) => `${scheme}[${address}]`,
  )
  try {
    return parseCoapUri(uri)
  } catch (error) {
    if (!(error instanceof WaxwingError)) throw error
    if (/^coaps:/i.test(uri)) throw new HttpRefusal(501, 'no DTLS here')
    throw new HttpRefusal(400, 'the path must go on with a coap URI')
  }
}

/**
 * The method, options and payload for a server. Where it goes is not among the options.
 *
 * @param passUnknownFormats - Whether to send what comes as `application/coap-payload`.
 * @throws {HttpRefusal} Where CoAP cannot say it, or nobody.
 */
export function coapRequestOf(question: HttpQuestion, passUnknownFormats: boolean): CoapMessage {
  if (question.headers['oscore'] !== undefined) return protectedRequestOf(question)
  const code = CODES.get(question.method)
  if (code === undefined) throw new HttpRefusal(501, `${question.method} has no method of CoAP`)
  const hasBody = code !== METHOD.GET && code !== METHOD.DELETE
  const options = [
    ...conditionsOf(question, code),
    ...acceptOf(question.headers, passUnknownFormats),
    ...(hasBody && question.body.length > 0 ? formatOf(question.headers, passUnknownFormats) : []),
  ]
  return { code, options, payload: hasBody ? question.body : EMPTY }
}

/** Nothing of a protected message is said by other fields (RFC 8613 Section 11.1). */
function protectedRequestOf({ method, headers, body }: HttpQuestion): CoapMessage {
  const field = headers['oscore']
  const isOscore = headers['content-type']?.toLowerCase().trim() === OSCORE_MEDIA_TYPE
  if (method !== 'POST' || !isOscore || typeof field !== 'string') {
    throw new HttpRefusal(400, 'OSCORE belongs to a POST of application/oscore')
  }
  try {
    const message = fromHttp('request', field, body)
    return { ...message, code: CODE_POST }
  } catch (error) {
    if (error instanceof WaxwingError) throw new HttpRefusal(400, 'no OSCORE message')
    throw error
  }
}

function conditionsOf(question: HttpQuestion, code: number): readonly CoapOption[] {
  return [...ifMatchOf(question.headers), ...ifNoneMatchOf(question.headers, code)]
}

function ifMatchOf(headers: IncomingHttpHeaders): readonly CoapOption[] {
  const field = headers['if-match']
  if (field === undefined) return []
  const parsed = parseEntityTags(field, 'strong')
  if (parsed === undefined || parsed.tags.length > MAX_ENTITY_TAGS) {
    throw new HttpRefusal(400, 'If-Match cannot be read')
  }
  if (parsed.any) return [{ number: OPTION.ifMatch, value: EMPTY }]
  if (parsed.tags.length === 0) throw new HttpRefusal(412, 'no entity-tag of this server')
  return parsed.tags.map((value) => ({ number: OPTION.ifMatch, value }))
}

/** For a GET it asks for validation; otherwise CoAP knows no condition but `*`. */
function ifNoneMatchOf(headers: IncomingHttpHeaders, code: number): readonly CoapOption[] {
  const field = headers['if-none-match']
  if (field === undefined) return []
  const parsed = parseEntityTags(field, 'weak')
  if (parsed === undefined) throw new HttpRefusal(400, 'If-None-Match cannot be read')
  if (code === METHOD.GET) {
    // Those that are left out cost a transfer, and nothing else.
    const tags = parsed.tags.slice(0, MAX_ENTITY_TAGS)
    return tags.map((value) => ({ number: OPTION.etag, value }))
  }
  if (parsed.any) return [{ number: OPTION.ifNoneMatch, value: EMPTY }]
  throw new HttpRefusal(501, 'CoAP has no such condition')
}

/** RFC 8075 Section 6.1: what cannot be mapped, or names several formats, is passed over. */
function acceptOf(headers: IncomingHttpHeaders, passUnknown: boolean): readonly CoapOption[] {
  const field = headers.accept
  if (field === undefined || field.includes(',')) return []
  if (isCoapPayload(field) && !passUnknown) throw new HttpRefusal(406, 'unknown Content-Formats')
  const withoutWeight = field.replace(/;\s*q=[\d.]+\s*$/i, '')
  const format = contentFormatFor(withoutWeight)
  return format === undefined ? [] : [uintOption(OPTION.accept, format)]
}

function formatOf(headers: IncomingHttpHeaders, passUnknown: boolean): readonly CoapOption[] {
  const type = headers['content-type']
  const encoding = headers['content-encoding']
  if (type === undefined && encoding === undefined) return []
  if (type !== undefined && isCoapPayload(type) && !passUnknown) {
    throw new HttpRefusal(415, 'unknown Content-Formats are not passed on')
  }
  const format = contentFormatFor(type ?? 'application/octet-stream', encoding)
  if (format === undefined) throw new HttpRefusal(415, 'no Content-Format for this')
  return [uintOption(OPTION.contentFormat, format)]
}
