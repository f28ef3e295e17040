// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import * as fc from 'fast-check'
import { memoryBroker, memoryStore } from '../../src/testing.js'
import { SessionSealer } from '../support/stream.js'
import { setting, texts } from './setting.js'

function named(...counters: readonly number[]): string[] {
  return counters.map((counter) => `message ${counter}`)
}

describe('order by session', () => {
  it('holds back what came too early until the rest is there', async () => {
    await using made = await setting({ order: 'session' })
    for (const counter of [0, 3, 2]) made.inject(made.sealer.seal(counter))
    expect(texts(await made.take())).toEqual(named(0))
    made.inject(made.sealer.seal(1))
    expect(texts(await made.take())).toEqual(named(1, 2, 3))
    expect(made.runtime.timers.pendingCount).toBeLessThanOrEqual(1)
  })

  it('waits no longer than allowed, and hands late ones over when they come', async () => {
    await using made = await setting({ order: 'session', holdMs: 500 })
    for (const counter of [0, 5, 3]) made.inject(made.sealer.seal(counter))
    expect(texts(await made.take())).toEqual(named(0))
    made.runtime.clock.advance(499)
    expect(await made.take()).toEqual([])
    made.inject(made.sealer.seal(9))
    await made.take()
    made.runtime.clock.advance(1)
    expect(texts(await made.take())).toEqual(named(3, 5))
    made.inject(made.sealer.seal(4))
    expect(texts(await made.take())).toEqual(named(4))
    made.runtime.clock.advance(499)
    expect(texts(await made.take())).toEqual(named(9))
  })

  it('knows that a session begins with 0, and where it was before a restart', async () => {
    const store = memoryStore()
    {
      await using made = await setting({ order: 'session', store })
      for (const counter of [2, 1, 0]) made.inject(made.sealer.seal(counter))
      const messages = await made.take()
      expect(texts(messages)).toEqual(named(0, 1, 2))
      for (const message of messages) await message.acknowledge()
    }
    await using made = await setting({ order: 'session', store, broker: memoryBroker() })
    for (const counter of [5, 4, 3]) made.inject(made.sealer.seal(counter))
    expect(texts(await made.take())).toEqual(named(3, 4, 5))
  })

  it('does not wait for heartbeats, and orders each session by itself', async () => {
    await using made = await setting({ order: 'session' })
    const other = new SessionSealer(made.stream, { session: 2 })
    const beat = { metadata: { heartbeat: true as const } }
    made.inject(made.sealer.seal(0))
    made.inject(made.sealer.seal(2))
    made.inject(other.seal(0, 'other'))
    made.inject(made.sealer.seal(1, '', beat))
    made.inject(made.sealer.seal(4))
    made.inject(made.sealer.seal(3, '', beat))
    expect(texts(await made.take())).toEqual(['message 0', 'other', 'message 2', 'message 4'])
  })

  it('does not hang when everything that is held back is all that is allowed', async () => {
    await using made = await setting({ order: 'session', maxInFlight: 2, receiveMaximum: 10 })
    for (const counter of [0, 3, 2, 1]) made.inject(made.sealer.seal(counter))
    const [first] = await made.take()
    await first?.acknowledge()
    expect(await made.take()).toEqual([])
    made.runtime.clock.advance(2000)
    expect(texts(await made.take())).toEqual(named(2, 3))
  })

  it('forgets nothing that is held back when the reader is closed', async () => {
    const store = memoryStore()
    const broker = memoryBroker()
    const first = await setting({ order: 'session', store, broker })
    for (const counter of [0, 2]) first.inject(first.sealer.seal(counter))
    await first.take()
    await first.reader.close({ keepSubscription: true })
    await first.transport.close()
    await using second = await setting({ order: 'session', store, broker })
    second.inject(second.sealer.seal(1))
    expect(texts(await second.take())).toEqual(named(0, 1, 2))
  })

  it('puts any shuffle of a session in order', async () => {
    const counts = fc.integer({ min: 1, max: 12 })
    const shuffles = counts.chain((count) =>
      fc.shuffledSubarray(
        Array.from({ length: count }, (_, i) => i),
        { minLength: count },
      ),
    )
    await fc.assert(
      fc.asyncProperty(shuffles, async (counters) => {
        await using made = await setting({ order: 'session' })
        for (const counter of counters) made.inject(made.sealer.seal(counter))
        expect(texts(await made.take())).toEqual(named(...counters.toSorted((a, b) => a - b)))
      }),
      { numRuns: 30 },
    )
  })
})
