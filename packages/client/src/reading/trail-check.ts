// SPDX-License-Identifier: Apache-2.0
/**
 * What the first objects of a session tell of the sessions before it (`docs/spec/08-receiving.md`
 * Section 8.3): the missing end of one that was seen, and whole sessions after it that were not.
 *
 * Who sees none of the listed sessions came late, and is told nothing.
 *
 * @module
 */

import { toHex, type CounterRange, type Trail } from '@waxwing/core'
import type { Arrival } from './arrival.js'
import type { ReaderEvents } from './reader-events.js'
import type { SeenBook } from './seen-book.js'
import type { SeenSession } from './seen-session.js'

type Listed = Trail['latest'][number]

/** Reports what is missing of earlier sessions, from the first object seen of a new one. */
export async function checkTrail(
  inputs: { readonly seen: SeenBook; readonly events: ReaderEvents },
  trail: Trail,
  where: { readonly arrival: Arrival; readonly generationId: string; readonly stream: string },
): Promise<void> {
  const { arrival, generationId, stream } = where
  const found: (() => void)[] = []
  let isAnyKnown = false
  for (const listed of trail.latest) {
    const missing = await inputs.seen.load(generationId, listed.session, (session) =>
      missingOf(session, listed, isAnyKnown),
    )
    if (missing === 'complete') isAnyKnown = true
    if (missing === 'complete' || missing === 'unknown') continue
    isAnyKnown ||= missing.first > 0
    const { kid, address = '' } = arrival
    const session = toHex(listed.session)
    found.push(() => inputs.events.emit({ type: 'gap', missing, stream, address, kid, session }))
  }
  if (isAnyKnown) for (const report of found) report()
}

/** @param isOlder - A newer one of the list is known: what is unknown before it was missed long ago. */
function missingOf(
  session: SeenSession,
  { lastCounter }: Listed,
  isOlder: boolean,
): CounterRange | 'complete' | 'unknown' {
  const { highest } = session.ranges
  if (highest === undefined) {
    if (isOlder) return 'unknown'
    session.missingTail = { first: 0, last: lastCounter }
    return session.missingTail
  }
  if (highest >= lastCounter) return 'complete'
  session.missingTail = { first: highest + 1, last: lastCounter }
  return session.missingTail
}
