// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { describeRound, drawRound } from '../../src/crashes/plan.ts'

const plans = Array.from({ length: 500 }, (_, round) => drawRound(7, round, 1000))
const DAY_MS = 86_400_000

describe('the plan of crash rounds', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(drawRound(7, 3, 1000)).toEqual(plans[3])
    expect(drawRound(8, 3, 1000)).not.toEqual(plans[3])
    expect(plans[3]).not.toEqual(plans[4])
  })

  it('kills each side alone and both, at any time, and tears what some of them wrote', () => {
    const killed = new Set(plans.map((plan) => plan.killed.join()))
    expect(killed).toEqual(new Set(['producer', 'reader', 'producer,reader']))
    expect(new Set(plans.map(({ tear }) => tear)).size).toBe(6)
    const times = plans.map(({ killAtMs }) => killAtMs)
    expect(Math.min(...times)).toBeLessThan(50)
    expect(Math.max(...times)).toBeGreaterThan(950)
  })

  it('sets clocks by hours and days, ahead and back, and fills disks, before the kill', () => {
    const incidents = plans.flatMap(({ incidents: all, killAtMs }) =>
      all.filter(({ atMs }) => atMs < killAtMs),
    )
    for (const side of ['producer', 'reader']) {
      const own = incidents.filter((one) => one.side === side)
      const offsets = own.flatMap((one) => (one.kind === 'jump' ? [one.offsetMs] : []))
      expect(Math.min(...offsets)).toBeLessThan(-3 * DAY_MS)
      expect(Math.max(...offsets)).toBeGreaterThan(3 * DAY_MS)
      const fills = own.filter(({ kind }) => kind === 'full').length
      expect(fills).toBeGreaterThan(50)
      expect(own.filter(({ kind }) => kind === 'room').length).toBeLessThan(fills)
    }
  })

  it('has incidents in the order of their times', () => {
    for (const { incidents } of plans) {
      const times = incidents.map(({ atMs }) => atMs)
      expect(times).toEqual(times.toSorted((a, b) => a - b))
    }
  })

  it('can be said in one line', () => {
    expect(
      describeRound({
        incidents: [{ kind: 'jump', side: 'reader', atMs: 12.4, offsetMs: -2 * 3_600_000 }],
        killed: ['producer', 'reader'],
        killAtMs: 99.7,
        tear: 'mixed',
        startsFull: false,
        setsClocks: true,
        order: 'arrival',
      }),
    ).toBe('reader clock -2.0 h at 12 ms; kill producer and reader at 100 ms; tear: mixed')
  })
})
