// SPDX-License-Identifier: Apache-2.0
/**
 * Which responses may be used again, and for how long (RFC 7252 Sections 5.6.1, 5.9 and 5.10.5).
 *
 * @module
 */

import { type CoapMessage, type CoapOption, optionValue } from '@waxwing/oscore'
import { codeClass, RESPONSE } from '../codes.js'
import { isUnsafeToForward, OPTION, readUint, uintOption, withoutOptions } from '../options.js'

/** RFC 7252 Section 5.10.5. */
const DEFAULT_MAX_AGE_SECONDS = 60

/** A response that grows old. */
export interface Aged extends CoapMessage {
  /** By the clock of who keeps it; the past for one that only validation makes good again. */
  readonly freshUntil: number
}

/** A response that may be used again. */
export interface StoredResponse extends Aged {
  /** The resource that it represents. */
  readonly resource: string
}

/**
 * A copy of a response that may be used again; `undefined` where it may not (Section 5.9). 5.08 may be for
 * requests with no more hops to go (RFC 8768 Section 3), of which a Cache-Key says nothing.
 *
 * @param resource - What it represents.
 * @param since - When the request for it was sent: it may be that old.
 */
export function reusable(
  response: CoapMessage,
  resource: string,
  since: number,
): StoredResponse | undefined {
  const { code, options, payload } = response
  const isError = codeClass(code) === 4 || codeClass(code) === 5
  if ((code !== RESPONSE.content && !isError) || code === RESPONSE.hopLimitReached) return undefined
  if (options.some(({ number }) => isForOneRequester(number))) return undefined
  const copy = { code, options: copied(options), payload: payload.slice() }
  return { ...copy, freshUntil: freshUntil(response, since), resource }
}

/**
 * Whether a response is kept: while it is fresh, or as long as it can be validated. Errors of a server
 * are kept if they say for how long: else one that has just started again would look broken for a minute.
 */
export function isWorthKeeping(response: StoredResponse, now: number): boolean {
  const isOutage = codeClass(response.code) === 5
  if (isOutage && optionValue(response, OPTION.maxAge) === undefined) return false
  return isFresh(response, now) || canBeValidated(response)
}

/** Whether a response may answer further requests (Section 5.6.1). */
export function isFresh(response: Aged, now: number): boolean {
  return now < response.freshUntil
}

/** Errors cannot be (Section 5.9.2). */
export function canBeValidated(response: StoredResponse): boolean {
  return response.code === RESPONSE.content && optionValue(response, OPTION.etag) !== undefined
}

/** A stored response that a 2.03 found good, with what that says anew (Section 5.9.1.3). */
export function revived(stored: StoredResponse, valid: CoapMessage, since: number): StoredResponse {
  const news = valid.options.filter(
    ({ number }) => !isUnsafeToForward(number) || number === OPTION.maxAge,
  )
  const kept = withoutOptions(stored.options, OPTION.maxAge, ...news.map(({ number }) => number))
  const options = [...kept, ...copied(news)]
  return { ...stored, options, freshUntil: freshUntil(valid, since) }
}

/** A stored response as it is sent at this time: its Max-Age is what is left (Section 5.7.1). */
export function served(stored: Aged, now: number): CoapMessage {
  const seconds = Math.max(0, Math.floor((stored.freshUntil - now) / 1000))
  const options = withoutOptions(stored.options, OPTION.maxAge)
  const maxAge = uintOption(OPTION.maxAge, seconds)
  return { code: stored.code, options: [...options, maxAge], payload: stored.payload }
}

function copied(options: readonly CoapOption[]): readonly CoapOption[] {
  return options.map(({ number, value }) => ({ number, value: value.slice() }))
}

/** A challenge, a part of a body, a notification, and what nobody here understands. */
function isForOneRequester(number: number): boolean {
  if (number === OPTION.echo || number === OPTION.oscore) return true
  return isUnsafeToForward(number) && number !== OPTION.maxAge
}

/** How long a response is fresh that came then. A value that is none says that it is not to be stored. */
export function freshUntil(response: CoapMessage, since: number): number {
  const value = optionValue(response, OPTION.maxAge)
  const seconds = value === undefined ? DEFAULT_MAX_AGE_SECONDS : (readUint(value) ?? 0)
  return since + seconds * 1000
}
