// SPDX-License-Identifier: Apache-2.0
/**
 * In which order control messages are taken that come together.
 *
 * @module
 */

import { decodeStatement, isSealedMessage } from '@waxwing/core'

/** Bundles before credentials before cards before all else: each vouches for the next. */
export function rankOf(item: Uint8Array): number {
  if (isSealedMessage(item)) return 3
  try {
    const rank = ['trust-bundle', 'credential', 'key-card'].indexOf(decodeStatement(item).type)
    return rank < 0 ? 3 : rank
  } catch {
    return 3
  }
}
