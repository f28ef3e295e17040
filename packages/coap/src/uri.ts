// SPDX-License-Identifier: Apache-2.0
/**
 * `coap` URIs and the options that they become (RFC 7252 Section 6).
 *
 * Invariant: a path and a query are lists of decoded texts; a slash within a segment and an ampersand
 * within an argument stay what they are.
 *
 * @module
 */

import { isIP } from 'node:net'
import { malformed, utf8, WaxwingError } from '@waxwing/core'
import { type CoapMessage, type CoapOption, optionValue } from '@waxwing/oscore'
import type { Peer, Request } from './handler.js'
import { OPTION, optionValues, readText, readUint, textOption, uintOption } from './options.js'

/** Where a `coap` URI without a port leads (RFC 7252 Section 6.1). */
export const DEFAULT_PORT = 5683

/** Uri-Host, Uri-Path and Uri-Query each hold this many bytes at the most (RFC 7252 Section 5.10). */
const MAX_VALUE_BYTES = 255

/** A `coap` URI taken apart. */
export interface CoapUri {
  /** A name in lower case, or a numeric address without brackets; an IPv6 one may have a zone. */
  readonly host: string
  /** 1 to 65,535. */
  readonly port: number
  /** The segments, decoded. None for `coap://host` and `coap://host/`. */
  readonly path: readonly string[]
  /** The arguments between the ampersands, decoded. */
  readonly query: readonly string[]
}

// Neither user information nor a fragment is possible (RFC 7252 Section 6.1).
const ABSOLUTE_URI =
  /^([a-z][a-z0-9+.-]*):\/\/(\[[^\]/?#@\s]*\]|[^:/?#@[\]\s]*)(?::(\d*))?(\/[^?#]*)?(?:\?([^#]*))?$/i
// Controls and blanks, and what no URI holds unless it is percent-encoded (RFC 3986 Appendix A).
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const NOT_IN_URIS = /[\u0000-\u0020\u007F"<>\\^`{|}]/

/**
 * Takes a URI apart (Section 6.4). Dot segments are resolved. Characters beyond ASCII stand for their
 * UTF-8.
 *
 * @throws {WaxwingError} `ERR_MALFORMED` if it is no absolute URI with a host, has a fragment or user
 *   information, or a part that fits no option; `ERR_UNSUPPORTED` for another scheme than `coap`.
 * @throws {TypeError} If it is no text.
 */
export function parseCoapUri(uri: string): CoapUri {
  if (typeof uri !== 'string') throw new TypeError('uri must be text')
  const [, scheme, rawHost = '', rawPort, rawPath = '', rawQuery] = ABSOLUTE_URI.exec(uri) ?? []
  if (scheme === undefined || NOT_IN_URIS.test(uri) || !uri.isWellFormed()) throw noUri()
  if (scheme.toLowerCase() !== 'coap') {
    const message = `a URI must begin with coap://, not with ${scheme.toLowerCase()}://`
    throw new WaxwingError('ERR_UNSUPPORTED', message, { field: 'scheme' })
  }
  return {
    host: parseHost(rawHost),
    port: parsePort(rawPort),
    path: parsePath(rawPath),
    query: rawQuery === undefined ? [] : rawQuery.split('&').map((part) => decode(part, 'query')),
  }
}

/** Puts a URI together (Section 6.5). */
export function formatCoapUri({ host, port, path, query }: CoapUri): string {
  const parts = query.map((part) => encode(part, /[^A-Za-z0-9\-._~!$'()*+,;=:@/?]/gu))
  const queryText = query.length === 0 ? '' : `?${parts.join('&')}`
  return `coap://${formatAuthority(host, port)}${formatPath(path)}${queryText}`
}

/** Segments as the path of a URI, with a slash before each. */
export function formatPath(path: readonly string[]): string {
  const segments = path.map((segment) => encode(segment, /[^A-Za-z0-9\-._~!$&'()*+,;=:@]/gu))
  return `/${segments.join('/')}`
}

/**
 * The options of a URI for whoever is asked directly: Uri-Path, Uri-Query, and Uri-Host for a name. An
 * address and a port are said by where the message goes.
 */
export function uriOptions(uri: CoapUri): readonly CoapOption[] {
  const named = isIP(uri.host) === 0 ? [textOption(OPTION.uriHost, uri.host)] : []
  return [...named, ...resourceOptions(uri)]
}

/**
 * The options of a URI for a proxy: Proxy-Scheme, and all of the Uri options, so that path and query can
 * be protected (RFC 7252 Section 5.10.2, RFC 8613 Section 4.1.3.3).
 */
export function proxiedUriOptions(uri: CoapUri): readonly CoapOption[] {
  return [
    textOption(OPTION.uriHost, isIP(uri.host) === 6 ? `[${uri.host}]` : uri.host),
    uintOption(OPTION.uriPort, uri.port),
    ...resourceOptions(uri),
    textOption(OPTION.proxyScheme, 'coap'),
  ]
}

/**
 * What a request is about, put together from its options and from where it goes (Section 6.5).
 *
 * @param request - Its options are untrusted.
 * @throws {WaxwingError} `ERR_MALFORMED` if the options make no URI.
 */
export function uriOf(request: CoapMessage & Pick<Request, 'peer'>): CoapUri {
  return {
    ...authorityParts(request, request.peer),
    path: pathOf(request),
    query: queryOf(request),
  }
}

/** The segments of a request's path. @throws {WaxwingError} `ERR_MALFORMED` if they make no path. */
export function pathOf(request: CoapMessage): readonly string[] {
  const path = texts(request, OPTION.uriPath)
  if (path.some((segment) => segment === '.' || segment === '..')) throw bad('Uri-Path')
  return path
}

/** The arguments of a request's query. @throws {WaxwingError} `ERR_MALFORMED` if they are not UTF-8. */
export function queryOf(request: CoapMessage): readonly string[] {
  return texts(request, OPTION.uriQuery)
}

/**
 * Whom a request is for, whichever proxies it passes: `host:port`, in lower case.
 *
 * @throws {WaxwingError} `ERR_MALFORMED` if Uri-Host or Uri-Port cannot be.
 */
export function authorityOf(request: CoapMessage & Pick<Request, 'peer'>): string {
  const { host, port } = authorityParts(request, request.peer)
  return `${bracketed(host)}:${port}`
}

function resourceOptions({ path, query }: CoapUri): readonly CoapOption[] {
  return [
    ...path.map((segment) => textOption(OPTION.uriPath, segment)),
    ...query.map((part) => textOption(OPTION.uriQuery, part)),
  ]
}

function authorityParts(message: CoapMessage, peer: Peer): { host: string; port: number } {
  const hostValue = optionValue(message, OPTION.uriHost)
  const portValue = optionValue(message, OPTION.uriPort)
  const port = portValue === undefined ? peer.port : readUint(portValue)
  if (port === undefined || port < 1 || port > 65_535) throw bad('Uri-Port')
  if (hostValue === undefined) return { host: peer.address, port }
  const host = readText(hostValue)
  if (host === undefined || host === '' || hostValue.length > MAX_VALUE_BYTES) throw bad('Uri-Host')
  return { host: host.startsWith('[') ? parseHost(host) : host.toLowerCase(), port }
}

function texts(message: CoapMessage, number: number): readonly string[] {
  return optionValues(message, number).map((value) => {
    const text = readText(value)
    if (text === undefined) throw bad(number === OPTION.uriPath ? 'Uri-Path' : 'Uri-Query')
    return text
  })
}

function parseHost(raw: string): string {
  if (raw.startsWith('[')) {
    // RFC 6874: the percent sign before a zone is encoded.
    const address = raw.slice(1, -1).replace('%25', '%').toLowerCase()
    if (isIP(address) !== 6) throw bad('host')
    return canonicalAddress(address)
  }
  const host = decode(raw, 'host').toLowerCase()
  if (host === '') throw bad('host')
  return host
}

/** One address has one text (RFC 5952), so that keys for it are found however it is written. */
function canonicalAddress(address: string): string {
  const [plain = '', ...zone] = address.split('%')
  const canonical = new URL(`http://[${plain}]`).hostname.slice(1, -1)
  return [canonical, ...zone].join('%')
}

function parsePort(raw: string | undefined): number {
  if (raw === undefined || raw === '') return DEFAULT_PORT
  const port = Number(raw)
  if (port < 1 || port > 65_535) throw bad('port')
  return port
}

/** RFC 3986 Section 5.2.4, on segments: what is percent-encoded is the same dot. */
function parsePath(raw: string): readonly string[] {
  if (raw === '' || raw === '/') return []
  const resolved: string[] = []
  const segments = raw.slice(1).split('/')
  for (const [index, rawSegment] of segments.entries()) {
    const segment = decode(rawSegment, 'path')
    const isDots = segment === '.' || segment === '..'
    if (segment === '..') resolved.pop()
    if (!isDots) resolved.push(segment)
    else if (index === segments.length - 1) resolved.push('')
  }
  // A path of a single slash has no segments (RFC 7252 Section 6.4, step 8).
  return resolved.length === 1 && resolved[0] === '' ? [] : resolved
}

function decode(text: string, field: string): string {
  const decoded = percentDecoded(text, field)
  // A code unit takes three bytes at most: short texts, which is nearly all, need no encoding.
  const isShort = 3 * decoded.length <= MAX_VALUE_BYTES
  if (!isShort && utf8(decoded).length > MAX_VALUE_BYTES) throw bad(field)
  return decoded
}

function percentDecoded(text: string, field: string): string {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    throw malformed('CoAP URI', field, error)
  }
}

function encode(text: string, mustEncode: RegExp): string {
  return text.replaceAll(mustEncode, (character) =>
    Array.from(
      utf8(character),
      (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
    ).join(''),
  )
}

function formatAuthority(host: string, port: number): string {
  const name = isIP(host) === 6 ? bracketed(host) : encode(host, /[^A-Za-z0-9\-._~!$&'()*+,;=]/gu)
  return port === DEFAULT_PORT ? name : `${name}:${port}`
}

function bracketed(host: string): string {
  const isIPv6 = host.includes(':') && isIP(host) === 6
  return isIPv6 ? `[${host.replace('%', '%25')}]` : host
}

function noUri(): WaxwingError {
  const message = 'a CoAP URI is coap://host/path or coap://host:port/path, percent-encoded'
  return new WaxwingError('ERR_MALFORMED', message, { field: 'URI' })
}

function bad(field: string): WaxwingError {
  return malformed('CoAP URI', field)
}
