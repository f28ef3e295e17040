// SPDX-License-Identifier: Apache-2.0
/**
 * What brokers and rhea say when something fails, as this library's errors.
 *
 * @module
 */

import type { WaxwingError } from '@waxwing/core'
import { transportError } from '@waxwing/transport-kit'

/** Conditions with which another attempt with the same options is pointless. */
const FINAL: ReadonlySet<string> = new Set([
  'amqp:unauthorized-access',
  'amqp:not-allowed',
  'amqp:not-found',
  'amqp:not-implemented',
])

/** What came is bounded, and so is what is said of it. */
const MAX_WORDS = 500

/** The condition of an error, as the peer or rhea gave it; empty if there is none. */
export function conditionOf(error: unknown): string {
  const condition = isRecord(error) ? error['condition'] : undefined
  return typeof condition === 'string' ? condition.slice(0, MAX_WORDS) : ''
}

/** What an error says, with its condition. */
export function wordsOf(error: unknown): string {
  const condition = conditionOf(error)
  const said = isRecord(error) ? (error['description'] ?? error['message']) : undefined
  const words = (typeof said === 'string' ? said : '').slice(0, MAX_WORDS)
  if (condition === '') return words === '' ? 'without a reason' : words
  return words === '' ? condition : `${words} (${condition})`
}

/** Tells whether a refused connection is worth no other attempt with the same options. */
export function isFinal(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined
  return FINAL.has(conditionOf(error)) || FINAL.has(conditionOf(cause))
}

/** The error of a connection that the broker refused. */
export function connectionRefused(error: unknown): WaxwingError {
  return transportError(`the broker refused the connection: ${wordsOf(error)}`, error)
}

/** The error of a connection that could not be made or that broke. */
export function connectionFailed(error: unknown): WaxwingError {
  const code = isRecord(error) && typeof error['code'] === 'string' ? error['code'] : ''
  const words = wordsOf(error)
  const why = words === 'without a reason' && code !== '' ? code : words
  return transportError(`connection failed: ${why}`, error)
}

/** The error of a link that the broker did not make, or ended. */
export function linkRefused(node: string, error: unknown): WaxwingError {
  return transportError(`the broker ended the link with ${node}: ${wordsOf(error)}`, error)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
