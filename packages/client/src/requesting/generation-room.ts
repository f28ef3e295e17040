// SPDX-License-Identifier: Apache-2.0
/**
 * How many generations are taken that nobody used (`docs/spec/07-granting.md` Section 7.4.2). A
 * producer can begin as many as it likes, and grants may come unasked. Nothing that is held is given
 * up for a new one.
 *
 * Who only keeps keys opens nothing, and lawful rotations never end: those that gave way to a
 * successor count only when room gets scarce, so that one producer cannot take all of it by closing
 * what it began.
 *
 * @module
 */

import { equalBytes, WaxwingError } from '@waxwing/core'
import type { Generation } from '../generation.js'

export interface GenerationLimits {
  /** Of one producer, of which no object was ever opened. */
  readonly unused: number
  /** In all. */
  readonly all: number
}

const LIMITS: GenerationLimits = { unused: 4096, all: 65_536 }

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
  const isScarce = generations.length >= limits.all / 2
  const unused = generations.filter(
    ({ isUsed, closingEpoch, manifest }) =>
      !isUsed &&
      (isScarce || closingEpoch === undefined) &&
      equalBytes(manifest.producerId, producerId),
  )
  if (unused.length < limits.unused && generations.length < limits.all) return
  const message = 'too many generations are held for another one'
  throw new WaxwingError('ERR_LIMIT', message, { rule: 'generations' })
}
