// SPDX-License-Identifier: Apache-2.0
/**
 * Whose fault it is that something was not done: what came, or ourselves. What is wrong with a
 * message is final; what is wrong with us passes, and the message is not given up for it.
 *
 * @module
 */

import { WaxwingError, type ErrorCode } from '@waxwing/core'

/** Codes that say nothing about a message: the store, the transport or the time failed us. */
const OURS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_STORE_CORRUPT',
  'ERR_STORE_FOREIGN',
  'ERR_STORE_NEWER',
  'ERR_STORE_KEY',
  'ERR_STORE_FULL',
  'ERR_STORE_BUSY',
  'ERR_TRANSPORT',
  'ERR_TIMEOUT',
  'ERR_NOT_READY',
  'ERR_CLOCK',
  'ERR_CLOSED',
  'ERR_INTERNAL',
])

/** Whether a failure is ours: any error that is not of the protocol's own family is. */
export function isOwnTrouble(error: unknown): boolean {
  return !(error instanceof WaxwingError) || OURS.has(error.code)
}
