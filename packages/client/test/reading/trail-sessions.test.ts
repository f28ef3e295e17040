// SPDX-License-Identifier: Apache-2.0
/**
 * Whole sessions that a reader missed, as the trail tells them: of a reader that was away for long, of
 * one that came late, and of one to which somebody replays what is old.
 */
import { describe, expect, it } from 'vitest'
import type { Metadata, Store } from '@waxwing/core'
import { faultyStore, memoryBroker, memoryStore, type MemoryBroker } from '../../src/testing.js'
import { EPOCH, SessionSealer, STREAM } from '../support/stream.js'
import { setting, settle, typesOf, type Setting } from './setting.js'

type Listed = readonly (readonly [session: number, lastCounter: number])[]

/** What a session says that is the `number`th of its generation, from 0. */
function trail(
  number: number,
  listed: Listed,
  options: { objectCount?: number; offsetMs?: number } = {},
): { metadata: Metadata } {
  const { objectCount = 99, ...others } = options
  const latest = listed.map(([id, lastCounter]) => ({
    session: new Uint8Array(7).fill(id),
    lastCounter,
  }))
  return { metadata: { trail: { sessionCount: number, objectCount, latest }, ...others } }
}

function session(made: Setting, id: number, epoch = EPOCH): SessionSealer {
  return new SessionSealer(made.stream, { session: id, epoch })
}

/** The sessions of which a gap was told, each with its counters. */
function gapsIn(made: Setting): (readonly [session: number, first: number, last: number])[] {
  return made.events.flatMap((event) => {
    if (event.type !== 'gap') return []
    const { first, last } = event.missing
    return [[Number.parseInt(event.session?.slice(0, 2) ?? '', 16), first, last] as const]
  })
}

async function come(made: Setting, ...objects: readonly Uint8Array[]): Promise<void> {
  for (const object of objects) {
    made.inject(object)
    for (const message of await made.take()) await message.acknowledge()
  }
}

const FOUR: Listed = [
  [8, 2],
  [7, 0],
  [6, 4],
  [5, 1],
]
const ALL_FOUR = [
  [8, 0, 2],
  [7, 0, 0],
  [6, 0, 4],
  [5, 0, 1],
]

describe('a reader that missed every session that is listed', () => {
  it('is told of them, where it saw an earlier one', async () => {
    await using made = await setting()
    await come(made, session(made, 1).seal(0, 'first', trail(0, [])))
    await come(made, session(made, 9).seal(0, 'next', trail(5, FOUR)))
    expect(gapsIn(made)).toEqual(ALL_FOUR)
    expect(typesOf(made.events)).toEqual(['gap', 'gap', 'gap', 'gap'])
  })

  it('is told how many more there were, and how much was in them', async () => {
    await using made = await setting()
    const first = session(made, 1)
    const start = trail(2, [[3, 9]], { objectCount: 30 })
    await come(made, first.seal(0, 'first', start), first.seal(1, 'second', start))
    // Three sessions lie between the third, of which two were seen, and the four that are listed.
    const next = trail(10, FOUR, { objectCount: 100 })
    await come(made, session(made, 9).seal(0, 'next', next))
    expect(gapsIn(made)).toEqual(ALL_FOUR)
    expect(made.events.at(-1)).toEqual({
      type: 'sessions-missing',
      sessionCount: 3,
      objectCount: 100 - 30 - 2 - 11,
      stream: STREAM,
      address: STREAM,
      kid: made.stream.kid,
    })
  })

  it('is told that it saw some of them, where their number is not known', async () => {
    await using made = await setting()
    await come(made, session(made, 1).seal(0, 'first', trail(0, [])))
    // Two sessions of which the beginning was lost; one of them is listed later.
    await come(made, session(made, 3).seal(40), session(made, 7).seal(20))
    await come(
      made,
      session(made, 9).seal(
        0,
        'next',
        trail(8, [
          [8, 0],
          [7, 20],
          [6, 0],
          [5, 0],
        ]),
      ),
    )
    expect(gapsIn(made)).toEqual([
      [8, 0, 0],
      [6, 0, 0],
      [5, 0, 0],
    ])
    expect(made.events.slice(3)).toMatchObject([{ type: 'sessions-missing', sessionCount: 2 }])
    expect(made.events.at(-1)).toHaveProperty('objectCount', undefined)
  })

  it('is told of them, where it joined an earlier one in the middle', async () => {
    await using made = await setting()
    await come(made, session(made, 1).seal(500))
    await come(made, session(made, 9).seal(0, 'next', trail(20, FOUR)))
    expect(gapsIn(made)).toEqual(ALL_FOUR)
    expect(typesOf(made.events)).not.toContain('sessions-missing')
  })

  it('is told of one between others that it saw', async () => {
    await using made = await setting()
    await come(made, session(made, 1).seal(0, 'first', trail(0, [])))
    await come(made, session(made, 3).seal(30))
    const listed: Listed = [
      [3, 30],
      [2, 6],
      [1, 0],
    ]
    await come(made, session(made, 4).seal(0, 'next', trail(3, listed)))
    expect(gapsIn(made)).toEqual([[2, 0, 6]])
  })

  it('is told after a restart of what it saw before', async () => {
    const store = memoryStore()
    {
      await using made = await setting({ store })
      await come(made, session(made, 1).seal(0, 'first', trail(0, [])))
    }
    await using made = await setting({ store, broker: memoryBroker() })
    await come(made, session(made, 9).seal(3, 'next', trail(8, FOUR)))
    expect(gapsIn(made)).toEqual(ALL_FOUR)
    expect(made.events.at(-1)).toMatchObject({ type: 'sessions-missing', sessionCount: 3 })
  })
})

describe('a retained object', () => {
  it('has a trail like any other: the mark is anybody’s word', async () => {
    const store = memoryStore()
    {
      await using made = await setting({ store })
      await come(made, made.sealer.seal(0), made.sealer.seal(1))
    }
    const broker = memoryBroker()
    {
      await using made = await setting({ transport: false })
      const object = session(made, 2).seal(0, 'next', trail(1, [[1, 5]]))
      broker.inject(STREAM, object, { retained: true })
    }
    await using made = await setting({ store, broker })
    const [message] = await made.take()
    expect(message?.retained).toBe(true)
    expect(gapsIn(made)).toEqual([[1, 2, 5]])
  })
})

describe('what is missing behind a retained object alone', () => {
  /** A broker that keeps an object for those who will subscribe. */
  async function keeping(seal: (made: Setting) => Uint8Array): Promise<MemoryBroker> {
    const broker = memoryBroker()
    await using made = await setting({ transport: false })
    broker.inject(STREAM, seal(made), { retained: true })
    return broker
  }

  it('may have been sent before the reader came, and is told so: other sessions', async () => {
    const broker = await keeping((made) => session(made, 1).seal(0, 'kept', trail(0, [])))
    await using made = await setting({ broker })
    expect((await made.take())[0]?.retained).toBe(true)
    await come(
      made,
      session(made, 3).seal(
        0,
        'next',
        trail(2, [
          [2, 4],
          [1, 0],
        ]),
      ),
    )
    expect(made.events).toMatchObject([{ type: 'gap', missing: { last: 4 }, afterRetained: true }])
    await come(
      made,
      session(made, 5).seal(
        0,
        'next',
        trail(4, [
          [4, 1],
          [3, 0],
        ]),
      ),
    )
    expect(made.events).toHaveLength(2)
    expect(made.events[1]).not.toHaveProperty('afterRetained')
  })

  it('may have been sent before the reader came, and is told so: in the same session', async () => {
    const broker = await keeping((made) => session(made, 1).seal(2, 'kept', trail(0, [])))
    await using made = await setting({ broker })
    expect(await made.take()).toHaveLength(1)
    await come(made, session(made, 1).seal(5))
    expect(made.events).toMatchObject([
      { type: 'gap', missing: { first: 3, last: 4 }, afterRetained: true },
    ])
    await come(made, session(made, 1).seal(8))
    expect(made.events[1]).toMatchObject({ type: 'gap', missing: { first: 6, last: 7 } })
    expect(made.events[1]).not.toHaveProperty('afterRetained')
  })

  it('is simply missing to whom had read the stream before', async () => {
    const store = memoryStore()
    {
      await using made = await setting({ store })
      await come(made, session(made, 1).seal(0, 'first', trail(0, [])))
    }
    const broker = await keeping((made) => session(made, 2).seal(0, 'kept', trail(1, [[1, 0]])))
    await using made = await setting({ store, broker })
    expect((await made.take())[0]?.retained).toBe(true)
    await come(
      made,
      session(made, 4).seal(
        0,
        'next',
        trail(3, [
          [3, 1],
          [2, 0],
        ]),
      ),
    )
    expect(gapsIn(made)).toEqual([[3, 0, 1]])
    expect(made.events.some((event) => 'afterRetained' in event)).toBe(false)
  })
})

describe('a reader that came late', () => {
  it('is told nothing of what was before, by whatever old session is replayed to it', async () => {
    await using made = await setting()
    await come(made, session(made, 20).seal(0, 'first', trail(9, [])))
    await come(made, session(made, 9).seal(0, 'old', trail(5, FOUR)))
    await come(made, session(made, 9).seal(1, 'old', trail(5, FOUR)))
    expect(made.events).toEqual([])
  })

  it.each([
    ['an earlier epoch', EPOCH - 1, {}],
    ['an earlier time', EPOCH, { offsetMs: 500 }],
  ])('in the middle of a session knows an old one by %s', async (_, epoch, time) => {
    await using made = await setting()
    const joined = { metadata: { offsetMs: 1000 } }
    await come(made, session(made, 20).seal(40, 'joined', joined))
    await come(made, session(made, 9, epoch).seal(0, 'old', trail(5, FOUR, time)))
    expect(made.events).toEqual([])
    // And what follows is counted from where it joined.
    const next = trail(11, [[20, 40], ...FOUR.slice(0, 3)], { offsetMs: 2000 })
    await come(made, session(made, 21).seal(0, 'next', next))
    expect(made.events).toEqual([])
  })

  it('by an object that stands alone, as a will does, is told nothing', async () => {
    await using made = await setting()
    await come(made, session(made, 1).seal(0, 'vanished'))
    await come(made, session(made, 9).seal(0, 'first', trail(5, FOUR)))
    expect(made.events).toEqual([])
  })

  it('hears the trail of its session after other objects of it', async () => {
    await using made = await setting()
    const joined = session(made, 9)
    await come(made, joined.seal(20), joined.seal(3, 'late', trail(5, FOUR)))
    expect(made.events).toMatchObject([{ type: 'gap', missing: { first: 4, last: 19 } }])
    await come(made, session(made, 20).seal(0, 'next', trail(11, FOUR)))
    expect(made.events.at(-1)).toMatchObject({ type: 'sessions-missing', sessionCount: 1 })
  })
})

describe('what is missing', () => {
  it('is told once, however many sessions list it, and once more only where more is known', async () => {
    await using made = await setting()
    await come(made, session(made, 1).seal(0, 'first', trail(0, [])))
    await come(made, session(made, 2).seal(0, 'next', trail(1, [[1, 4]])))
    const more: Listed = [
      [2, 0],
      [1, 6],
    ]
    await come(made, session(made, 3).seal(0, 'next', trail(2, more)))
    await come(made, session(made, 4).seal(0, 'next', trail(3, [[3, 0], ...more])))
    expect(gapsIn(made)).toEqual([
      [1, 1, 4],
      [1, 5, 6],
    ])
  })

  it('is told once over restarts, where the object that told it comes again', async () => {
    const store = memoryStore()
    const objects = async (made: Setting): Promise<void> => {
      made.inject(session(made, 9).seal(0, 'next', trail(8, FOUR)))
      await settle()
    }
    {
      await using made = await setting({ store })
      await come(made, session(made, 1).seal(0, 'first', trail(0, [])))
      await objects(made)
      expect(made.events).toHaveLength(5)
    }
    await using made = await setting({ store, broker: memoryBroker() })
    await objects(made)
    expect(await made.take()).toHaveLength(1)
    expect(made.events).toEqual([])
  })

  it('is told as filled when it comes, after a restart as well', async () => {
    const store = memoryStore()
    {
      await using made = await setting({ store })
      await come(made, session(made, 1).seal(0, 'first', trail(0, [])))
      await come(made, session(made, 2).seal(0, 'next', trail(1, [[1, 4]])))
    }
    await using made = await setting({ store, broker: memoryBroker() })
    await come(made, session(made, 1).seal(3), session(made, 1).seal(6))
    expect(made.events).toMatchObject([
      { type: 'gap-filled', counter: 3 },
      { type: 'gap', missing: { first: 5, last: 5 } },
    ])
  })

  it('is told by the next object where the store failed at the first, which comes all the same', async () => {
    let isBroken = false
    const inner: Store = memoryStore()
    const store = faultyStore(inner, {
      beforeRead: (table) => {
        if (isBroken && table === 'trail') throw new Error('busy')
      },
    })
    await using made = await setting({ store })
    await come(made, session(made, 1).seal(0, 'first', trail(0, [])))
    isBroken = true
    made.inject(session(made, 2).seal(0, 'next', trail(1, [[1, 4]])))
    expect(await made.take()).toHaveLength(1)
    expect(made.runtime.errors).toHaveLength(1)
    expect(made.events).toEqual([])
    isBroken = false
    made.inject(session(made, 2).seal(1, 'next', trail(1, [[1, 4]])))
    expect(await made.take()).toHaveLength(1)
    expect(gapsIn(made)).toEqual([[1, 1, 4]])
  })

  it('takes one record for a generation, however many sessions its producer begins', async () => {
    const store = memoryStore()
    await using made = await setting({ store })
    for (let id = 0; id < 100; id++) {
      const itself: Listed = [[id, 500]]
      await come(made, session(made, id).seal(0, 'strange', trail(id % 7, itself)))
    }
    expect(await store.scan('trail')).toHaveLength(1)
    expect(gapsIn(made)).toEqual([])
  })
})
