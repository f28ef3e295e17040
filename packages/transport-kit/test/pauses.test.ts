// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest'
import { assertRanges } from '../src/option-ranges.js'
import { Pauses } from '../src/pauses.js'

it('pauses double up to the longest, less at most a half by chance, and begin anew', () => {
  const pauses = new Pauses(100, 1000)
  for (const due of [100, 200, 400, 800, 1000, 1000]) {
    const pause = pauses.next()
    expect(pause).toBeGreaterThanOrEqual(due / 2)
    expect(pause).toBeLessThanOrEqual(due)
  }
  for (let attempt = 0; attempt < 100; attempt++) expect(pauses.next()).toBeLessThanOrEqual(1000)
  pauses.reset()
  expect(pauses.next()).toBeLessThanOrEqual(100)
})

it('options out of their range are named', () => {
  const ranges = { maxInFlight: [1, 10] } as const
  expect(() => assertRanges({}, ranges)).not.toThrow()
  expect(() => assertRanges({ maxInFlight: 10 }, ranges)).not.toThrow()
  for (const maxInFlight of [0, 11, 1.5, '3', NaN, null]) {
    expect(() => assertRanges({ maxInFlight }, ranges)).toThrow(
      /^maxInFlight must be an integer from 1 to 10$/,
    )
  }
})
