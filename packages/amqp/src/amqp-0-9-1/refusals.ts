// SPDX-License-Identifier: Apache-2.0
/**
 * What brokers and amqplib say when something fails, as this library's errors.
 *
 * @module
 */

import type { WaxwingError } from '@waxwing/core'
import { transportError } from '@waxwing/transport-kit'

/** Reply codes of AMQP 0-9-1 Section 1.1, RabbitMQ's use of them. */
export const CONNECTION_FORCED = 320
export const ACCESS_REFUSED = 403
export const NOT_FOUND = 404
const PRECONDITION_FAILED = 406
const RESOURCE_LOCKED = 405
const NOT_ALLOWED = 530

/** The reply code of a refusal; `undefined` where the error is none. */
export function refusalCode(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined
  if ('code' in error && typeof error.code === 'number') return error.code
  // While a connection is opened the code stands in the text alone.
  const code = /terminated by server: (\d{3}) /.exec(error.message)?.[1]
  return code === undefined ? undefined : Number(code)
}

/** What will be the same at the next attempt, with the same options. */
const LASTING_CODES: ReadonlySet<number> = new Set([
  ACCESS_REFUSED,
  NOT_FOUND,
  RESOURCE_LOCKED,
  PRECONDITION_FAILED,
  NOT_ALLOWED,
])
/** With the same codes: too many connections, or a queue whose node is not up yet. */
const PASSING_WORDS = /limit|inaccessible|unavailable/

/** Tells whether the broker refused for good, rather than for now. */
export function isRefusal(error: unknown): boolean {
  const code = refusalCode(error)
  return code !== undefined && LASTING_CODES.has(code) && !PASSING_WORDS.test(wordsOf(error))
}

/** amqplib keeps to itself why a broker does not open a virtual host. */
const NOT_OPENED = 'Expected ConnectionOpenOk; got <ConnectionClose'

/** What the broker said, without what amqplib puts around it. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.message.includes(NOT_OPENED)) {
    return 'the virtual host is not there, not for this user, or has too many connections'
  }
  const quoted = /with message "(.*?)"(?:;|$)/s.exec(error.message)?.[1]
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  return quoted ?? (error.message || code || error.name)
}

/** The error of a connection that could not be made or that broke. */
export function connectionFailed(error: unknown): WaxwingError {
  return transportError(`connection failed: ${wordsOf(error)}`, error)
}

/** The error of a connection that the broker refused. */
export function connectionRefused(error: unknown): WaxwingError {
  return transportError(`the broker refused the connection: ${wordsOf(error)}`, error)
}

/** The error of a send that the broker refused. */
export function sendFailed(address: string, why: unknown): WaxwingError {
  return transportError(`could not send to ${address}: ${wordsOf(why)}`, why)
}

/** The error of a queue that could not be made, bound or read. */
export function subscribeFailed(filter: string, error: unknown): WaxwingError {
  const differs = refusalCode(error) === PRECONDITION_FAILED
  const what = differs ? 'its queue is there with other arguments: ' : ''
  return transportError(`could not subscribe to ${filter}: ${what}${wordsOf(error)}`, error)
}

/** The error of an exchange, a queue or a stream that everything else needs. */
export function topologyFailed(what: string, advice: string, error: unknown): WaxwingError {
  return transportError(`${what} is refused: ${wordsOf(error)}${advice}`, error)
}
