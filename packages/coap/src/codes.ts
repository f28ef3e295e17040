// SPDX-License-Identifier: Apache-2.0
/**
 * Codes of CoAP by name: methods (RFC 7252 Section 12.1.1, RFC 8132 Section 7) and responses (RFC 7252
 * Section 12.1.2, RFC 7959 Section 2.9, RFC 8132 Section 7, RFC 8516, RFC 8768).
 *
 * @module
 */

import { code } from '@waxwing/oscore'

/** A method, as people write it. */
export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE' | 'FETCH' | 'PATCH' | 'iPATCH'

/** The codes of the methods. */
export const METHOD: Readonly<Record<Method, number>> = {
  GET: code(0, 1),
  POST: code(0, 2),
  PUT: code(0, 3),
  DELETE: code(0, 4),
  FETCH: code(0, 5),
  PATCH: code(0, 6),
  iPATCH: code(0, 7),
}

const METHOD_NAMES: ReadonlyMap<number, Method> = new Map(
  Object.entries(METHOD).map(([name, byte]) => [byte, name as Method]),
)

const IDEMPOTENT: ReadonlySet<number> = new Set([
  METHOD.GET,
  METHOD.PUT,
  METHOD.DELETE,
  METHOD.FETCH,
  METHOD.iPATCH,
])

/** The codes of responses, by the names of the registry. */
export const RESPONSE: {
  readonly created: number
  readonly deleted: number
  readonly valid: number
  readonly changed: number
  readonly content: number
  readonly continue: number
  readonly badRequest: number
  readonly unauthorized: number
  readonly badOption: number
  readonly forbidden: number
  readonly notFound: number
  readonly methodNotAllowed: number
  readonly notAcceptable: number
  readonly requestEntityIncomplete: number
  readonly conflict: number
  readonly preconditionFailed: number
  readonly requestEntityTooLarge: number
  readonly unsupportedContentFormat: number
  readonly unprocessableEntity: number
  readonly tooManyRequests: number
  readonly internalServerError: number
  readonly notImplemented: number
  readonly badGateway: number
  readonly serviceUnavailable: number
  readonly gatewayTimeout: number
  readonly proxyingNotSupported: number
  readonly hopLimitReached: number
} = {
  created: code(2, 1),
  deleted: code(2, 2),
  valid: code(2, 3),
  changed: code(2, 4),
  content: code(2, 5),
  continue: code(2, 31),
  badRequest: code(4, 0),
  unauthorized: code(4, 1),
  badOption: code(4, 2),
  forbidden: code(4, 3),
  notFound: code(4, 4),
  methodNotAllowed: code(4, 5),
  notAcceptable: code(4, 6),
  requestEntityIncomplete: code(4, 8),
  conflict: code(4, 9),
  preconditionFailed: code(4, 12),
  requestEntityTooLarge: code(4, 13),
  unsupportedContentFormat: code(4, 15),
  unprocessableEntity: code(4, 22),
  tooManyRequests: code(4, 29),
  internalServerError: code(5, 0),
  notImplemented: code(5, 1),
  badGateway: code(5, 2),
  serviceUnavailable: code(5, 3),
  gatewayTimeout: code(5, 4),
  proxyingNotSupported: code(5, 5),
  hopLimitReached: code(5, 8),
}

/** The method that a code stands for; `undefined` for any other code. */
export function methodOf(byte: number): Method | undefined {
  return METHOD_NAMES.get(byte)
}

/** A code as documents write it: `2.05`. */
export function codeName(byte: number): string {
  return `${codeClass(byte)}.${String(byte & 0x1f).padStart(2, '0')}`
}

/** The class of a code: 0 for methods, 2 for success, 4 and 5 for errors of either side. */
export function codeClass(byte: number): number {
  return byte >> 5
}

/** Whether asking again changes nothing at the server (RFC 7252 Section 5.1, RFC 8132 Section 2). */
export function isSafeMethod(byte: number): boolean {
  return byte === METHOD.GET || byte === METHOD.FETCH
}

/** Whether asking twice does no more than asking once (RFC 7252 Section 5.1, RFC 8132 Section 3). */
export function isIdempotentMethod(byte: number): boolean {
  return IDEMPOTENT.has(byte)
}
