// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { mosquittoAvailable, requireOrSkip } from '@waxwing/testkit'
import { runKillRounds } from '../src/kill-rounds.ts'

const describeWithMosquitto = requireOrSkip('mosquitto', mosquittoAvailable())

describeWithMosquitto('a reader that is killed twenty times under load', () => {
  describe('over MQTT with QoS 1 and SQLite', () => {
    it('loses nothing, gets nothing again that it acknowledged, and all in order', async () => {
      const report = await runKillRounds({ rounds: 20, maxRoundMs: 400 })
      expect(report.problems).toEqual([])
      expect(report.acknowledged).toBe(report.published)
      expect(report.published).toBeGreaterThan(100)
    }, 180_000)
  })
})
