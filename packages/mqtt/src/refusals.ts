// SPDX-License-Identifier: Apache-2.0
/**
 * What brokers and MQTT.js say when something fails, as this library's errors.
 *
 * @module
 */

import type { WaxwingError } from '@waxwing/core'
import { transportError } from '@waxwing/transport-kit'

/** CONNACK: the protocol version is not acceptable (MQTT 3.1.1: 1, MQTT 5: 132). */
const VERSION_CODES: ReadonlySet<number> = new Set([1, 132])
/** CONNACK: try again later. MQTT 3.1.1: 3; MQTT 5: unavailable, busy, quota, rate, moved. */
const PASSING_CODES: ReadonlySet<number> = new Set([3, 136, 137, 151, 156, 159])

/** The code with which the broker refused, where the error is a refusal. */
export function refusalCode(error: unknown): number | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'number' ? code : undefined
}

/** Tells whether a refused connection is worth another attempt with the same options. */
export function isPassing(code: number): boolean {
  return PASSING_CODES.has(code)
}

/** The error of a connection that the broker refused. */
export function connectionRefused(error: Error, code: number, version: 4 | 5): WaxwingError {
  const other = version === 5 ? '4 (MQTT 3.1.1)' : '5'
  const advice = VERSION_CODES.has(code) ? `; set protocolVersion to ${other}` : ''
  const message = error.message.replace(/^Connection refused: /, '')
  return transportError(`the broker refused the connection: ${message}${advice}`, error)
}

/** The error of a connection that could not be made or that broke. */
export function connectionFailed(error: Error): WaxwingError {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  return transportError(`connection failed: ${error.message || code || error.name}`, error)
}

/** The error of a send that the broker refused (PUBACK, PUBREC) or that could not be made. */
export function sendFailed(address: string, error: unknown): WaxwingError {
  const why = error instanceof Error ? error.message.replace(/^Publish error: /, '') : String(error)
  return transportError(`could not send to ${address}: ${why}`, error)
}

/** The error of a subscription that the broker refused (SUBACK) or that could not be made. */
export function subscribeFailed(filter: string, error: Error): WaxwingError {
  const why = error.message.replace(/^Subscribe error: /, '')
  return transportError(`could not subscribe to ${filter}: ${why}`, error)
}
