// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FailureCounts, MAX_COUNTS } from '../../src/receiving/failure-counts.js'

/** Makes the key ready, lets so much fail under it, and drops it again. */
function fail(counts: FailureCounts, key: string, times = 1): void {
  counts.keep(key, counts.of(key) + times)
}

describe('the failures under keys that are put aside', () => {
  it('are counted on when the key is back', () => {
    const counts = new FailureCounts()
    expect(counts.of('one')).toBe(0)
    fail(counts, 'one', 3)
    fail(counts, 'other')
    fail(counts, 'one', 2)
    expect([counts.of('one'), counts.of('other'), counts.of('third')]).toEqual([5, 1, 0])
  })

  it('never become fewer', () => {
    const counts = new FailureCounts()
    counts.keep('one', 5)
    counts.keep('one', 2)
    expect(counts.of('one')).toBe(5)
  })

  it('are not forgotten for a crowd of keys under which as much fails', () => {
    const counts = new FailureCounts()
    fail(counts, 'victim', 2)
    for (let i = 0; i < 3 * MAX_COUNTS; i++) fail(counts, `crowd ${i}`, 3)
    expect(counts.of('victim')).toBeGreaterThanOrEqual(2)
  })

  it('wear out a key that nobody touched only as the whole crowd of counts goes up', () => {
    const counts = new FailureCounts()
    fail(counts, 'victim', 1_000_000)
    for (let i = 0; i < 3 * MAX_COUNTS; i++) fail(counts, `crowd ${i}`)
    expect(counts.of('victim')).toBe(1_000_000)
    expect(counts.of('untouched')).toBeLessThanOrEqual(6)
  })

  it('are kept one by one for 1,024 keys; past that, the lower half has one count', () => {
    const counts = new FailureCounts()
    for (let i = MAX_COUNTS; i > 0; i--) counts.keep(`key ${i}`, i)
    expect([counts.of('key 1'), counts.of('untouched')]).toEqual([1, 0])
    counts.keep('one more', MAX_COUNTS + 1)
    const half = MAX_COUNTS / 2 + 1
    expect([counts.of('untouched'), counts.of('key 1'), counts.of(`key ${half}`)]).toEqual([
      half,
      half,
      half,
    ])
    expect(counts.of(`key ${half + 1}`)).toBe(half + 1)
    expect(counts.of('one more')).toBe(MAX_COUNTS + 1)
  })

  it('are never too few, and too many only by what the bound allows', () => {
    const fails = fc.tuple(fc.nat(3 * MAX_COUNTS), fc.integer({ min: 1, max: 40 }))
    const many = fc.array(fails, { minLength: 2 * MAX_COUNTS, maxLength: 6 * MAX_COUNTS })
    fc.assert(
      fc.property(many, (steps) => {
        const counts = new FailureCounts()
        const exact = new Map<string, number>()
        let total = 0
        for (const [number, times] of steps) {
          const key = String(number)
          fail(counts, key, times)
          exact.set(key, (exact.get(key) ?? 0) + times)
          total += times
        }
        const allowed = (2 * total) / MAX_COUNTS
        for (const [key, failures] of exact) {
          expect(counts.of(key)).toBeGreaterThanOrEqual(failures)
          expect(counts.of(key) - failures).toBeLessThanOrEqual(allowed)
        }
      }),
      { numRuns: 10 },
    )
  })
})
