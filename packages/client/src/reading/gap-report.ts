// SPDX-License-Identifier: Apache-2.0
/**
 * Saying what is missing and what came after all (`docs/spec/08-receiving.md` Section 8.2).
 *
 * @module
 */

import type { CounterRange, SeenChange } from '@waxwing/core'
import type { AfterRetained } from '../events.js'
import { streamFactsOf, type Arrival } from './arrival.js'
import type { ReaderEvents } from './reader-events.js'
import type { SeenSession } from './seen-session.js'

/** Reports what a newly verified counter says about its neighbours. */
export function reportGaps(
  events: ReaderEvents,
  session: SeenSession,
  change: SeenChange,
  place: { readonly arrival: Arrival; readonly stream: string; readonly mark: AfterRetained },
): void {
  const { arrival, stream, mark } = place
  const { counter } = arrival.object
  const tail = session.missingTail
  const isInTail = tail !== undefined && contains(tail, counter)
  const opened = change.opened && beyondTail(change.opened, tail, isInTail)
  if (opened !== undefined) {
    events.emit({ type: 'gap', missing: opened, ...mark, ...streamFactsOf(arrival, stream) })
  }
  // What was in flight when the reader stopped left a hole that nobody reported.
  const wasUnsettled = arrival.redelivered && session.isInOldHole(counter)
  if (isInTail || (change.filled !== undefined && !wasUnsettled)) {
    events.emit({ type: 'gap-filled', ...streamFactsOf(arrival, stream) })
  }
}

/** What of a hole was not reported as the missing end of the session already. */
function beyondTail(
  opened: CounterRange,
  tail: CounterRange | undefined,
  isInTail: boolean,
): CounterRange | undefined {
  if (tail === undefined || opened.first > tail.last || opened.last < tail.first) return opened
  if (isInTail || opened.last <= tail.last) return undefined
  return { first: tail.last + 1, last: opened.last }
}

function contains({ first, last }: CounterRange, counter: number): boolean {
  return first <= counter && counter <= last
}
