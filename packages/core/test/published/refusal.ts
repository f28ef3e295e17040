// SPDX-License-Identifier: Apache-2.0
/** How a call ended, for comparison with what a case expects. */

import { WaxwingError } from '@waxwing/core'

/** What the call returned, or the code of its typed error; any other error goes on. */
export function codeOf(call: () => unknown): unknown {
  try {
    return call()
  } catch (error) {
    if (error instanceof WaxwingError) return error.code
    throw error
  }
}
