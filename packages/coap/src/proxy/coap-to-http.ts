// SPDX-License-Identifier: Apache-2.0
/**
 * Responses of CoAP as responses of HTTP (RFC 8075 Section 7, RFC 8613 Section 11.2).
 *
 * @module
 */

import { code, type CoapMessage, isOscoreMessage, optionValue, toHttp } from '@waxwing/oscore'
import { codeClass, codeName, METHOD, RESPONSE } from '../codes.js'
import { contentFormatOf } from '../content-formats.js'
import { OPTION, optionValues, readText, readUint } from '../options.js'
import { type CoapUri, formatCoapUri } from '../uri.js'
import { formatEntityTag } from './http-entity-tags.js'
import { type HttpAnswer, plainAnswer } from './http-refusal.js'
import { mediaTypeOf } from './media-types.js'
import { isDotSegment } from './target.js'

/** RFC 7252 Section 5.10.5. */
const DEFAULT_MAX_AGE_SECONDS = 60
/** 4.29, of RFC 8516. */
const TOO_MANY_REQUESTS: number = code(4, 29)

/** RFC 8075 Table 2, and what later documents register; those of class 2 depend on more. */
const STATUSES: ReadonlyMap<number, number> = new Map([
  [RESPONSE.badRequest, 400],
  [RESPONSE.unauthorized, 403],
  [RESPONSE.forbidden, 403],
  [RESPONSE.notFound, 404],
  [RESPONSE.methodNotAllowed, 400],
  [RESPONSE.notAcceptable, 406],
  [RESPONSE.conflict, 409],
  [RESPONSE.preconditionFailed, 412],
  [RESPONSE.requestEntityTooLarge, 413],
  [RESPONSE.unsupportedContentFormat, 415],
  [RESPONSE.unprocessableEntity, 422],
  [TOO_MANY_REQUESTS, 429],
  [RESPONSE.internalServerError, 500],
  [RESPONSE.notImplemented, 501],
  [RESPONSE.badGateway, 502],
  [RESPONSE.serviceUnavailable, 503],
  [RESPONSE.gatewayTimeout, 504],
  [RESPONSE.proxyingNotSupported, 502],
  [RESPONSE.hopLimitReached, 508], // RFC 8768 Section 5
])

/** What was asked, as far as the answer depends on it. */
export interface AnsweredRequest {
  readonly message: CoapMessage
  readonly uri: CoapUri
  /** The proxy's own path, before the target. */
  readonly basePath: string
}

/** Writes a response for HTTP. A response that has no place there is a 502. */
export function httpAnswerOf(response: CoapMessage, request: AnsweredRequest): HttpAnswer {
  if (isOscoreMessage(response)) return protectedAnswerOf(response)
  const status = statusOf(response, request.message)
  if (status === undefined) return plainAnswer(502, `${codeName(response.code)} has no place here`)
  const headers = {
    ...typeOf(response),
    ...entityTagOf(response),
    ...ageOf(response, request.message),
    ...locationOf(response, request),
  }
  const hasBody = status !== 204 && status !== 304
  const body = hasBody ? response.payload : new Uint8Array(0)
  if (response.code !== RESPONSE.methodNotAllowed) return { status, headers, body }
  return { status, reason: 'CoAP server returned 4.05', headers, body } // Note 7
}

function protectedAnswerOf(response: CoapMessage): HttpAnswer {
  try {
    const { headers, body } = toHttp(response)
    return { status: 200, headers: { ...headers, 'Cache-Control': 'no-cache' }, body }
  } catch {
    return plainAnswer(502, 'no OSCORE message')
  }
}

function statusOf(response: CoapMessage, request: CoapMessage): number | undefined {
  const known = STATUSES.get(response.code)
  if (known !== undefined) return known
  if (response.code === RESPONSE.badOption) return hasCriticalHeaders(request) ? 400 : 500
  if (codeClass(response.code) === 4) return 400
  if (codeClass(response.code) === 5) return 500
  return successStatusOf(response, request)
}

/** Notes 1 to 4. */
function successStatusOf(response: CoapMessage, request: CoapMessage): number | undefined {
  switch (response.code) {
    case RESPONSE.created:
      return 201
    case RESPONSE.content:
      return 200
    case RESPONSE.deleted:
    case RESPONSE.changed:
      return response.payload.length > 0 ? 200 : 204
    case RESPONSE.valid:
      return optionValue(request, OPTION.etag) === undefined ? undefined : 304
    default:
      return undefined
  }
}

/** Note 6: options that stand for a header field of the client, and that a server must understand. */
const CRITICAL: ReadonlySet<number> = new Set([OPTION.accept, OPTION.ifMatch, OPTION.ifNoneMatch])

function hasCriticalHeaders({ options }: CoapMessage): boolean {
  return options.some(({ number }) => CRITICAL.has(number))
}

/** Without a Content-Format, an error has words (RFC 7252 Section 5.5.2), and all else nobody knows what. */
function typeOf(response: CoapMessage): Record<string, string> {
  if (response.payload.length === 0) return {}
  const format = contentFormatOf(response)
  if (format === undefined) {
    const isError = codeClass(response.code) !== 2
    return isError ? { 'Content-Type': 'text/plain; charset=utf-8' } : {}
  }
  const { contentType, contentEncoding } = mediaTypeOf(format)
  const coding = contentEncoding === undefined ? {} : { 'Content-Encoding': contentEncoding }
  return { 'Content-Type': contentType, ...coding }
}

function entityTagOf(response: CoapMessage): Record<string, string> {
  const tag = optionValue(response, OPTION.etag)
  return tag === undefined ? {} : { ETag: formatEntityTag(tag) }
}

/**
 * Note 8; and Max-Age has a default in CoAP, which HTTP does not know of. A cache of HTTP is told what a
 * Cache-Key holds: the same URI may have several representations.
 */
function ageOf(response: CoapMessage, request: CoapMessage): Record<string, string> {
  const value = optionValue(response, OPTION.maxAge)
  const seconds = value === undefined ? undefined : (readUint(value) ?? 0)
  const isBusy =
    response.code === RESPONSE.serviceUnavailable || response.code === TOO_MANY_REQUESTS
  if (isBusy) return seconds === undefined ? {} : { 'Retry-After': String(seconds) }
  if (request.code !== METHOD.GET) return {}
  const isRepresentation = response.code === RESPONSE.content || response.code === RESPONSE.valid
  const age = seconds ?? (isRepresentation ? DEFAULT_MAX_AGE_SECONDS : undefined)
  return age === undefined ? {} : { 'Cache-Control': `max-age=${age}`, Vary: 'Accept' }
}

/** Where a new resource is, by the same mapping as its request (RFC 8075 Section 5.3). */
function locationOf(
  response: CoapMessage,
  { uri, basePath }: AnsweredRequest,
): Record<string, string> {
  if (response.code !== RESPONSE.created) return {}
  const path = textsOf(response, OPTION.locationPath)
  const query = textsOf(response, OPTION.locationQuery)
  if (path.length + query.length === 0 || path.some(isDotSegment)) return {}
  return { Location: hostedUri(basePath, { ...uri, path, query }) }
}

/** A target as a path below the proxy's own. */
export function hostedUri(basePath: string, uri: CoapUri): string {
  return basePath + formatCoapUri(uri).replace('[', '%5B').replace(']', '%5D')
}

function textsOf(message: CoapMessage, number: number): readonly string[] {
  return optionValues(message, number).map((value) => readText(value) ?? '')
}
