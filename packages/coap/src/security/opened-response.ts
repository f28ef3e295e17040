// SPDX-License-Identifier: Apache-2.0
/**
 * What a client makes of the answers to its protected requests (RFC 8613 Section 8.4).
 *
 * Invariant: only what verified is handed on. An answer without protection says nothing for certain: it is
 * never a response, and at the most a reason to establish new keys.
 *
 * @module
 */

import { WaxwingError } from '@waxwing/core'
import {
  type ClientExchange,
  CODE_BAD_REQUEST,
  CODE_UNAUTHORIZED,
  type CoapMessage,
  isOscoreMessage,
  OPTION,
  unprotectResponse,
} from '@waxwing/oscore'
import { codeClass, codeName } from '../codes.js'
import type { NotificationListener, Response } from '../handler.js'
import { withoutOptions } from '../options.js'

const SERVER_ERROR_CLASS = 5

/** What came in answer to a protected request. */
export type Answer =
  | { readonly kind: 'verified'; readonly response: Response }
  /** Without protection: from the server, from a proxy, or from anybody. */
  | { readonly kind: 'plain'; readonly code: number }

/** An exchange that is under way, and how to end it. */
export interface Asking {
  readonly exchange: ClientExchange
  /** Ends the observation that the network goes on with. */
  readonly cancel: () => void
  /** Whether whoever asked still wants notifications. */
  readonly isWanted: () => boolean
}

/**
 * Verifies an answer.
 *
 * @throws {WaxwingError} `ERR_NOT_AUTHENTIC` if it is protected, and does not verify.
 */
export function openAnswer(asking: Asking, answer: Response): Answer {
  if (!isOscoreMessage(answer)) {
    asking.cancel()
    return { kind: 'plain', code: answer.code }
  }
  try {
    const plain = unprotectResponse(asking.exchange, answer)
    return { kind: 'verified', response: withNotifications(asking, plain, answer) }
  } catch (cause) {
    asking.cancel()
    throw notVerified(cause)
  }
}

/** Joins a verified response with the notifications that follow the answer, if it is to have any. */
export function withNotifications(asking: Asking, plain: CoapMessage, answer: Response): Response {
  const { notifications } = answer
  if (asking.exchange.isDone) {
    if (notifications !== undefined) asking.cancel()
    return plain
  }
  // A proxy does not observe: what was first is also last.
  if (notifications === undefined) {
    return { ...plain, options: withoutOptions(plain.options, OPTION.observe) }
  }
  return {
    ...plain,
    notifications: (listener) => notifications(new OpeningListener(asking, listener)),
  }
}

/** Whether an unprotected code is what a server says that has lost the context. */
export function tellsLoss(code: number): boolean {
  return code === CODE_UNAUTHORIZED || code === CODE_BAD_REQUEST
}

/** The error that an answer without protection is in the end. */
export function plainAnswerError(code: number): WaxwingError {
  const text = codeName(code)
  if (tellsLoss(code)) {
    const message = `the server has no such keys, or somebody says so: ${text} without protection`
    return new WaxwingError('ERR_KEY_UNKNOWN', message, { rule: text })
  }
  const what = `${text} came without protection`
  if (codeClass(code) === SERVER_ERROR_CLASS) {
    return new WaxwingError('ERR_TRANSPORT', `${what}, as from a proxy`, { rule: text })
  }
  return new WaxwingError('ERR_NOT_AUTHENTIC', what, { rule: text })
}

/**
 * The error of a request that may not be repeated, and was refused without protection: the server may have
 * carried it out.
 *
 * @param cause - Why there are no new keys, if so.
 */
export function outcomeUnknown(cause: Error | undefined): WaxwingError {
  const keys = cause === undefined ? 'there are keys for another' : 'no new keys were agreed on'
  const message = `nobody knows whether the request was carried out: it was refused without protection; ${keys}`
  return new WaxwingError('ERR_CONFLICT', message, { rule: 'perhaps-executed' }, { cause })
}

/** The error that an answer is that does not verify. */
export function notVerified(cause: unknown): WaxwingError {
  const message = 'the answer does not verify: it is not from the server, or was changed'
  return new WaxwingError('ERR_NOT_AUTHENTIC', message, {}, { cause })
}

/** Opens notifications; what does not verify, or comes late, is passed over (Section 8.4.2). */
class OpeningListener implements NotificationListener {
  readonly #asking: Asking
  readonly #listener: NotificationListener
  #hasEnded = false

  constructor(asking: Asking, listener: NotificationListener) {
    this.#asking = asking
    this.#listener = listener
  }

  async next(notification: CoapMessage): Promise<void> {
    const plain = this.#open(notification)
    if (plain === undefined || this.#hasEnded) return
    const isLast = this.#asking.exchange.isDone
    await this.#listener.next(plain)
    if (isLast) this.#end()
  }

  end(error?: Error): void {
    const { exchange, isWanted } = this.#asking
    const isExplained = error !== undefined || exchange.isDone || !isWanted()
    this.#end(isExplained ? error : notVerified(new Error('the observation ended in plain')))
  }

  #open(notification: CoapMessage): CoapMessage | undefined {
    try {
      return unprotectResponse(this.#asking.exchange, notification)
    } catch {
      return undefined
    }
  }

  #end(error?: Error): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#asking.cancel()
    this.#listener.end(error)
  }
}
