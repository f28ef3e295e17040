// SPDX-License-Identifier: Apache-2.0
/**
 * How sessions fail.
 *
 * @module
 */

import { EdhocError } from '../../src/edhoc/index.js'

/** What a call throws. @throws {Error} If it throws nothing. */
export function thrownBy(call: () => unknown): unknown {
  try {
    call()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

/** The answer that a failure has for the peer. */
export function replyOf(error: unknown): Uint8Array | undefined {
  if (!(error instanceof EdhocError)) throw new Error('no failure of EDHOC', { cause: error })
  return error.reply
}
