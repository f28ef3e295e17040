// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../../src/bytes.js'
import { WaxwingError } from '../../src/errors.js'
import { MAX_COUNTER, SeenRanges } from '../../src/receiving/seen-ranges.js'

const digest = (n: number): Uint8Array => new Uint8Array(8).fill(n)

function seenOf(...counters: readonly number[]): SeenRanges {
  const seen = new SeenRanges()
  for (const counter of counters) seen.add(counter, digest(counter % 256))
  return seen
}

describe('SeenRanges', () => {
  it('is empty at first', () => {
    const seen = new SeenRanges()
    expect(seen).toMatchObject({ count: 0, lowest: undefined, highest: undefined })
    expect(seen.gaps()).toEqual([])
    expect(seen.check(0, digest(0))).toBe('new')
  })

  it('tells a duplicate from a conflict by the digest', () => {
    const seen = new SeenRanges()
    expect(seen.add(5, digest(1))).toEqual({ verdict: 'new' })
    expect(seen.add(5, digest(1))).toEqual({ verdict: 'duplicate' })
    expect(seen.add(5, digest(2))).toEqual({ verdict: 'conflict' })
    for (const i of [0, 7]) {
      expect(seen.check(5, digest(1).with(i, 9))).toBe('conflict')
    }
    expect(seen.count).toBe(1)
  })

  it('keeps the digests of the 1024 counters added last, and takes older ones for duplicates', () => {
    const seen = new SeenRanges()
    for (let counter = 0; counter <= 1024; counter++) seen.add(counter, digest(1))
    expect(seen.check(0, digest(2))).toBe('duplicate')
    expect(seen.check(1, digest(2))).toBe('conflict')
    expect(seen.check(1024, digest(2))).toBe('conflict')
  })

  it('reports a hole when it opens and each counter that fills it', () => {
    const seen = seenOf(10)
    expect(seen.add(14, digest(0))).toEqual({
      verdict: 'new',
      opened: { first: 11, last: 13 },
    })
    expect(seen.add(12, digest(0))).toEqual({ verdict: 'new', filled: 12 })
    expect(seen.gaps()).toEqual([
      { first: 11, last: 11 },
      { first: 13, last: 13 },
    ])
    expect(seen.add(15, digest(0))).toEqual({ verdict: 'new' })
    expect(seen.add(11, digest(0))).toEqual({ verdict: 'new', filled: 11 })
    expect(seen.add(13, digest(0))).toEqual({ verdict: 'new', filled: 13 })
    expect(seen.gaps()).toEqual([])
  })

  it('welcomes history, however old', () => {
    const seen = seenOf(1_000_000)
    expect(seen.add(3, digest(3))).toEqual({
      verdict: 'new',
      opened: { first: 4, last: 999_999 },
    })
    expect(seen.add(2, digest(2))).toEqual({ verdict: 'new' })
    expect(seen).toMatchObject({ lowest: 2, highest: 1_000_000, count: 3 })
  })

  it('cannot verify what would make a 1025th range, and still takes what joins one', () => {
    const seen = seenOf(...Array.from({ length: 1024 }, (_, i) => 3 * i))
    expect(seen.gaps()).toHaveLength(1023)
    expect(seen.add(5000, digest(0))).toEqual({ verdict: 'unverifiable' })
    expect(seen.check(5000, digest(0))).toBe('unverifiable')
    expect(seen.count).toBe(1024)
    expect(seen.add(3069, digest(3069 % 256)).verdict).toBe('duplicate')
    expect(seen.add(3070, digest(0)).verdict).toBe('new')
    expect(seen.add(1, digest(0))).toEqual({ verdict: 'new', filled: 1 })
    expect(seen.add(5000, digest(0)).verdict).toBe('unverifiable')
    expect(seen.add(2, digest(0))).toEqual({ verdict: 'new', filled: 2 }) // joins two ranges
    expect(seen.add(5000, digest(0)).verdict).toBe('new')
    expect(seen.gaps()).toHaveLength(1023)
  })

  it('counts to 2^40 - 1', () => {
    const seen = seenOf(0, MAX_COUNTER, MAX_COUNTER - 1)
    expect(seen.gaps()).toEqual([{ first: 1, last: MAX_COUNTER - 2 }])
    const restored = SeenRanges.restore(seen.serialize())
    expect(restored.highest).toBe(MAX_COUNTER)
    expect(restored.check(MAX_COUNTER, digest(0))).toBe('conflict')
  })

  it('refuses counters, digests and limits that are out of range', () => {
    const seen = new SeenRanges()
    for (const counter of [-1, 0.5, Number.NaN, MAX_COUNTER + 1]) {
      expect(() => seen.check(counter, digest(0))).toThrow(/^counter/)
      expect(() => seen.add(counter, digest(0))).toThrow(RangeError)
    }
    expect(() => seen.add(0, new Uint8Array(7))).toThrow(/^digest/)
    expect(() => new SeenRanges({ maxRanges: 0 })).toThrow(/^maxRanges/)
    expect(() => new SeenRanges({ maxDigests: -1 })).toThrow(/^maxDigests/)
    expect(seen.count).toBe(0)
  })
})

describe('SeenRanges, stored', () => {
  it('are the bytes that the form says', () => {
    const seen = new SeenRanges()
    expect(toHex(seen.serialize())).toBe('010000')
    for (const [counter, n] of [
      [200, 0xaa],
      [201, 0xbb],
      [5, 0xcc],
    ] as const) {
      seen.add(counter, digest(n))
    }
    const parts = [
      '01', // version
      '02', // two ranges
      '0500', // 5 to 5
      'c10101', // 200 is 193 after 7; to 201
      '03', // three digests
      '9003aaaaaaaaaaaaaaaa', // 200, as 2 · 200
      '02bbbbbbbbbbbbbbbb', // 1 more
      '8703cccccccccccccccc', // 196 less, as 2 · 196 - 1
    ]
    expect(toHex(seen.serialize())).toBe(parts.join(''))
  })

  it('grow by about nine bytes for a message while digests are kept, then no more', () => {
    const seen = new SeenRanges()
    for (let counter = 0; counter < 5000; counter++) seen.add(counter, digest(7))
    expect(seen.serialize().length).toBeLessThan(1024 * 9 + 16)
  })

  it('keep ranges and give up digests under lower limits', () => {
    const bytes = seenOf(0, 2, 4, 6).serialize()
    const seen = SeenRanges.restore(bytes, { maxRanges: 2, maxDigests: 1 })
    expect(seen.count).toBe(4)
    expect(seen.check(4, digest(9))).toBe('duplicate')
    expect(seen.check(6, digest(9))).toBe('conflict')
    expect(seen.check(9, digest(9))).toBe('unverifiable')
    expect(seen.check(7, digest(9))).toBe('new')
  })

  it.each([
    ['nothing', ''],
    ['another version', '020000'],
    ['a missing count', '0100'],
    ['trailing bytes', '01000000'],
    ['a range that is cut short', '010105'],
    ['more ranges than it counts', '01010500020000'],
    ['a number longer than it has to be', '01800000'],
    ['a number without end', '01ffffffffffffffff'],
    ['a range beyond 2^40 - 1', '01018080808080200000'],
    ['a count that nothing follows', '01ffffffffff1f'],
    ['a digest that is cut short', '01010500010a11111111111111'],
    ['a digest of an unseen counter', '01010500010c1111111111111111'],
    ['a digest below 0', '0101050001011111111111111111'],
    ['two digests of one counter', '01010500020a1111111111111111001111111111111111'],
  ])('are malformed with %s', (_, hex) => {
    expect(() => SeenRanges.restore(fromHex(hex))).toThrow(
      expect.objectContaining({ code: 'ERR_MALFORMED' }),
    )
  })

  it('have one form: whatever is restored is stored as it was', () => {
    const mutated = fc
      .tuple(fc.array(fc.nat(300), { maxLength: 12 }), fc.nat(), fc.nat(255))
      .map(([counters, at, byte]) => {
        const bytes = seenOf(...counters).serialize()
        return bytes.with(at % bytes.length, byte)
      })
    const anything = fc.oneof(mutated, fc.uint8Array({ maxLength: 30 }))
    let restoredCount = 0
    fc.assert(
      fc.property(anything, (bytes) => {
        try {
          expect(SeenRanges.restore(bytes).serialize()).toEqual(bytes)
          restoredCount++
        } catch (error) {
          if (!(error instanceof WaxwingError)) throw error
          expect(error.code).toBe('ERR_MALFORMED')
        }
      }),
      { numRuns: 500 },
    )
    expect(restoredCount).toBeGreaterThan(20)
  })

  it('are restored from a view into a larger array', () => {
    const bytes = seenOf(1, 2, 9).serialize()
    const larger = new Uint8Array(bytes.length + 10)
    larger.set(bytes, 5)
    const view = larger.subarray(5, 5 + bytes.length)
    expect(SeenRanges.restore(view).serialize()).toEqual(bytes)
  })
})
