// SPDX-License-Identifier: Apache-2.0
/**
 * The errors that every transport has.
 *
 * @module
 */

import { WaxwingError } from '@waxwing/core'

/** The first hop refused, or cannot be reached. */
export function transportError(message: string, cause?: unknown): WaxwingError {
  return new WaxwingError('ERR_TRANSPORT', message, {}, cause === undefined ? {} : { cause })
}

/** After `close`. */
export function closedError(): WaxwingError {
  return new WaxwingError('ERR_CLOSED', 'the transport was closed')
}

/** An option sets a limit, and it is reached. @param rule - The option's name. */
export function limitError(message: string, rule: string): WaxwingError {
  return new WaxwingError('ERR_LIMIT', `${message} (${rule})`, { rule })
}

/** What an acknowledgement says whose connection is gone. */
export function lostError(): WaxwingError {
  return transportError('the connection broke before the acknowledgement; it will come again')
}
