// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { fromHex } from '../../src/bytes.js'
import { MAX_COUNTER, SeenRanges } from '../../src/receiving/seen-ranges.js'
import { fieldOf } from '../support/outcome.js'

const digest = (n: number): Uint8Array => new Uint8Array(8).fill(n)

function serialized(counter: number): Uint8Array {
  const seen = new SeenRanges()
  seen.add(counter, digest(1))
  return seen.serialize()
}

describe('SeenRanges, at their bounds,', () => {
  it('knows every digest that it keeps, however many have come', () => {
    for (const [maxDigests, count] of [
      [1024, 100],
      [70, 100],
      [3, 4],
    ] as const) {
      const seen = new SeenRanges({ maxDigests })
      for (let counter = 0; counter < count; counter++) seen.add(counter, digest(counter + 1))
      for (let counter = Math.max(0, count - maxDigests); counter < count; counter++) {
        expect(seen.check(counter, digest(counter + 1))).toBe('duplicate')
        expect(seen.check(counter, digest(200))).toBe('conflict')
      }
    }
  })

  it('takes every counter seen for a duplicate where it keeps no digests', () => {
    const seen = new SeenRanges({ maxDigests: 0 })
    seen.add(5, digest(1))
    expect(seen.check(5, digest(1))).toBe('duplicate')
    expect(seen.check(5, digest(2))).toBe('duplicate')
    expect(SeenRanges.restore(seen.serialize(), { maxDigests: 0 }).count).toBe(1)
  })

  it('takes what joins a range from either side where no other range may be made', () => {
    const seen = new SeenRanges({ maxRanges: 1 })
    seen.add(5, digest(0))
    expect([3, 4, 6, 7].map((counter) => seen.check(counter, digest(0)))).toEqual([
      'unverifiable',
      'new',
      'new',
      'unverifiable',
    ])
  })

  it('has a form for numbers of every length', () => {
    for (const first of [
      0,
      127,
      128,
      129,
      255,
      16_383,
      16_384,
      2 ** 35 - 1,
      2 ** 35,
      MAX_COUNTER,
    ]) {
      const bytes = serialized(first)
      const seen = SeenRanges.restore(bytes)
      expect([seen.lowest, seen.highest, seen.count]).toEqual([first, first, 1])
      expect(seen.serialize()).toEqual(bytes)
    }
  })

  it.each([
    ['version', '020000'],
    ['number', '01800000'],
    ['range', '01018080808080200000'],
    ['digest', '01010500010a11111111111111'],
    ['digest', '01010500010c1111111111111111'],
    ['digest', '01010500020a1111111111111111001111111111111111'],
    ['length', '01000000'],
  ])('names the %s where it is malformed', (field, hex) => {
    expect(fieldOf(() => SeenRanges.restore(fromHex(hex)))).toBe(field)
  })
})
