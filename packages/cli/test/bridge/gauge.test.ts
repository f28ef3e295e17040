// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import type { BridgeCounters, FlowCounters } from '@waxwing/bridge'
import { Gauge, totals } from '../../src/bridge/gauge.js'

const NOTHING: FlowCounters = {
  messages: 0,
  bytes: 0,
  inFlight: 0,
  waiting: 0,
  duplicates: 0,
  foreign: 0,
  refused: 0,
  retries: 0,
}

function counters(
  data: Partial<FlowCounters>,
  control: Partial<FlowCounters> = {},
): BridgeCounters {
  return {
    there: { data: { ...NOTHING, ...data }, control: { ...NOTHING, ...control } },
    back: { data: NOTHING, control: NOTHING },
    reconnects: { from: 0, to: 1 },
  }
}

describe('the gauge of a bridge', () => {
  it('shows how fast it goes, from one look to the next', () => {
    let nowMs = 0
    const gauge = new Gauge(() => nowMs)
    nowMs = 2000
    const first = gauge.line(counters({ messages: 3000, bytes: 60_000 }, { messages: 2 }))
    expect(first).toBe('→ 3,000 + 2 control, 1,501/s, 30 kB/s   ← 0 + 0 control   1 reconnected')
    nowMs = 3000
    expect(gauge.line(counters({ messages: 3000, bytes: 60_000 }, { messages: 2 }))).not.toContain(
      '/s',
    )
  })

  it('shows what is under way and what is in trouble', () => {
    const line = new Gauge(() => 0).line(
      counters({ inFlight: 3, waiting: 4, duplicates: 5, foreign: 6, refused: 7, retries: 8 }),
    )
    expect(line).toContain('→ 0 + 0 control, 7 under way')
    expect(line).toContain('5 there already, 6 not sealed, 7 REFUSED, 8 tried again, 1 reconnected')
  })

  it('sums up in the end', () => {
    expect(totals(counters({ messages: 1, bytes: 12_345_678 }, { messages: 2 }))).toEqual([
      'There: 1 message (12 MB) and 2 control messages',
      'Back: 0 messages (0 B) and 0 control messages',
      'Besides: 1 reconnected',
    ])
  })
})
