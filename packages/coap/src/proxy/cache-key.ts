// SPDX-License-Identifier: Apache-2.0
/**
 * When two requests may have one response (RFC 7252 Section 5.6), and which resource they are about.
 *
 * @module
 */

import { hash } from 'node:crypto'
import { type CoapOption, encodeCoap } from '@waxwing/oscore'
import { METHOD } from '../codes.js'
import type { Request } from '../handler.js'
import { isNoCacheKey, OPTION, withoutOptions } from '../options.js'
import { TARGET_OPTIONS } from './target.js'

const EMPTY = new Uint8Array(0)

/** Options that a cache interprets itself: responses do not differ by them. */
const INTERPRETED: ReadonlySet<number> = new Set([OPTION.etag, OPTION.hopLimit])

/** Options that make a request more than a question for a representation. */
const EXCLUDING: ReadonlySet<number> = new Set([
  OPTION.ifMatch,
  OPTION.ifNoneMatch,
  OPTION.observe,
  OPTION.oscore, // RFC 8613 Section 10: a response is good for its request alone
  OPTION.block1,
  OPTION.block2,
])

/** Whether a stored response may answer a request, or its response be stored. */
export function isCacheable({ code, options, security }: Request): boolean {
  if (code !== METHOD.GET && code !== METHOD.FETCH) return false
  return security === undefined && !options.some(({ number }) => EXCLUDING.has(number))
}

/**
 * The Cache-Key: the method, where the request goes, and all options but those that do not count. That
 * of a FETCH has the payload as well (RFC 8132 Section 2.1); a GET should have none, and what a server
 * makes of one is not for others.
 */
export function cacheKeyOf(request: Request): string {
  const options = request.options.filter(
    ({ number }) => !isNoCacheKey(number) && !INTERPRETED.has(number),
  )
  return digest(request, { ...request, options })
}

/**
 * What two requests have in common of which one may wait for the response to the other: more than the
 * Cache-Key, since they fail together. A request that comes round in a loop of proxies has fewer hops left
 * than the one that it would wait for in vain.
 */
export function flightKeyOf(request: Request): string {
  const options = withoutOptions(request.options, OPTION.etag)
  const isConfirmable = request.confirmable ?? true
  return `${digest(request, { ...request, options })} ${isConfirmable}`
}

/** What two registrations have in common of which one may be for the clients of both: all that they say. */
export function registrationKeyOf(request: Request): string {
  return `${digest(request, request)} ${request.confirmable ?? true}`
}

/** Whether a request says more than its Cache-Key, which an error may be about. */
export function exceedsCacheKey({ options }: Request): boolean {
  return options.some(({ number }) => isNoCacheKey(number))
}

/** The resource, whichever of its representations is asked for. */
export function resourceKeyOf(request: Request): string {
  const options = request.options.filter(({ number }) => TARGET_OPTIONS.includes(number))
  return digest(request, { code: 0, options, payload: EMPTY })
}

/** The resource that a response says was made (RFC 7252 Section 5.10.7). */
export function locationKeyOf(request: Request, created: readonly CoapOption[]): string {
  const place = request.options.filter(
    ({ number }) => number !== OPTION.uriPath && number !== OPTION.uriQuery,
  )
  const path = created
    .filter(({ number }) => number === OPTION.locationPath)
    .map(({ value }) => ({ number: OPTION.uriPath, value }))
  const query = created
    .filter(({ number }) => number === OPTION.locationQuery)
    .map(({ value }) => ({ number: OPTION.uriQuery, value }))
  return resourceKeyOf({ ...request, options: [...place, ...path, ...query] })
}

/** Short whatever a requester sends, and the same for no two requests that differ. */
function digest({ peer }: Request, message: Parameters<typeof encodeCoap>[0]): string {
  const target = `${peer.address} ${peer.port}\n`
  return hash('sha256', Buffer.concat([Buffer.from(target), encodeCoap(message)]), 'base64')
}
