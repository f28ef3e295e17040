// SPDX-License-Identifier: Apache-2.0
/**
 * Which failures of a send are final: the same message will never be taken. Every other one may pass, and
 * the message waits for that.
 *
 * @module
 */

import { WaxwingError } from '@waxwing/core'

/** The rules of limits that a message breaks, and not the moment. */
const RULES_OF_MESSAGES: ReadonlySet<string | undefined> = new Set([
  'maxPayloadBytes',
  'maximumPacketSize', // MQTT
  'max-message-size', // AMQP 1.0
  'max_payload', // NATS: the server's, and that of a stream
  'max_msg_size',
  'address',
])

/** Tells whether the target refused the message itself. */
export function isFinal(error: unknown): boolean {
  if (error instanceof RangeError || error instanceof TypeError) return true
  if (!(error instanceof WaxwingError)) return false
  if (error.code === 'ERR_UNSUPPORTED' || error.code === 'ERR_MALFORMED') return true
  return RULES_OF_MESSAGES.has(error.details.rule)
}

/** Tells whether the target takes nothing any more. */
export function isClosed(error: unknown): boolean {
  return error instanceof WaxwingError && error.code === 'ERR_CLOSED'
}
