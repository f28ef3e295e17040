// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ALL_EPOCHS,
  assertEpoch,
  assertSpan,
  containsEpoch,
  containsSpan,
  epochAt,
  epochStartMs,
  intersectSpans,
  isOpenEnded,
  isSpan,
  LAST_EPOCH,
  mergeSpans,
  type Span,
} from '../../src/key-tree/span.js'

const small: fc.Arbitrary<Span> = fc
  .tuple(fc.nat(12), fc.nat(12))
  .map(([a, b]) => ({ first: Math.min(a, b), last: Math.max(a, b) }))
const epochsOf = ({ first, last }: Span): number[] =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i)

describe('spans', () => {
  it('are open-ended where they end with the last epoch', () => {
    expect(isOpenEnded(ALL_EPOCHS)).toBe(true)
    expect(isOpenEnded({ first: 7, last: LAST_EPOCH })).toBe(true)
    expect(isOpenEnded({ first: 7, last: LAST_EPOCH - 1 })).toBe(false)
  })

  it('contain, meet and join as the sets of their epochs do', () => {
    fc.assert(
      fc.property(small, small, fc.nat(12), (a, b, epoch) => {
        const inB = new Set(epochsOf(b))
        const both = epochsOf(a).filter((e) => inB.has(e))
        const meeting = intersectSpans(a, b)
        expect(containsEpoch(a, epoch)).toBe(epochsOf(a).includes(epoch))
        expect(containsSpan(b, a)).toBe(both.length === epochsOf(a).length)
        expect(meeting === undefined ? [] : epochsOf(meeting)).toEqual(both)
      }),
    )
  })

  it('merge into the fewest with the same epochs', () => {
    fc.assert(
      fc.property(fc.array(small, { maxLength: 6 }), (spans) => {
        const all = new Set(spans.flatMap(epochsOf))
        const starts = [...all].filter((epoch) => !all.has(epoch - 1))
        const merged = mergeSpans(spans)
        expect(merged.flatMap(epochsOf)).toEqual([...all].toSorted((a, b) => a - b))
        expect(merged.length).toBe(starts.length)
      }),
    )
  })

  it('refuse ends that are no epochs or stand the wrong way round', () => {
    const bad: Span[] = [
      { first: -1, last: 3 },
      { first: 0.5, last: 3 },
      { first: 0, last: LAST_EPOCH + 1 },
      { first: 0, last: Number.NaN },
      { first: 4, last: 3 },
    ]
    for (const span of bad) {
      expect(isSpan(span)).toBe(false)
      expect(() => assertSpan(span)).toThrow(RangeError)
    }
    expect(isSpan(ALL_EPOCHS)).toBe(true)
    expect(() => assertSpan({ first: 4, last: 3 }, 'wanted')).toThrow(/^wanted\.first/)
    expect(() => assertEpoch(-1, 'begin')).toThrow(/^begin/)
  })
})

describe('epochs', () => {
  it('are counted from 1970', () => {
    expect(epochAt(0, 3600)).toBe(0)
    expect(epochAt(3_599_999, 3600)).toBe(0)
    expect(epochAt(3_600_000, 3600)).toBe(1)
    expect(epochAt(Date.UTC(2026, 10, 22), 3600)).toBe(498_696)
    expect(epochAt(3_599_999.9, 3600)).toBe(0)
  })

  it('begin where the one before ends, whatever their length', () => {
    const length = fc.integer({ min: 1, max: 2 ** 11 }) // moments stay below 2^53
    fc.assert(
      fc.property(fc.nat(LAST_EPOCH - 1), length, (epoch, seconds) => {
        const start = epochStartMs(epoch, seconds)
        expect(epochAt(start, seconds)).toBe(epoch)
        expect(epochAt(start + seconds * 1000 - 1, seconds)).toBe(epoch)
        expect(epochAt(start + seconds * 1000, seconds)).toBe(epoch + 1)
      }),
    )
  })

  it('refuse moments before 1970, after the last epoch, and lengths of no seconds', () => {
    for (const unixMs of [-1, Number.NaN, Infinity, 2 ** 32 * 1000]) {
      expect(() => epochAt(unixMs, 1)).toThrow(RangeError)
    }
    for (const seconds of [0, -1, 1.5, 2 ** 32]) {
      expect(() => epochAt(0, seconds)).toThrow(RangeError)
      expect(() => epochStartMs(0, seconds)).toThrow(RangeError)
    }
    expect(() => epochStartMs(LAST_EPOCH + 1, 1)).toThrow(RangeError)
  })
})
