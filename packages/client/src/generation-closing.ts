// SPDX-License-Identifier: Apache-2.0
/**
 * Which generation closes which, and with which epoch (`docs/spec/03-streams.md` Section 3.4).
 *
 * @module
 */

import { epochAt, toHex, type Trust } from '@waxwing/core'
import type { Generation } from './generation.js'

/**
 * Closes a generation if its successor says so.
 *
 * Only a manifest of the same producer closes a generation; once that producer is revoked, also one
 * of whoever follows it under the same name, but not from before the revocation.
 *
 * @returns Whether the generation is closed earlier than it was.
 */
export function closeBy(
  successor: Generation,
  generation: Generation,
  trust: Pick<Trust, 'revokedSince'>,
): boolean {
  const { predecessor, producerId } = successor.manifest
  if (predecessor === null || predecessor.closingEpoch === null) return false
  if (successor.predecessor !== generation.id) return false
  const { manifest, producer, stream } = generation
  if (toHex(producerId) === toHex(manifest.producerId)) {
    return generation.close(predecessor.closingEpoch)
  }
  const since = trust.revokedSince(producer)
  if (successor.stream !== stream || since === undefined) return false
  const revokedIn = epochAt(since * 1000, manifest.epochSeconds)
  return generation.close(Math.max(predecessor.closingEpoch, revokedIn))
}
