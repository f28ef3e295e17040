// SPDX-License-Identifier: Apache-2.0
/**
 * Delivery against a slow model: whatever the broker doubles, delays and redelivers, and whenever the
 * device restarts or gets its keys, each object is handed over until it is acknowledged and never
 * again.
 */
import * as fc from 'fast-check'
import { describe, it } from 'vitest'
import { COUNTERS, SESSIONS, World, type Step } from './delivery-model.js'

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 10,
      arbitrary: fc.record({
        do: fc.constant('send' as const),
        session: fc.nat(SESSIONS - 1),
        counter: fc.nat(COUNTERS - 1),
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({ do: fc.constant('acknowledge' as const), which: fc.nat(20) }),
    },
    { weight: 1, arbitrary: fc.constant({ do: 'reconnect' as const }) },
    { weight: 1, arbitrary: fc.constant({ do: 'restart' as const }) },
    { weight: 1, arbitrary: fc.constant({ do: 'grant' as const }) },
  ),
  { maxLength: 40 },
)

describe('delivery', () => {
  it('agrees with the model under any disorder', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (run) => {
        const world = new World()
        await world.start()
        for (const step of run) await world.run(step)
        await world.finish()
      }),
      { numRuns: 100 },
    )
  }, 120_000)
})
