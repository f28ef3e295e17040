// SPDX-License-Identifier: Apache-2.0
/**
 * Telling properties that somebody on the way changed (`docs/spec/04-objects.md` Section 4.2.4).
 *
 * @module
 */

import { decodeClearProperties } from '@waxwing/core'
import { streamFactsOf, type Arrival } from './arrival.js'
import type { ReaderEvents } from './reader-events.js'

/** Compares what a verified object says in the clear with what the transport said beside it. */
export function reportChangedProperties(
  events: ReaderEvents,
  arrival: Arrival,
  stream: string,
): void {
  const { clearPart } = arrival.object
  if (clearPart === undefined) return
  const verified = decodeClearProperties(clearPart)
  if (verified === undefined) return
  const delivered = new Map(Object.entries(arrival.properties))
  const names = Object.entries(verified).flatMap(([name, value]) =>
    (delivered.get(name) ?? value) === value ? [] : [name],
  )
  if (names.length === 0) return
  events.emit({ type: 'properties-changed', names, ...streamFactsOf(arrival, stream) })
}
