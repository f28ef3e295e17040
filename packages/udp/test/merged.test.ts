// SPDX-License-Identifier: Apache-2.0
/** Several records of the same past as one. */
import { expect, it } from 'vitest'
import * as fc from 'fast-check'
import type { Item, Page } from '../src/inquiry.ts'
import { merged } from '../src/replay/merged.ts'
import { PageStream } from '../src/replay/page-stream.ts'

interface Heard {
  readonly number: number
  readonly time: number
}

interface Holding {
  readonly heard: readonly Heard[]
  readonly pageSize?: number
  /** How far its clock is ahead. */
  readonly aheadMs?: number
}

const errors: unknown[] = []

function streamOf({ heard, pageSize = 3, aheadMs = 0 }: Holding): PageStream {
  const items: Item[] = heard.map(({ number, time }) => ({
    time: time + aheadMs,
    address: 'a',
    payload: Uint8Array.of(number),
  }))
  return new PageStream({
    fetch: async ({ cursor }): Promise<Page> => {
      const at = Number(cursor ?? 0)
      const next = at + pageSize
      return {
        cursor: next < items.length ? String(next) : undefined,
        now: Date.now() + aheadMs,
        items: items.slice(at, next),
      }
    },
    inquiry: { filter: '#', from: undefined, until: undefined, now: 0, cursor: undefined },
    matches: () => true,
    report: (error) => errors.push(error),
  })
}

async function mergedOf(...holdings: readonly Holding[]): Promise<number[]> {
  const entries = await Array.fromAsync(merged(holdings.map(streamOf)))
  return entries.map(({ payload }) => payload[0] ?? -1)
}

const heard = (...all: readonly (readonly [number, number])[]): Heard[] =>
  all.map(([number, time]) => ({ number, time }))

it('gives each message once, by its time', async () => {
  const one = heard([1, 10], [3, 30], [4, 40])
  const other = heard([1, 11], [2, 20], [4, 41])
  expect(await mergedOf({ heard: one }, { heard: other })).toEqual([1, 2, 3, 4])
})

it('gives equal messages as often as one holder heard them', async () => {
  const one = heard([7, 10], [7, 20], [7, 30])
  const other = heard([7, 11], [7, 31])
  expect(await mergedOf({ heard: one }, { heard: other })).toEqual([7, 7, 7])
})

it('compares holders whose clocks are an hour apart', async () => {
  const one = { heard: heard([1, 1_000], [3, 3_000]) }
  const other = { heard: heard([2, 2_000], [4, 4_000]), aheadMs: 3_600_000 }
  expect(await mergedOf(one, other)).toEqual([1, 2, 3, 4])
})

it('compares clocks by what both heard, where a holder is wrong about its own', async () => {
  const one = { heard: heard([1, 100], [2, 200], [4, 400], [6, 600]), pageSize: 9 }
  const late = heard([1, 150], [3, 350], [4, 450], [5, 550]) // fifty too late
  expect(await mergedOf(one, { heard: late, pageSize: 9 })).toEqual([1, 2, 3, 4, 5, 6])
})

it('gives nothing before what another holder heard earlier, whatever the times say', async () => {
  const one = heard([1, 10], [3, 30])
  const other = heard([1, 100], [2, 110], [3, 120])
  expect(await mergedOf({ heard: one }, { heard: other })).toEqual([1, 2, 3])
})

it('goes on without a holder that fails, and says so', async () => {
  const broken = new PageStream({
    fetch: () => Promise.reject(new Error('gone')),
    inquiry: { filter: '#', from: undefined, until: undefined, now: 0, cursor: undefined },
    matches: () => true,
    report: (error) => errors.push(error),
  })
  const entries = await Array.fromAsync(merged([broken, streamOf({ heard: heard([1, 10]) })]))
  expect(entries).toHaveLength(1)
  expect(errors.map(String)).toEqual(['Error: gone'])
})

it('ends with a holder that goes on for ever without giving anything', async () => {
  let count = 0
  const endless = new PageStream({
    fetch: async () => ({ cursor: String(count++), now: Date.now(), items: [] }),
    inquiry: { filter: '#', from: undefined, until: undefined, now: 0, cursor: undefined },
    matches: () => true,
    report: () => undefined,
  })
  expect(await Array.fromAsync(merged([endless]))).toEqual([])
})

it('has all that any holder has, once, and keeps the order of those who agree', async () => {
  const holding = fc.record({
    heard: fc.subarray(Array.from({ length: 12 }, (_, index) => index)),
    pageSize: fc.integer({ min: 1, max: 5 }),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(holding, { minLength: 1, maxLength: 4 }), async (holdings) => {
      const given = await mergedOf(
        ...holdings.map(({ heard: numbers, pageSize }) => ({
          heard: numbers.map((number) => ({ number, time: number * 10 })),
          pageSize,
        })),
      )
      const expected = [...new Set(holdings.flatMap(({ heard: numbers }) => numbers))]
      expect(given.toSorted((a, b) => a - b)).toEqual(expected.toSorted((a, b) => a - b))
    }),
    { numRuns: 100 },
  )
})
