// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { mosquittoAvailable, requireOrSkip } from '@waxwing/testkit'
import { RESULTS } from '../../src/report.ts'
import { runCrashRounds } from '../../src/crashes/rounds.ts'

const describeWithMosquitto = requireOrSkip('mosquitto', mosquittoAvailable())

describeWithMosquitto(
  'twenty crashes of producer and reader, with jumping clocks and full disks',
  () => {
    describe('over MQTT with QoS 1 and SQLite', () => {
      it('lose nothing, repeat no nonce and nothing that was acknowledged, and take no epoch back', async () => {
        const seed = Date.now() % 2 ** 31
        const report = await runCrashRounds({ rounds: 20, seed, maxRoundMs: 800, keepIn: RESULTS })
        expect(report.problems, `seed ${seed}`).toEqual([])
        expect(report.read).toBe(report.carried)
        expect(report.published).toBeGreaterThan(100)
        expect(report.lives.producer).toBeGreaterThan(5)
        expect(report.lives.reader).toBeGreaterThan(5)
      }, 180_000)

      it('lose nothing and repeat no nonce either where counters are durable', async () => {
        const seed = Date.now() % 2 ** 31
        const counterMode = 'durable'
        const choices = { rounds: 20, seed, maxRoundMs: 800, counterMode, keepIn: RESULTS } as const
        const report = await runCrashRounds(choices)
        expect(report.problems, `seed ${seed}`).toEqual([])
        expect(report.read).toBe(report.carried)
        expect(report.published).toBeGreaterThan(100)
        expect(report.lives.producer).toBeGreaterThan(5)
      }, 180_000)
    })
  },
)
