// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Pool } from '../../src/events.js'
import { InFlight } from '../../src/reading/seen-session.js'
import { KidLanes } from '../../src/reading/kid-lanes.js'
import { MessageQueue } from '../../src/reading/message-queue.js'
import { ParkedPools, type Spot } from '../../src/reading/parked-pools.js'
import { Permits } from '../../src/reading/permits.js'
import { seededRandom } from '../../src/testing.js'
import { settle } from './setting.js'

describe('permits', () => {
  it('go to who waits longest, and to nobody who comes later', async () => {
    const permits = new Permits(1)
    expect(permits.tryAcquire()).toBe(true)
    const order: string[] = []
    void permits.acquire().then(() => order.push('first'))
    void permits.acquire().then(() => order.push('second'))
    permits.release()
    expect(permits.tryAcquire()).toBe(false)
    await settle()
    expect(order).toEqual(['first'])
    permits.release()
    await settle()
    expect(order).toEqual(['first', 'second'])
  })

  it('are given to nobody once they are closed', async () => {
    const permits = new Permits(1)
    permits.tryAcquire()
    const waiting = permits.acquire()
    permits.close()
    expect(await waiting).toBe(false)
    permits.release()
    expect(permits.tryAcquire()).toBe(false)
    expect(await permits.acquire()).toBe(false)
  })
})

describe('the lanes of kids', () => {
  it('run tasks of one kid one after the other and of others at once', async () => {
    const lanes = new KidLanes()
    const log: string[] = []
    let letGo = (): void => undefined
    const gate = new Promise<void>((resolve) => (letGo = resolve))
    const write = (text: string) => (): undefined => void log.push(text)
    void lanes.run('a', async () => {
      log.push('a1 begins')
      await gate
      log.push('a1 ends')
    })
    const second = lanes.run('a', write('a2'))
    void lanes.run('a', async () => void log.push('a3'))
    void lanes.runFirst('a', write('a0'))
    expect(lanes.run('b', write('b'))).toBeUndefined()
    expect(log).toEqual(['a1 begins', 'b'])
    letGo()
    await second
    await settle()
    expect(log).toEqual(['a1 begins', 'b', 'a1 ends', 'a0', 'a2', 'a3'])
    expect(lanes.run('a', write('synchronous again'))).toBeUndefined()
  })

  it('hold up nobody who brings the next while they are held, but for a number of tasks', async () => {
    const lanes = new KidLanes()
    const { promise, resolve } = Promise.withResolvers<void>()
    void lanes.run('a', () => promise)
    const before = lanes.run('a', () => undefined)
    expect(before).toBeInstanceOf(Promise)
    lanes.hold('a')
    await before
    for (let i = 0; i < 63; i++) expect(lanes.run('a', () => undefined)).toBeUndefined()
    const ran: string[] = []
    const tooMuch = lanes.run('a', () => void ran.push('last'))
    expect(tooMuch).toBeInstanceOf(Promise)
    lanes.letGo('a')
    expect(ran).toEqual([])
    resolve()
    await tooMuch
    expect(ran).toEqual(['last'])
    expect(lanes.run('a', () => undefined)).toBeUndefined()
  })

  it('keep the order of a task that begins another one of its own kid', async () => {
    const lanes = new KidLanes()
    const log: string[] = []
    void lanes.run('a', () => {
      void lanes.runFirst('a', async () => void log.push('inner'))
      log.push('outer')
      return undefined
    })
    void lanes.run('a', () => void log.push('later'))
    await settle()
    expect(log).toEqual(['outer', 'inner', 'later'])
  })
})

describe('the queue of messages', () => {
  it('gives each to one taker, in order, also where one is withdrawn', async () => {
    const queue = new MessageQueue()
    const entries = Array.from({ length: 4 }, (_, counter) => entryOf(counter))
    const [a, b, c, d] = entries
    if (!a || !b || !c || !d) throw new Error('there are four')
    const first = queue.wait()
    queue.push(a)
    queue.push(b)
    queue.push(c)
    expect(queue.withdraw(b)).toBe(true)
    expect(queue.withdraw(b)).toBe(false)
    expect(await first).toBe(a)
    expect(queue.take()).toBe(c)
    expect(queue.take()).toBeUndefined()
    queue.close()
    queue.push(d)
    expect(queue.take()).toBeUndefined()
    expect(await queue.wait()).toBeUndefined()
  })
})

function entryOf(counter: number): InFlight {
  const digest = new Uint8Array(8)
  return new InFlight({
    session: undefined,
    generation: undefined,
    counter,
    digest,
    isRecorded: true,
  })
}

type Move =
  | { readonly do: 'add'; readonly pool: Pool; readonly at: number; readonly bytes: number }
  | { readonly do: 'remove' | 'claim'; readonly which: number }

const moves: fc.Arbitrary<Move[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('add' as const),
        pool: fc.constantFrom<Pool>('unvouched', 'awaiting', 'failed'),
        at: fc.nat(2),
        bytes: fc.integer({ min: 1, max: 30 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constantFrom('remove' as const, 'claim' as const),
        which: fc.nat(30),
      }),
    },
  ),
  { maxLength: 60 },
)

const LIMITS = { count: 4, bytes: 60 }
const UNVOUCHED = { count: 3, bytes: 50 }

/** The pools, as a plain list. */
class NaivePools {
  readonly spots: Spot[] = []
  readonly claimed = new Set<number>()

  /** What shares a quota with a spot, the oldest first. */
  beside({ pool, kid, address }: Spot): Spot[] {
    return this.spots.filter(
      (spot) =>
        spot.pool === pool &&
        (pool === 'unvouched' || (spot.kid === kid && spot.address === address)),
    )
  }

  overBy(
    spots: readonly Spot[],
    { count, bytes }: typeof LIMITS,
  ): { count: number; bytes: number } {
    const used = spots.reduce((sum, spot) => sum + spot.bytes, 0)
    return { count: spots.length - count, bytes: used - bytes }
  }
}

describe('the pools of parked objects', () => {
  it('keep every quota, and give up only as much as they must, the oldest first', () => {
    fc.assert(
      fc.property(moves, fc.integer(), (run, seed) => {
        const random = seededRandom(seed)
        const pools = new ParkedPools({
          limits: LIMITS,
          unvouchedLimits: UNVOUCHED,
          random: (below) => Math.floor(random() * below),
        })
        const naive = new NaivePools()
        for (const [number, move] of run.entries()) step(pools, naive, move, number)
        const counted = pools.summary().reduce((sum, { count }) => sum + count, 0)
        const bytes = pools.summary().reduce((sum, row) => sum + row.bytes, 0)
        expect(counted).toBe(naive.spots.length)
        expect(bytes).toBe(naive.spots.reduce((sum, spot) => sum + spot.bytes, 0))
        for (const kid of ['k0', 'k1', 'k2']) {
          expect(pools.countOf(kid)).toBe(naive.spots.filter((spot) => spot.kid === kid).length)
        }
      }),
      { numRuns: 300 },
    )
  })
})

function step(pools: ParkedPools, naive: NaivePools, move: Move, number: number): void {
  if (move.do !== 'add') {
    const spot = naive.spots[move.which]
    if (spot === undefined) return
    if (move.do === 'claim') {
      pools.claim(spot.number)
      naive.claimed.add(spot.number)
    } else {
      pools.remove(spot)
      naive.spots.splice(naive.spots.indexOf(spot), 1)
    }
    return
  }
  const { pool, at, bytes } = move
  const spot: Spot = { pool, kid: `k${at}`, address: `a${at % 2}`, number, bytes }
  const victims = pools.victimsFor(spot)
  expectFewest(naive, spot, victims)
  for (const victim of victims) {
    pools.remove(victim)
    naive.spots.splice(
      naive.spots.findIndex((one) => one.number === victim.number),
      1,
    )
  }
  pools.add(spot)
  naive.spots.push(spot)
}

function expectFewest(naive: NaivePools, spot: Spot, victims: readonly Spot[]): void {
  const limits = spot.pool === 'unvouched' ? UNVOUCHED : LIMITS
  const beside = naive.beside(spot)
  const free = beside.filter(({ number }) => !naive.claimed.has(number))
  const without = (gone: readonly Spot[]): Spot[] =>
    [...beside, spot].filter((one) => !gone.some(({ number }) => number === one.number))
  const fits = (gone: readonly Spot[]): boolean => {
    const over = naive.overBy(without(gone), limits)
    return over.count <= 0 && over.bytes <= 0
  }
  for (const victim of victims) expect(free).toContainEqual(victim)
  expect(new Set(victims.map(({ number }) => number)).size).toBe(victims.length)
  if (!fits(victims)) expect(victims).toHaveLength(free.length)
  if (victims.length > 0) expect(fits(victims.slice(0, -1))).toBe(false)
  if (spot.pool !== 'unvouched') expect(victims).toEqual(free.slice(0, victims.length))
}
