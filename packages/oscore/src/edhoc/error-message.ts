// SPDX-License-Identifier: Apache-2.0
/**
 * Error messages (RFC 9528 Section 6), and the failure of a session that carries one.
 *
 * Whatever was wrong with a message, the peer is told the same; how long it took to find out may still
 * tell it something. Two things are told apart, since the
 * peer can do something about them: which suites there are, and (only if the application wants it) that
 * a credential is not known. Nobody vouches for an error message: anybody may have written it.
 *
 * @module
 */

import {
  type CborValue,
  type ErrorCode,
  malformed,
  WaxwingError,
  type ErrorDetails,
} from '@waxwing/core'
import { decodeSequence, encodeSequence } from './sequence.js'
import { suitesFromCbor, suitesToCbor } from './messages.js'

// RFC 9528 Section 6.
const ERR_SUCCESS = 0
const ERR_UNSPECIFIED = 1
const ERR_WRONG_SUITE = 2
const ERR_UNKNOWN_CREDENTIAL = 3

/** ERR_INFO of every error whose kind is nobody's business. */
const DIAGNOSTIC = 'processing failed'

/** What an error message says. */
export type ErrorMessage =
  /** ERR_CODE 0, which must not be sent: a peer that is broken. */
  | { readonly kind: 'success' }
  /** For people to read; written by whoever sent it. */
  | { readonly kind: 'unspecified'; readonly diagnostic: string }
  | { readonly kind: 'wrong-suite'; readonly suitesR: readonly number[] }
  | { readonly kind: 'unknown-credential' }
  /** A code that was registered later, or is private. */
  | { readonly kind: 'other'; readonly code: number; readonly info: CborValue }

/**
 * The end of a session. Its keys are gone; `reply` is to be sent to the peer, if the application sends
 * error messages at all.
 */
export class EdhocError extends WaxwingError {
  /** An encoded error message; absent where none may be sent (RFC 9528 Sections 5.1 and 6). */
  readonly reply: Uint8Array | undefined

  constructor(
    code: ErrorCode,
    message: string,
    options: { reply?: Uint8Array; details?: ErrorDetails; cause?: unknown } = {},
  ) {
    const { reply, details = {}, cause } = options
    super(code, message, details, cause === undefined ? undefined : { cause })
    this.reply = reply
  }
}

/** Encodes an error message. @throws {RangeError} If ERR_CODE is 0: that is never sent. */
export function encodeErrorMessage(error: ErrorMessage): Uint8Array {
  switch (error.kind) {
    case 'success':
      throw new RangeError('error code 0 must not be sent')
    case 'unspecified':
      return encodeSequence([ERR_UNSPECIFIED, error.diagnostic])
    case 'wrong-suite':
      return encodeSequence([ERR_WRONG_SUITE, suitesToCbor(error.suitesR)])
    case 'unknown-credential':
      return encodeSequence([ERR_UNKNOWN_CREDENTIAL, true])
    case 'other':
      if (error.code >= ERR_SUCCESS && error.code <= ERR_UNKNOWN_CREDENTIAL) {
        throw new RangeError(`code ${error.code} has a kind of its own`)
      }
      return encodeSequence([error.code, error.info])
  }
}

/**
 * Tells an error message from message_2 to message_4, which all begin with a byte string: this one
 * begins with an integer.
 */
export function isErrorMessage(bytes: Uint8Array): boolean {
  const first = bytes[0]
  return first !== undefined && first >> 5 <= 1
}

/**
 * Whether something in the place of message_1, which begins with an integer as well, may be an error
 * message: it has no more than two items, of which message_1 has four. Errors are never answered.
 */
export function isShortAsError(bytes: Uint8Array): boolean {
  if (!isErrorMessage(bytes)) return false
  try {
    return decodeSequence(bytes, 'error message').length <= 2
  } catch {
    return false
  }
}

/**
 * Decodes an error message.
 *
 * @throws {WaxwingError} `ERR_MALFORMED` if it is not two items, or ERR_INFO not as its code wants it.
 */
export function decodeErrorMessage(bytes: Uint8Array): ErrorMessage {
  const what = 'error message'
  const [code, info, ...rest] = decodeSequence(bytes, what)
  if (typeof code !== 'number') throw malformed(what, 'ERR_CODE')
  // Whatever stands behind a zero, the answer is the same.
  if (code === ERR_SUCCESS) return { kind: 'success' }
  if (info === undefined || rest.length > 0) throw malformed(what, 'ERR_INFO')
  return readInfo(code, info) ?? wrongInfo(what)
}

/** The answer to whatever is not told apart. */
export function unspecifiedError(): Uint8Array {
  return encodeErrorMessage({ kind: 'unspecified', diagnostic: DIAGNOSTIC })
}

function readInfo(code: number, info: CborValue): ErrorMessage | undefined {
  if (code === ERR_UNSPECIFIED) {
    return typeof info === 'string' ? { kind: 'unspecified', diagnostic: info } : undefined
  }
  if (code === ERR_WRONG_SUITE) {
    const suitesR = suitesFromCbor(info)
    return suitesR === undefined ? undefined : { kind: 'wrong-suite', suitesR }
  }
  if (code === ERR_UNKNOWN_CREDENTIAL) {
    return info === true ? { kind: 'unknown-credential' } : undefined
  }
  return { kind: 'other', code, info }
}

function wrongInfo(what: string): never {
  throw malformed(what, 'ERR_INFO')
}
