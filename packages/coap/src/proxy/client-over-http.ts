// SPDX-License-Identifier: Apache-2.0
/**
 * Requests of CoAP for a proxy that is asked by HTTP, and its responses (RFC 8075, RFC 8613 Section 11).
 *
 * @module
 */

import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'
import {
  code,
  type CoapMessage,
  type CoapOption,
  fromHttp,
  isOscoreMessage,
  optionValue,
  toHttp,
} from '@waxwing/oscore'
import { METHOD, RESPONSE } from '../codes.js'
import { contentFormatOf } from '../content-formats.js'
import type { Request, Response } from '../handler.js'
import { isCritical, OPTION, optionValues, readUint, uintOption } from '../options.js'
import { uriOf } from '../uri.js'
import { hostedUri } from './coap-to-http.js'
import { formatEntityTag, parseEntityTags } from './http-entity-tags.js'
import { contentFormatFor, mediaTypeOf } from './media-types.js'
import { refuse, Refusal } from './refusal.js'
import { proxiedUri, readUri, TARGET_OPTIONS } from './target.js'

/** A request to the proxy. */
export interface HttpAsked {
  readonly method: string
  readonly path: string
  readonly headers: OutgoingHttpHeaders
  readonly body: Uint8Array
}

/** What the proxy answered. Untrusted. */
export interface HttpReply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Uint8Array
}

const EMPTY = new Uint8Array(0)

const METHODS: ReadonlyMap<number, string> = new Map([
  [METHOD.GET, 'GET'],
  [METHOD.POST, 'POST'],
  [METHOD.PUT, 'PUT'],
  [METHOD.DELETE, 'DELETE'],
  [METHOD.PATCH, 'PATCH'],
])

/** Critical options that have a place in HTTP, or that mean nothing there. */
const CARRIED: ReadonlySet<number> = new Set([
  ...TARGET_OPTIONS,
  OPTION.ifMatch,
  OPTION.ifNoneMatch,
  OPTION.accept,
  OPTION.oscore,
])

const CODES: ReadonlyMap<number, number> = new Map([
  [201, RESPONSE.created],
  [304, RESPONSE.valid],
  [400, RESPONSE.badRequest],
  [401, RESPONSE.unauthorized],
  [403, RESPONSE.forbidden],
  [404, RESPONSE.notFound],
  [405, RESPONSE.methodNotAllowed],
  [406, RESPONSE.notAcceptable],
  [409, RESPONSE.conflict],
  [412, RESPONSE.preconditionFailed],
  [413, RESPONSE.requestEntityTooLarge],
  [415, RESPONSE.unsupportedContentFormat],
  [422, RESPONSE.unprocessableEntity],
  [429, code(4, 29)],
  [500, RESPONSE.internalServerError],
  [501, RESPONSE.notImplemented],
  [502, RESPONSE.badGateway],
  [503, RESPONSE.serviceUnavailable],
  [504, RESPONSE.gatewayTimeout],
  [508, RESPONSE.hopLimitReached],
])

/**
 * A request, as the proxy is asked. A refusal is 4.02 or 5.01 for what HTTP has no place for.
 *
 * @param basePath - The proxy's own path, which the target follows.
 */
export function httpAskedOf(request: Request, basePath: string): HttpAsked | Refusal {
  const uri = proxiedUri(request) ?? readUri(() => uriOf(request))
  if (uri instanceof Refusal) return uri
  const uncarried = request.options.find(isUncarried)
  if (uncarried !== undefined) {
    return new Refusal(RESPONSE.badOption, `HTTP has no place for option ${uncarried.number}`)
  }
  if (isOscoreMessage(request)) return protectedAsk(request, hostedUri(basePath, uri))
  const method = METHODS.get(request.code)
  if (method === undefined) return new Refusal(RESPONSE.notImplemented, 'HTTP has no such method')
  return {
    method,
    path: hostedUri(basePath, uri),
    headers: headersOf(request),
    body: request.payload,
  }
}

/** What the proxy answered, as the response of the server. A body that CoAP has no name for is left out. */
export function responseOfReply(request: Request, reply: HttpReply): Response {
  const field = reply.headers['oscore']
  if (reply.status === 200 && typeof field === 'string') {
    return fromHttp('response', field, reply.body)
  }
  const responseCode = codeOf(request, reply.status)
  const format = formatOf(reply.headers)
  if (format === undefined && responseCode === RESPONSE.content) {
    return refuse(RESPONSE.badGateway, 'no Content-Format for the representation')
  }
  const options = [...(format ?? []), ...entityTagOf(request, reply), ...maxAgeOf(reply)]
  return { code: responseCode, options, payload: format === undefined ? EMPTY : reply.body }
}

function protectedAsk(request: CoapMessage, path: string): HttpAsked {
  const { headers, body } = toHttp(request)
  return { method: 'POST', path, headers: { ...headers }, body }
}

/** Block2 with number 0 only wishes for a size, and HTTP has no blocks. */
function isUncarried({ number, value }: CoapOption): boolean {
  if (number === OPTION.block2) return (readUint(value) ?? 0) >> 4 !== 0
  return isCritical(number) && !CARRIED.has(number)
}

function headersOf(request: CoapMessage): OutgoingHttpHeaders {
  const format = request.payload.length > 0 ? contentFormatOf(request) : undefined
  const accept = acceptOf(request)
  const { contentType, contentEncoding } = format === undefined ? NO_TYPE : mediaTypeOf(format)
  return {
    ...(contentType !== undefined && { 'Content-Type': contentType }),
    ...(contentEncoding !== undefined && { 'Content-Encoding': contentEncoding }),
    ...(accept !== undefined && { Accept: mediaTypeOf(accept).contentType }),
    ...conditionsOf(request),
  }
}

const NO_TYPE: { readonly contentType?: string; readonly contentEncoding?: string } = {}

function acceptOf(request: CoapMessage): number | undefined {
  const value = optionValue(request, OPTION.accept)
  return value === undefined ? undefined : readUint(value)
}

function conditionsOf(request: CoapMessage): OutgoingHttpHeaders {
  const matches = optionValues(request, OPTION.ifMatch)
  const known = optionValues(request, OPTION.etag)
  const isCreation = optionValue(request, OPTION.ifNoneMatch) !== undefined
  const anything = matches.some(({ length }) => length === 0)
  return {
    ...(matches.length > 0 && { 'If-Match': anything ? '*' : listOf(matches) }),
    ...(known.length > 0 && { 'If-None-Match': listOf(known) }),
    ...(isCreation && { 'If-None-Match': '*' }),
  }
}

function listOf(tags: readonly Uint8Array[]): string {
  return tags.map(formatEntityTag).join(', ')
}

/**
 * A server that cannot verify answers 4.01 without protection (RFC 8613 Section 8.2), which reaches an
 * HTTP client as 403 (RFC 8075 Table 2, Note 5). Nothing else that a server says of a protected request is
 * a 403.
 */
function codeOf(request: Request, status: number): number {
  if (status === 403 && isOscoreMessage(request)) return RESPONSE.unauthorized
  const known = CODES.get(status)
  if (known !== undefined) return known
  if (status === 200 || status === 204) return successOf(request.code)
  if (status >= 400 && status < 500) return RESPONSE.badRequest
  return status >= 500 ? RESPONSE.internalServerError : RESPONSE.badGateway
}

function successOf(method: number): number {
  if (method === METHOD.GET) return RESPONSE.content
  return method === METHOD.DELETE ? RESPONSE.deleted : RESPONSE.changed
}

/** `undefined` for a type or a coding that no Content-Format stands for. */
function formatOf(headers: IncomingHttpHeaders): readonly CoapOption[] | undefined {
  const { 'content-type': type, 'content-encoding': coding } = headers
  if (type === undefined && coding === undefined) return []
  const format = contentFormatFor(type ?? 'application/octet-stream', coding)
  return format === undefined ? undefined : [uintOption(OPTION.contentFormat, format)]
}

/** 2.03 is of one entity-tag; HTTP may leave out which, where the client named but one. */
function entityTagOf(request: Request, { status, headers }: HttpReply): readonly CoapOption[] {
  const parsed = headers.etag === undefined ? undefined : parseEntityTags(headers.etag, 'weak')
  const [tag] = parsed?.tags ?? []
  if (tag !== undefined) return [{ number: OPTION.etag, value: tag }]
  const [only, ...others] = optionValues(request, OPTION.etag)
  const isSaid = status === 304 && only !== undefined && others.length === 0
  return isSaid ? [{ number: OPTION.etag, value: only }] : []
}

/** No more than the time for which it is still fresh (RFC 7252 Section 10.1.1), and that for others too. */
function maxAgeOf({ status, headers }: HttpReply): readonly CoapOption[] {
  const control = headers['cache-control'] ?? ''
  const lifetime = secondsOf(/(?:^|[,\s])max-age=(\d{1,10})/i.exec(control)?.[1])
  const fresh = lifetime && Math.max(0, lifetime - (secondsOf(headers.age) ?? 0))
  const isForbidden = /(?:^|[,\s])(?:no-store|no-cache|private)/i.test(control)
  const retry = status === 503 || status === 429 ? secondsOf(headers['retry-after']) : undefined
  const seconds = isForbidden ? 0 : (retry ?? fresh)
  return seconds === undefined ? [] : [uintOption(OPTION.maxAge, seconds)]
}

/** As much as Max-Age holds; `undefined` for a date, or for nothing. */
function secondsOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return undefined
  return Math.min(Number(text), 2 ** 32 - 1)
}
