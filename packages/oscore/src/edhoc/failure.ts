// SPDX-License-Identifier: Apache-2.0
/**
 * How a session ends early: its secrets are overwritten, and the peer is told no more than that.
 *
 * @module
 */

import { WaxwingError } from '@waxwing/core'
import {
  decodeErrorMessage,
  EdhocError,
  encodeErrorMessage,
  type ErrorMessage,
  isErrorMessage,
  unspecifiedError,
} from './error-message.js'

/** What is overwritten when a step is done, or failed. */
export class Secrets {
  readonly #kept: Uint8Array[] = []

  keep(bytes: Uint8Array): Uint8Array {
    this.#kept.push(bytes)
    return bytes
  }

  wipe(): void {
    for (const bytes of this.#kept) bytes.fill(0)
  }
}

/** A step of a session, which is taken once, whatever becomes of it. */
export class Step {
  #isTaken = false
  #isClosed = false

  /** @throws {WaxwingError} `ERR_CLOSED` the second time. */
  take(): void {
    if (this.#isTaken) {
      throw new WaxwingError('ERR_CLOSED', 'this step of the session was taken before')
    }
    this.#isTaken = true
  }

  /** Gives it up, whether or not it was taken. */
  close(): void {
    this.#isTaken = true
    this.#isClosed = true
  }

  /** @throws {WaxwingError} `ERR_CLOSED` after {@link close}. */
  checkOpen(): void {
    if (this.#isClosed) throw new WaxwingError('ERR_CLOSED', 'the session was given up')
  }
}

export interface FailureOptions {
  /** Whether an error message may go back. Default `true`. */
  readonly answers?: boolean
  /** Whether it says so if a credential was not known. Default `false`. */
  readonly tellsUnknownCredential?: boolean | undefined
}

/**
 * The failure of a session for whatever reason: the reason stays here, the answer is always the same.
 */
export function failureOf(cause: unknown, options: FailureOptions = {}): EdhocError {
  if (cause instanceof EdhocError) return cause
  const { answers = true, tellsUnknownCredential = false } = options
  const isUnknown = tellsUnknownCredential && cause instanceof UnknownCredential
  const answer = isUnknown ? encodeErrorMessage({ kind: 'unknown-credential' }) : unspecifiedError()
  const reply = answers ? { reply: answer } : {}
  if (!(cause instanceof WaxwingError)) {
    return new EdhocError('ERR_INTERNAL', 'EDHOC: processing failed', { cause, ...reply })
  }
  const { code, message, details } = cause
  return new EdhocError(code, `EDHOC: ${message}`, { details, cause, ...reply })
}

/** What a step does with either of the two that it may receive. */
export interface Receiving<Outcome> {
  readonly error: (error: ErrorMessage) => Outcome
  /** Whatever it keeps in `secrets` is overwritten afterwards. */
  readonly message: (secrets: Secrets) => Promise<Outcome>
}

/**
 * Receives a message, or the error message in its place. A failure ends the session, and is answered
 * unless it was met in an error message.
 *
 * @throws {EdhocError} For whatever reason.
 */
export async function receiveEither<Outcome>(
  bytes: Uint8Array,
  { error, message }: Receiving<Outcome>,
  { tellsUnknownCredential }: Pick<FailureOptions, 'tellsUnknownCredential'>,
): Promise<Outcome> {
  const isError = isErrorMessage(bytes)
  const secrets = new Secrets()
  try {
    return isError ? error(decodeErrorMessage(bytes)) : await message(secrets)
  } catch (cause) {
    throw failureOf(cause, { answers: !isError, tellsUnknownCredential })
  } finally {
    secrets.wipe()
  }
}

/** ID_CRED_x refers to a credential that this endpoint has not. */
export class UnknownCredential extends WaxwingError {
  constructor() {
    super('ERR_KEY_UNKNOWN', 'the credential that the peer refers to is not known')
  }
}
