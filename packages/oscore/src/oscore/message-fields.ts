// SPDX-License-Identifier: Apache-2.0
/**
 * Which fields of a message are protected, and which a proxy sees (RFC 8613 Section 4).
 *
 * Invariant: of what comes without protection, only options of Class U get into a decrypted request, each
 * once and none that also came protected; into a decrypted response, nothing.
 *
 * @module
 */

import { malformed } from '@waxwing/core'
import { sortOptions } from '../coap/codec.js'
import {
  CODE_CHANGED,
  CODE_CONTENT,
  CODE_FETCH,
  CODE_POST,
  type CoapMessage,
  type CoapOption,
  isRequestCode,
  isResponseCode,
  isSignalingCode,
  OPTION,
} from '../coap/message.js'
import { splitProxyUri } from './proxy-uri.js'

/** Whether a message is protected as a request or as a response. */
export type Direction = 'request' | 'response'

const EMPTY = new Uint8Array(0)

/**
 * Options that are Outer only: Figure 5, and EDHOC (RFC 9668 Section 3.1). All others are Inner, those
 * that nobody has heard of as well (Section 4.1); some of these a proxy may add a second time.
 */
const CLASS_U: ReadonlySet<number> = new Set([
  OPTION.uriHost,
  OPTION.uriPort,
  OPTION.oscore,
  OPTION.edhoc,
  OPTION.proxyUri,
  OPTION.proxyScheme,
])

/** Max-Age of 0 seconds, which is the empty integer (RFC 7252 Sections 3.2 and 5.10.5). */
export const MAX_AGE_0: CoapOption = { number: OPTION.maxAge, value: EMPTY }

/** The Inner Observe of a notification is empty: Partial IVs tell the order (Section 4.1.3.5.2). */
const EMPTY_OBSERVE: CoapOption = { number: OPTION.observe, value: EMPTY }

/** A message taken apart, before anything is encrypted. */
export interface MessageParts {
  readonly outerCode: number
  /** Without the OSCORE option. */
  readonly outerOptions: readonly CoapOption[]
  /** Becomes the plaintext. */
  readonly inner: CoapMessage
}

/**
 * Takes a message apart into what is encrypted and what stays visible.
 *
 * @throws {RangeError} If it has an OSCORE option already (Section 4.1.3.7), another one of Class U twice,
 *   or a Proxy-Uri that cannot be split.
 */
export function splitMessage(message: CoapMessage, direction: Direction): MessageParts {
  if (hasOscoreOption(message)) throw new RangeError('message must not have an OSCORE option')
  if (isSignalingCode(message.code)) return splitSignaling(message, direction)
  const options = splitProxyUri(message.options)
  if (repeatsClassU(options)) throw new RangeError('options of Class U must each come once')
  const outerOptions: CoapOption[] = []
  const inner: CoapOption[] = []
  let hasObserve = false
  for (const option of options) {
    const isObserve = option.number === OPTION.observe
    const isOuterOnly = CLASS_U.has(option.number)
    if (isOuterOnly || isObserve) outerOptions.push(option)
    if (isOuterOnly) continue
    inner.push(isObserve && direction === 'response' ? EMPTY_OBSERVE : option)
    hasObserve ||= isObserve
  }
  const { code, payload } = message
  return {
    outerCode: outerCode(direction, hasObserve),
    outerOptions,
    inner: { code, options: inner, payload },
  }
}

/**
 * Checks a plaintext that was decrypted and decoded: its Code is of its direction, and it is no OSCORE
 * message itself (Section 4.1.3.7).
 *
 * @throws {WaxwingError} `ERR_MALFORMED`.
 */
export function checkInner({ code, options }: CoapMessage, direction: Direction): void {
  const isExpected = direction === 'request' ? isRequestCode(code) : isResponseCode(code)
  if (!isExpected && !isSignalingCode(code)) throw malformed(`OSCORE ${direction}`, 'code')
  if (hasOscoreOption({ options })) throw malformed(`OSCORE ${direction}`, 'OSCORE option')
}

/**
 * Checks what a proxy may add to a request: no option of Class U is repeatable, and all are critical, so
 * that a second one counts as an option that nobody knows (RFC 7252 Section 5.4.5).
 *
 * @throws {WaxwingError} `ERR_MALFORMED`.
 */
export function checkOuterOptions({ options }: CoapMessage): void {
  if (repeatsClassU(options)) throw malformed('OSCORE request', 'repeated option')
}

/**
 * Puts a decrypted request together (Section 8.2): Code and payload are those that were encrypted; of the
 * options outside, only those of Class U stay.
 */
export function mergeRequest(outer: CoapMessage, inner: CoapMessage): CoapMessage {
  if (isSignalingCode(inner.code)) return inner
  const kept = outer.options.filter(
    ({ number }) =>
      CLASS_U.has(number) &&
      number !== OPTION.oscore &&
      !inner.options.some((option) => option.number === number),
  )
  if (kept.length === 0) return inner
  return { ...inner, options: sortOptions([...kept, ...inner.options]) }
}

/** All options of signaling messages are Inner, and their numbers mean something else (Section 4.3). */
function splitSignaling(message: CoapMessage, direction: Direction): MessageParts {
  return { outerCode: outerCode(direction, false), outerOptions: [], inner: message }
}

/** Section 4.2, and 4.1.3.5 for Observe: POST with Observe is not defined. */
function outerCode(direction: Direction, hasObserve: boolean): number {
  if (direction === 'request') return hasObserve ? CODE_FETCH : CODE_POST
  return hasObserve ? CODE_CONTENT : CODE_CHANGED
}

function repeatsClassU(options: readonly CoapOption[]): boolean {
  return options.some(
    ({ number }, at) =>
      CLASS_U.has(number) && options.findIndex((option) => option.number === number) < at,
  )
}

function hasOscoreOption({ options }: Pick<CoapMessage, 'options'>): boolean {
  return options.some(({ number }) => number === OPTION.oscore)
}
