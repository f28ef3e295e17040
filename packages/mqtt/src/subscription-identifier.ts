// SPDX-License-Identifier: Apache-2.0
/**
 * The number by which a broker names the subscription that a message was sent for.
 *
 * @module
 */

import { utf8 } from '@waxwing/core'

/**
 * The Subscription Identifier of a filter (MQTT 5.0 Section 3.8.2.1.2): a hash of it (FNV-1a), so
 * that it means the same to a session that outlived the process that subscribed. Should two filters
 * ever share one, their filters still tell them apart.
 */
export function subscriptionIdentifier(filter: string): number {
  let hash = 0x811c9dc5
  for (const byte of utf8(filter)) hash = Math.imul(hash ^ byte, 0x01000193)
  return ((hash >>> 0) % 0x0fff_ffff) + 1 // 1 to 268,435,455
}
