// SPDX-License-Identifier: Apache-2.0
/** What a replay makes of what holders say. */
import { expect, it } from 'vitest'
import { replay, type ReplayTerms } from '../src/replay/replay.ts'

const DAY_MS = 86_400_000

/** Terms of a replay from one holder, which says that it heard something at these times. */
function holding(times: readonly number[]): ReplayTerms {
  const items = times.map((time, index) => ({
    time,
    address: 'a',
    payload: Uint8Array.of(index),
  }))
  const record = { page: async () => ({ cursor: undefined, now: Date.now(), items, readBytes: 0 }) }
  const terms: Pick<ReplayTerms, 'report' | 'signal'> & Record<string, unknown> = {
    record,
    lan: { isUp: true },
    questions: { ask: async () => undefined },
    report: (error) => {
      throw error
    },
    signal: new AbortController().signal,
  }
  return terms as unknown as ReplayTerms
}

it('gives what a holder gave as heard when it was asked for, whatever time the holder says', async () => {
  const until = new Date()
  const from = new Date(until.getTime() - DAY_MS)
  const noon = until.getTime() - DAY_MS / 2
  const times = [noon, 0, Number.MAX_SAFE_INTEGER]
  const all = await Array.fromAsync(replay('a', { from, until }, holding(times)))
  expect(all.map(({ storedAt }) => storedAt)).toEqual([new Date(noon), from, until])
  const ever = await Array.fromAsync(replay('a', {}, holding(times)))
  for (const { storedAt } of ever) {
    expect(storedAt?.getTime()).toBeGreaterThanOrEqual(0)
    expect(storedAt?.getTime()).toBeLessThanOrEqual(Date.now())
  }
})
