// SPDX-License-Identifier: Apache-2.0
/**
 * What a broker refuses and what nobody answers, as this library's errors.
 *
 * @module
 */

import { type ErrorCode, WaxwingError } from '@waxwing/core'
import type { CoapMessage } from '@waxwing/oscore'
import { codeName } from '../codes.js'

/** The broker answered, and said no. */
export class Refusal extends WaxwingError {
  /** The code of the response. */
  readonly responseCode: number

  constructor(what: string, { code }: CoapMessage) {
    super('ERR_TRANSPORT', `the broker refused ${what}: ${codeName(code)}`)
    this.responseCode = code
  }
}

/** Whether no answer came; the same request may be answered another time. */
export function isUnanswered(error: unknown): boolean {
  return isOf(error, 'ERR_TIMEOUT', 'ERR_TRANSPORT')
}

/**
 * Whether it helps to ask again: nobody answered, or a body changed while its blocks were under way, or
 * nobody knows whether it was taken. Nothing is done twice that a transport asks for twice.
 */
export function isWorthRepeating(error: unknown): boolean {
  return isUnanswered(error) || isOf(error, 'ERR_CONFLICT')
}

function isOf(error: unknown, ...codes: readonly ErrorCode[]): boolean {
  if (!(error instanceof WaxwingError) || error instanceof Refusal) return false
  return codes.includes(error.code)
}

/** Whether a body is longer than any message may be; the rest of it was not fetched. */
export function isTooLong(error: unknown): boolean {
  return error instanceof WaxwingError && error.details['rule'] === 'maxBodyBytes'
}

/** The broker answers, but not this. */
export function unanswerable(cause: unknown): WaxwingError {
  const message = 'the broker answers other requests, and not this one'
  return new WaxwingError('ERR_TRANSPORT', message, {}, { cause })
}

/** However often it is written: of a message that is longer than a block, the end is all that there is. */
export function cutShort(path: string): WaxwingError {
  const message = `the broker keeps only the last block of what is written to ${path}`
  return new WaxwingError('ERR_TRANSPORT', message)
}

/** A message came in that is longer than `maxPayloadBytes`. */
export function tooLong(address: string): WaxwingError {
  const message = `a message on ${address} is longer than maxPayloadBytes, and was dropped`
  return new WaxwingError('ERR_LIMIT', message, { rule: 'maxPayloadBytes' })
}

export function closedError(): WaxwingError {
  return new WaxwingError('ERR_CLOSED', 'the transport was closed')
}
