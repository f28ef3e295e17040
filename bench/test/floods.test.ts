// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { mosquittoAvailable, requireOrSkip } from '@waxwing/testkit'
import { FLOOD_RATES, runFloods } from '../src/floods.ts'

const describeWithMosquitto = requireOrSkip('mosquitto', mosquittoAvailable())

describeWithMosquitto('a flood of junk and forgeries', () => {
  describe('over MQTT', () => {
    it('leaves requests answered, objects opened, and memory bounded', async () => {
      // Few kids, repeated, may hold a newcomer up for longer than a test should last.
      const report = await runFloods({ seconds: 4, rates: { ...FLOOD_RATES, repeatedKids: 0 } })
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
