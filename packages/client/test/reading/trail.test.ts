// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import type { Trail } from '@waxwing/core'
import { memoryBroker, memoryStore } from '../../src/testing.js'
import { SessionSealer } from '../support/stream.js'
import { setting, settle, texts, typesOf, type Setting } from './setting.js'

function trailOf(...latest: readonly (readonly [session: number, lastCounter: number])[]): {
  metadata: { trail: Trail }
} {
  const sessions = latest.map(([id, lastCounter]) => ({
    session: new Uint8Array(7).fill(id),
    lastCounter,
  }))
  return { metadata: { trail: { sessionCount: 9, objectCount: 99, latest: sessions } } }
}

function session(made: Setting, id: number): SessionSealer {
  return new SessionSealer(made.stream, { session: id })
}

describe('the trail', () => {
  it('tells of the missing end of a session that was seen', async () => {
    await using made = await setting()
    for (const counter of [0, 1, 2]) made.inject(made.sealer.seal(counter))
    made.inject(session(made, 2).seal(0, 'next', trailOf([1, 6])))
    await settle()
    expect(made.events).toEqual([
      {
        type: 'gap',
        missing: { first: 3, last: 6 },
        stream: made.stream.manifest.streamName,
        address: made.stream.manifest.streamName,
        kid: made.stream.kid,
        session: made.sealer.name,
      },
    ])
  })

  it('tells of whole sessions that were missed since the newest one known', async () => {
    await using made = await setting()
    made.inject(made.sealer.seal(0))
    made.inject(session(made, 5).seal(0, 'next', trailOf([4, 2], [3, 7], [1, 0], [9, 3])))
    await settle()
    expect(made.events).toMatchObject([
      { type: 'gap', missing: { first: 0, last: 2 }, session: session(made, 4).name },
      { type: 'gap', missing: { first: 0, last: 7 }, session: session(made, 3).name },
    ])
  })

  it('tells a late joiner nothing', async () => {
    await using made = await setting()
    made.inject(session(made, 2).seal(0, 'first', trailOf([1, 6])))
    made.inject(session(made, 2).seal(1, 'second', trailOf([1, 6])))
    expect(await made.take()).toHaveLength(2)
    expect(made.events).toEqual([])
  })

  it('tells nothing where all came, and tells it once only', async () => {
    await using made = await setting()
    for (const counter of [0, 1]) made.inject(made.sealer.seal(counter))
    made.inject(session(made, 2).seal(0, 'next', trailOf([1, 1])))
    await settle()
    expect(made.events).toEqual([])
    made.inject(session(made, 3).seal(0, 'next', trailOf([2, 4], [1, 1])))
    made.inject(session(made, 3).seal(1, 'next', trailOf([2, 4], [1, 1])))
    await settle()
    expect(typesOf(made.events)).toEqual(['gap'])
  })

  it('knows what was seen before a restart', async () => {
    const store = memoryStore()
    {
      await using made = await setting({ store })
      made.inject(made.sealer.seal(0))
      for (const message of await made.take()) await message.acknowledge()
    }
    await using made = await setting({ store, broker: memoryBroker() })
    made.inject(session(made, 2).seal(0, 'next', trailOf([1, 3])))
    await settle()
    expect(made.events).toMatchObject([{ type: 'gap', missing: { first: 1, last: 3 } }])
  })

  it('is filled by what comes late, and only what nobody knew of is another gap', async () => {
    await using made = await setting()
    made.inject(made.sealer.seal(0))
    made.inject(session(made, 2).seal(0, 'next', trailOf([1, 5])))
    await settle()
    made.events.length = 0
    for (const counter of [3, 4, 8]) made.inject(made.sealer.seal(counter))
    expect(texts(await made.take())).toHaveLength(5)
    expect(made.events).toMatchObject([
      { type: 'gap-filled', counter: 3 },
      { type: 'gap-filled', counter: 4 },
      { type: 'gap', missing: { first: 6, last: 7 } },
    ])
  })

  it('says nothing to readers that share a subscription', async () => {
    await using made = await setting({ filter: '$share/desks/plant/#' })
    for (const counter of [0, 5]) made.inject(made.sealer.seal(counter))
    made.inject(session(made, 2).seal(0, 'next', trailOf([1, 9])))
    expect(await made.take()).toHaveLength(3)
    expect(made.events).toEqual([])
  })
})
