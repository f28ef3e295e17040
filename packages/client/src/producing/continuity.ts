// SPDX-License-Identifier: Apache-2.0
/**
 * Whether a store can keep durable counters (`docs/spec/05-keys.md` Section 5.5.3).
 *
 * @module
 */

import { WaxwingError, type Store, type StoreContinuity } from '@waxwing/core'

/** @throws {WaxwingError} `ERR_UNSUPPORTED` if the store cannot tell that it was put back. */
export function continuityOf({ continuity }: Store): StoreContinuity {
  if (continuity !== undefined) return continuity
  const message =
    'durable counters need a store that notices when it is put back to an earlier state'
  throw new WaxwingError('ERR_UNSUPPORTED', message, { field: 'counterMode' })
}
