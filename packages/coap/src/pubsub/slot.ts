// SPDX-License-Identifier: Apache-2.0
/**
 * What a receiver knows of one slot: who had its message, and whether it is worth reading.
 *
 * @module
 */

import type { Delivery } from './delivery.js'
import type { Registration } from './registration.js'

/** What is known of a slot. */
export interface Slot {
  readonly name: string
  /** By `performance.now()`. */
  readonly seenAtMs: number
  readonly deliveries: Map<Registration, Delivery>
  /** Who had it by the topic-data resource. */
  readonly passedOver: Set<Registration>
  /** Who had it when the broker was away, and did not acknowledge it. */
  readonly again: Set<Registration>
  /** It held more or fewer bytes than its name says, or could not be read. */
  isPartial: boolean
  /** Nobody gets it: it is too long, or was partial for too long. */
  isRefused: boolean
}

/** A slot that was not read yet. */
export function newSlot(name: string): Slot {
  return {
    name,
    seenAtMs: performance.now(),
    deliveries: new Map(),
    passedOver: new Set(),
    again: new Set(),
    isPartial: false,
    isRefused: false,
  }
}

/** Orders slots by their names. */
export function byName(a: Slot, b: Slot): number {
  return a.name < b.name ? -1 : 1
}
