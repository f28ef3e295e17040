// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ReplayWindow } from '../../src/index.js'

/** Steps from the highest number so far, near and far. */
const steps = fc.array(
  fc.oneof(
    { weight: 20, arbitrary: fc.integer({ min: -40, max: 12 }) },
    { weight: 1, arbitrary: fc.constantFrom(31, 32, 33, 64, 2 ** 33) },
  ),
  { maxLength: 200 },
)

describe('ReplayWindow', () => {
  it('accepts what a set of everything accepted would, for 32 numbers back', () => {
    fc.assert(
      fc.property(steps, (walk) => {
        const window = new ReplayWindow()
        const accepted = new Set<number>()
        let highest = -1
        for (const step of walk) {
          const sequenceNumber = Math.max(0, highest + step)
          const isFresh = !accepted.has(sequenceNumber) && highest - sequenceNumber < 32
          expect(window.isFresh(sequenceNumber)).toBe(isFresh)
          expect(window.accept(sequenceNumber)).toBe(isFresh)
          expect(window.accept(sequenceNumber)).toBe(false)
          if (isFresh) accepted.add(sequenceNumber)
          if (isFresh) highest = Math.max(highest, sequenceNumber)
        }
      }),
    )
  })

  it('goes on from what was stored', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(80)), fc.array(fc.nat(80)), (before, after) => {
        const window = new ReplayWindow()
        for (const sequenceNumber of before) window.accept(sequenceNumber)
        const restored = new ReplayWindow(window.state)
        const verdicts = (of: ReplayWindow): readonly boolean[] => after.map((n) => of.accept(n))
        expect(verdicts(restored)).toStrictEqual(verdicts(window))
      }),
    )
  })
})
