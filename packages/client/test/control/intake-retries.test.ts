// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { IntakeQueue, type Item } from '../../src/control/intake-queue.js'
import { IntakeRetries } from '../../src/control/intake-retries.js'
import { testRuntime } from '../support/stream.js'

const OLD = 1
const FRESH = 2
const first = (): number => 0

function itemOf(kind: number, tries: number): Item {
  const queue = new IntakeQueue({ messages: 1, bytes: 1 })
  return { address: '', payload: Uint8Array.of(kind), tries, queue, done: () => undefined }
}

describe('control messages that wait to be tried again', () => {
  it('are tried each when its own pause is over, however many fail meanwhile', () => {
    const { clock, ...runtime } = testRuntime()
    const tries = new Map([OLD, FRESH].map((kind) => [kind, 0]))
    const retries: IntakeRetries = new IntakeRetries(runtime, (item) => {
      const [kind = 0] = item.payload
      tries.set(kind, (tries.get(kind) ?? 0) + 1)
      retries.add(item, first)
    })
    for (let count = 0; count < 100; count++) retries.add(itemOf(OLD, 6), first)
    for (let second = 0; second < 60; second++) {
      retries.add(itemOf(FRESH, 0), first)
      clock.advance(1000)
    }
    expect(tries.get(OLD)).toBe(100)
    expect(tries.get(FRESH)).toBeGreaterThan(60)
  })

  it('are tried in the order in which their pauses end, and then again after longer ones', () => {
    const { clock, ...runtime } = testRuntime()
    const times: (readonly [number, number])[] = []
    const startMs = clock.monotonic()
    const retries: IntakeRetries = new IntakeRetries(runtime, (item) => {
      times.push([item.payload[0] ?? 0, clock.monotonic() - startMs])
      retries.add(item, first)
    })
    retries.add(itemOf(OLD, 2), first)
    retries.add(itemOf(FRESH, 0), first)
    for (let step = 0; step < 120; step++) clock.advance(100)
    expect(times).toEqual([
      [FRESH, 1000],
      [FRESH, 3000],
      [OLD, 4000],
      [FRESH, 7000],
      [OLD, 12_000],
    ])
  })

  it('are all handed back when nothing is to be tried any more', () => {
    const { clock, ...runtime } = testRuntime()
    const tried: Item[] = []
    const retries = new IntakeRetries(runtime, (item) => tried.push(item))
    for (const tries of [0, 3]) retries.add(itemOf(OLD, tries), first)
    expect(retries.clear()).toMatchObject([{ tries: 1 }, { tries: 4 }])
    clock.advance(60_000)
    expect(tried).toEqual([])
  })

  it('make room for each other: the one that gives way is not tried', () => {
    const { clock, ...runtime } = testRuntime()
    const tried: Item[] = []
    const retries = new IntakeRetries(runtime, (item) => tried.push(item))
    for (let count = 0; count < 1024; count++) retries.add(itemOf(OLD, 0), first)
    expect(retries.add(itemOf(FRESH, 0), first)).toMatchObject([{ payload: Uint8Array.of(OLD) }])
    clock.advance(60_000)
    expect(tried).toHaveLength(1024)
    expect(tried.at(-1)).toMatchObject({ payload: Uint8Array.of(FRESH) })
  })
})
