// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { subscriptionIdentifier } from '../src/subscription-identifier.js'

describe('subscription identifiers', () => {
  it('lie in the range of the protocol, the same for the same filter', () => {
    fc.assert(
      fc.property(fc.string(), (filter) => {
        const identifier = subscriptionIdentifier(filter)
        expect(identifier).toBe(subscriptionIdentifier(filter))
        expect(Number.isInteger(identifier)).toBe(true)
        expect(identifier).toBeGreaterThanOrEqual(1)
        expect(identifier).toBeLessThanOrEqual(268_435_455)
      }),
      { numRuns: 300 },
    )
  })

  it('are frozen: a session may be older than the program', () => {
    expect(subscriptionIdentifier('plant/+/temperature')).toMatchInlineSnapshot(`121434803`)
  })
})

/** Section 4.7.1 as a regular expression. */
