// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { mosquittoAvailable, requireOrSkip } from '@waxwing/testkit'
import { FLOOD_RATES, runFloods } from '../src/floods.ts'

/**
 * A quarter of what the soak sends to the address of requests: more than a busy machine takes would wait at the
 * broker, before whatever is genuine. And no few kids, repeated, which may hold a newcomer up for longer than
 * a test should last.
 */
const RATES: typeof FLOOD_RATES = {
  ...FLOOD_RATES,
  malformed: FLOOD_RATES.malformed / 4,
  forged: FLOOD_RATES.forged / 4,
  repeatedKids: 0,
}

const describeWithMosquitto = requireOrSkip('mosquitto', mosquittoAvailable())

describeWithMosquitto('a flood of junk and forgeries', () => {
  describe('over MQTT', () => {
    it('leaves requests answered, objects opened, and memory bounded', async () => {
      const report = await runFloods({ seconds: 4, rates: RATES })
      const { before, after } = report
      expect(after.refused - before.refused).toBeGreaterThan(1_000)
      expect(after.notAuthentic).toBeGreaterThan(100)
      expect(report.newcomerOpened).toBeGreaterThan(0)
      expect(report.newcomerSeconds).toBeLessThan(60)
      expect(after.published).toBeGreaterThan(before.published)
      expect(after.opened).toBeGreaterThanOrEqual(after.published)
      expect(after.peakMiB).toBeLessThan(400)
    }, 180_000)
  })
})
