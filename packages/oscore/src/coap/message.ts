// SPDX-License-Identifier: Apache-2.0
/**
 * CoAP messages without what belongs to one hop (RFC 7252 Section 3): version, type, token and
 * message id stay with the transport.
 *
 * @module
 */

/** One instance of an option (RFC 7252 Section 5.4). */
export interface CoapOption {
  /** 0 to 65,535. */
  readonly number: number
  /** At most 65,804 bytes. */
  readonly value: Uint8Array
}

export interface CoapMessage {
  /** Class in the three highest bits, detail in the others; see {@link code}. */
  readonly code: number
  /** In any order; instances of one number are kept in theirs. */
  readonly options: readonly CoapOption[]
  /** Empty is the same as none. */
  readonly payload: Uint8Array
}

/** The code `c.dd` as a byte: `code(4, 1)` is 4.01. */
export function code(codeClass: number, detail: number): number {
  return codeClass * 32 + detail
}

export const CODE_GET: number = code(0, 1)
export const CODE_POST: number = code(0, 2)
export const CODE_FETCH: number = code(0, 5)
export const CODE_CHANGED: number = code(2, 4)
export const CODE_CONTENT: number = code(2, 5)
export const CODE_BAD_REQUEST: number = code(4, 0)
export const CODE_UNAUTHORIZED: number = code(4, 1)
export const CODE_BAD_OPTION: number = code(4, 2)
export const CODE_SERVICE_UNAVAILABLE: number = code(5, 3)

/** Options that OSCORE has to know (RFC 8613 Figure 5 and its later registrations). */
export const OPTION = {
  uriHost: 3,
  observe: 6,
  uriPort: 7,
  oscore: 9,
  uriPath: 11,
  maxAge: 14,
  uriQuery: 15,
  edhoc: 21,
  block2: 23,
  block1: 27,
  size2: 28,
  proxyUri: 35,
  proxyScheme: 39,
  size1: 60,
  echo: 252,
  noResponse: 258,
  requestTag: 292,
} as const

const REQUEST_CLASS = 0
const SIGNALING_CLASS = 7

/** Whether the code is of a request: 0.01 to 0.31. */
export function isRequestCode(byte: number): boolean {
  return byte >> 5 === REQUEST_CLASS && byte !== 0
}

/** Whether the code is of a response: classes 2 to 5. */
export function isResponseCode(byte: number): boolean {
  const codeClass = byte >> 5
  return codeClass >= 2 && codeClass <= 5
}

/** Whether the code is of a signaling message, 7.xx (RFC 8323 Section 5). */
export function isSignalingCode(byte: number): boolean {
  return byte >> 5 === SIGNALING_CLASS
}

/** The first value of an option; `undefined` without one. */
export function optionValue(message: CoapMessage, number: number): Uint8Array | undefined {
  return message.options.find((option) => option.number === number)?.value
}
