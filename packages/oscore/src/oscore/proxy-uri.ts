// SPDX-License-Identifier: Apache-2.0
/**
 * Proxy-Uri, of which the path and the query are for the server alone (RFC 8613 Section 4.1.3.3, RFC
 * 7252 Sections 6.4 and 6.5).
 *
 * @module
 */

import { fromUtf8, utf8 } from '@waxwing/core'
import { type CoapOption, OPTION } from '../coap/message.js'

// Scheme and authority, path, query. Neither user information nor a fragment is possible.
const ABSOLUTE_URI = /^([a-z][a-z0-9+.-]*):\/\/([^/?#@]+)(\/[^?#]*)?(?:\?([^#]*))?$/i

const DEFAULT_PORTS: ReadonlyMap<string, string> = new Map([
  ['coap', '5683'],
  ['coaps', '5684'],
  ['http', '80'],
  ['https', '443'],
])

/** What a Proxy-Uri excludes (RFC 7252 Section 5.10.2). */
const EXCLUDED: ReadonlySet<number> = new Set([
  OPTION.uriHost,
  OPTION.uriPort,
  OPTION.uriPath,
  OPTION.uriQuery,
])

/**
 * Replaces a Proxy-Uri by one of scheme, host and port, and by Uri-Path and Uri-Query. Without one, the
 * options are returned as they are.
 *
 * @throws {RangeError} If it stands beside a Uri-* option, comes twice, or is no absolute URI with a
 *   host, without user information, dot segments and fragment.
 */
export function splitProxyUri(options: readonly CoapOption[]): readonly CoapOption[] {
  const proxyUri = options.find(({ number }) => number === OPTION.proxyUri)
  if (proxyUri === undefined) return options
  const hasMore = options.some((option) => isAnother(option, proxyUri))
  if (hasMore) throw wrong('come once')
  if (options.some(({ number }) => EXCLUDED.has(number))) throw wrong('stand without Uri-* options')
  const others = options.filter((option) => option !== proxyUri)
  return [...others, ...splitUri(uriText(proxyUri.value))]
}

function isAnother(option: CoapOption, proxyUri: CoapOption): boolean {
  return option.number === OPTION.proxyUri && option !== proxyUri
}

function splitUri(uri: string): readonly CoapOption[] {
  const [, scheme, authority, path = '', query] = ABSOLUTE_URI.exec(uri) ?? []
  if (scheme === undefined || authority === undefined) {
    throw wrong('be an absolute URI without user information and fragment')
  }
  const base = `${scheme.toLowerCase()}://${withoutDefaultPort(scheme, authority)}`
  return [
    { number: OPTION.proxyUri, value: utf8(base) },
    ...segments(path).map((value) => ({ number: OPTION.uriPath, value })),
    ...(query?.split('&') ?? []).map((part) => ({
      number: OPTION.uriQuery,
      value: utf8(percentDecoded(part)),
    })),
  ]
}

/** RFC 7252 Section 6.4, step 8: an empty path and a single slash have no segments. */
function segments(path: string): readonly Uint8Array[] {
  if (path === '' || path === '/') return []
  const names = path.slice(1).split('/').map(percentDecoded)
  if (names.some((name) => name === '.' || name === '..')) throw wrong('have no dot segments')
  return names.map(utf8)
}

function withoutDefaultPort(scheme: string, authority: string): string {
  const port = DEFAULT_PORTS.get(scheme.toLowerCase())
  const lower = authority.toLowerCase().replace(/:$/, '')
  return port !== undefined && lower.endsWith(`:${port}`) ? lower.slice(0, -port.length - 1) : lower
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw wrong('have percent-encoded UTF-8 alone')
  }
}

function uriText(value: Uint8Array): string {
  try {
    return fromUtf8(value)
  } catch {
    throw wrong('be UTF-8')
  }
}

function wrong(what: string): RangeError {
  return new RangeError(`Proxy-Uri must ${what}`)
}
