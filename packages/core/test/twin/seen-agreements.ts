// SPDX-License-Identifier: Apache-2.0
/**
 * Agreements on seen-ranges: long walks that go on, come back, leave holes and fill them, are stored
 * and restored, also with other limits.
 *
 * @module
 */

import { SeenRanges } from '@waxwing/core'
import * as fc from 'fast-check'
import { fromHex } from '../../../../tools/vectors/frozen/primitives.ts'
import { agree, agreement, note, type Agreement } from './agreement.ts'
import { NaiveSeen } from './seen.ts'

const MAX_COUNTER = 2 ** 40 - 1

/** Where the next counter lies, seen from the one before. */
const step = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: -4, max: 4 }) },
  { weight: 6, arbitrary: fc.constant(1) },
  { weight: 2, arbitrary: fc.integer({ min: -40, max: 40 }) },
  { weight: 1, arbitrary: fc.integer({ min: -(2 ** 31), max: 2 ** 31 }) },
)
const event = fc.oneof(
  { weight: 30, arbitrary: fc.record({ step, digest: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.constant('restore' as const) },
)
const walk = fc.record({
  start: fc.oneof(fc.nat(30), fc.constantFrom(MAX_COUNTER, MAX_COUNTER - 20, 2 ** 24, 2 ** 32)),
  maxRanges: fc.constantFrom(1, 2, 4, 8, 30),
  maxDigests: fc.constantFrom(0, 1, 5, 40),
  events: fc.array(event, { maxLength: 200, size: 'max' }),
})
type Walk = typeof walk extends fc.Arbitrary<infer T> ? T : never

function walkAlike({ start, maxRanges, maxDigests, events }: Walk): void {
  const limits = { maxRanges, maxDigests }
  let seen = new SeenRanges(limits)
  const naive = new NaiveSeen(maxRanges, maxDigests)
  let counter = start
  for (const happened of events) {
    if (happened === 'restore') {
      agree(
        () => seen.serialize(),
        () => naive.stored(),
      )
      seen = SeenRanges.restore(naive.stored(), limits)
      continue
    }
    counter = Math.min(Math.max(counter + happened.step, 0), MAX_COUNTER)
    addAlike(seen, naive, counter, happened.digest === 0 ? '00'.repeat(8) : `${'00'.repeat(7)}01`)
  }
  agree(
    () => [seen.serialize(), seen.gaps(), seen.count, seen.lowest, seen.highest],
    () => [naive.stored(), naive.gaps, naive.counters.size, naive.sorted[0], naive.sorted.at(-1)],
  )
}

function addAlike(seen: SeenRanges, naive: NaiveSeen, counter: number, digest: string): void {
  const bytes = fromHex(digest)
  agree(
    () => seen.check(counter, bytes),
    () => naive.check(counter, digest),
  )
  const change = seen.add(counter, bytes)
  agree(
    () => change,
    () => naive.add(counter, digest),
  )
  note('seen-ranges', change.verdict)
}

export const SEEN_AGREEMENTS: readonly Agreement[] = [
  agreement('seen-ranges', 250, walk, walkAlike),
]
