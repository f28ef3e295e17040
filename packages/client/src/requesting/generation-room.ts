// SPDX-License-Identifier: Apache-2.0
/**
 * How many generations are taken that nobody proved (`docs/spec/10-limits.md` Section 10.5). A
 * producer can begin as many as it likes, and grants may come unasked. Nothing that is held is given
 * up for a new one.
 *
 * @module
 */

import { equalBytes, WaxwingError } from '@waxwing/core'
import type { Generation } from '../generation.js'

export interface GenerationLimits {
  /** Of one producer, without a proven node. */
  readonly unproven: number
  /** In all. */
  readonly all: number
}

const LIMITS: GenerationLimits = { unproven: 4096, all: 65_536 }

/**
 * Checks that there is room for one more generation of a producer.
 *
 * @throws {WaxwingError} `ERR_LIMIT` if there is none.
 */
export function assertRoom(
  generations: readonly Generation[],
  producerId: Uint8Array,
  limits: GenerationLimits = LIMITS,
): void {
  const unproven = generations.filter(
    ({ own, manifest, ring }) =>
      !own && equalBytes(manifest.producerId, producerId) && ring.spans('proven').length === 0,
  )
  if (unproven.length < limits.unproven && generations.length < limits.all) return
  const message = 'too many generations are held for another one'
  throw new WaxwingError('ERR_LIMIT', message, { rule: 'generations' })
}
