// SPDX-License-Identifier: Apache-2.0
/**
 * The one error family that every package throws.
 *
 * Three kinds of failure, told apart on purpose:
 *
 * - the caller broke the contract (wrong type, wrong length): a plain `TypeError` or `RangeError`
 *   that names the argument, fixable by reading the code;
 * - the bytes, the key, the policy or the surroundings said no: a {@link WaxwingError} with a
 *   stable `code`;
 * - "this is not for me": not an error; functions that can meet it return `undefined`.
 *
 * @module
 */

/** Every stable code, with what it means. Adding one is a minor release, renaming a major one. */
export const ERROR_CODES = {
  ERR_MALFORMED: 'The bytes do not follow the format.',
  ERR_UNSUPPORTED: 'Well-formed, but of a version, type or algorithm that is not implemented.',
  ERR_NOT_AUTHENTIC: 'An object could not be opened: wrong key, changed bytes or forged signature.',
  ERR_SIGNATURE: 'The signature of a control message or statement does not verify.',
  ERR_KEY_UNKNOWN: 'No key is held for what was asked.',
  ERR_KEY_INVALID:
    'A public key is not acceptable: wrong length, not canonical, off its curve, or of small order.',
  ERR_NOT_TRUSTED: 'No trusted anchor or pinned key vouches for this principal.',
  ERR_NOT_AUTHORIZED: 'The principal is known, but may not do this.',
  ERR_CHAIN: 'A chain of grants breaks a rule: issuer, span, rights, depth, end or nodes.',
  ERR_RECIPIENT: 'A control message is addressed to somebody else.',
  ERR_EXPIRED: 'The credential, key card, bundle, link or message is no longer valid.',
  ERR_NOT_YET_VALID: 'The statement or message is dated in the future.',
  ERR_REVOKED: 'The principal was revoked before the time in question.',
  ERR_ROLLBACK: 'An older version than the newest one seen was offered.',
  ERR_CONFLICT: 'Two different things claim to be the same; neither is chosen silently.',
  ERR_REPLAYED: 'Verified, but this counter was accepted before, or nobody can tell any more.',
  ERR_CLOSED_GENERATION: 'The object lies after the epoch at which its generation was closed.',
  ERR_LIMIT: 'A size, count or depth limit was exceeded; the details name it.',
  ERR_NOT_READY: 'The endpoint has not yet recorded what it needs to seal safely; try again.',
  ERR_COUNTER_EXHAUSTED: 'A content key was used as often as it may be; a new session is needed.',
  ERR_CLOCK: 'The time is unknown or stands against what was recorded.',
  ERR_STORE_CORRUPT: 'The store is damaged: its integrity check failed.',
  ERR_STORE_FOREIGN: 'The file is not a Waxwing store.',
  ERR_STORE_NEWER: 'The store was written by a newer version of the software.',
  ERR_STORE_KEY: 'The store key is wrong or missing.',
  ERR_STORE_FULL: 'The store has no room left; nothing was changed.',
  ERR_STORE_BUSY: 'Another process holds the store for too long.',
  ERR_TRANSPORT: 'The transport failed or refused; the cause says why.',
  ERR_TIMEOUT: 'Nothing came in time.',
  ERR_CLOSED: 'The endpoint, store, transport or reader was closed.',
  ERR_INTERNAL:
    'An error that nobody foresaw, in this software or in what it was given; see the cause.',
} as const

/** One of the stable codes of {@link ERROR_CODES}. */
export type ErrorCode = keyof typeof ERROR_CODES

/** Facts about a failure that are safe to log: never key material, plaintext or ciphertext. */
export interface ErrorDetails {
  /** Byte offset into the input at which decoding stopped. */
  readonly offset?: number
  /** Name of the field, spelled as the specification spells it. */
  readonly field?: string
  /** Name of the rule or limit that was broken. */
  readonly rule?: string
}

/**
 * A refusal caused by data, by a key, by policy or by the surroundings; never by a bug in the
 * calling code. Branch on {@link WaxwingError.code}: messages are for people and may change.
 */
export class WaxwingError extends Error {
  override readonly name: string = 'WaxwingError'
  readonly code: ErrorCode
  readonly details: ErrorDetails

  constructor(
    code: ErrorCode,
    message: string,
    details: ErrorDetails = {},
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.code = code
    this.details = details
  }
}

/**
 * The single failure of opening an object, whatever was wrong. A peer must not learn which check
 * failed (RFC 9052 Section 7 of its security considerations), so the message never varies.
 */
export function notAuthentic(cause?: unknown): WaxwingError {
  return new WaxwingError('ERR_NOT_AUTHENTIC', 'the object could not be opened', {}, { cause })
}

/** The failure of a decoder: `what` names the structure, `field` the part of it. */
export function malformed(what: string, field: string, cause?: unknown): WaxwingError {
  const options = cause === undefined ? undefined : { cause }
  return new WaxwingError('ERR_MALFORMED', `${what}: bad ${field}`, { field }, options)
}

/** Nobody who is believed vouches for this principal: `why` says what is missing. */
export function notTrusted(why: string): WaxwingError {
  return new WaxwingError('ERR_NOT_TRUSTED', why)
}
