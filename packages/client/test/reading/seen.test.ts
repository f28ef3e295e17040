// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import type { Store } from '@waxwing/core'
import { InFlight, SeenSession } from '../../src/reading/seen-session.js'
import { SeenBook } from '../../src/reading/seen-book.js'
import { memoryStore } from '../../src/testing.js'
import { giveKeys, makeStream, SessionSealer } from '../support/stream.js'
import { setting, settle, texts } from './setting.js'

const NAMES = { generationId: 'ab'.repeat(32), id: '01'.repeat(7) }

function sessionOver(store: Store): SeenSession {
  return new SeenSession(store, 'reader', NAMES)
}

function begin(session: SeenSession, counter: number): InFlight {
  const digest = new Uint8Array(8).fill(counter)
  const entry = new InFlight({
    session,
    generation: undefined,
    counter,
    digest,
    isRecorded: true,
  })
  session.ranges.add(counter, digest)
  session.inFlight.set(counter, entry)
  return entry
}

async function settleIn(store: Store, session: SeenSession, entry: InFlight): Promise<void> {
  await store.write([session.settlingChange(entry)])
  session.settled(entry)
}

/** A store whose scans answer late, with what they saw early. */
function lateStore(inner: Store): { store: Store; answer: () => void } {
  let answer = (): void => undefined
  const gate = new Promise<void>((resolve) => (answer = resolve))
  const store: Store = {
    get: (...args) => inner.get(...args),
    write: (...args) => inner.write(...args),
    close: () => inner.close(),
    async scan(...args) {
      const seen = await inner.scan(...args)
      await gate
      return seen
    },
  }
  return { store, answer }
}

async function countersIn(store: Store): Promise<number[]> {
  const session = sessionOver(store)
  await session.load()
  const { lowest = 0, highest = -1 } = session.ranges
  const all = Array.from({ length: highest - lowest + 1 }, (_, i) => lowest + i)
  const gaps = session.ranges.gaps()
  return all.filter((counter) => !gaps.some((gap) => gap.first <= counter && counter <= gap.last))
}

describe('a session that is read from the store', () => {
  it('has what was settled while it was read, and what is in flight', async () => {
    const inner = memoryStore()
    const { store, answer } = lateStore(inner)
    const session = sessionOver(store)
    const [a, b] = [begin(session, 3), begin(session, 7)]
    const loading = session.load()
    expect(session.isCurrent).toBe(false)
    await settleIn(inner, session, a)
    answer()
    await loading
    expect(session.isCurrent).toBe(true)
    expect(session.ranges.check(3, a.digest)).toBe('duplicate')
    expect(session.ranges.check(7, b.digest)).toBe('duplicate')
    expect(session.ranges.count).toBe(2)
  })

  it('is read again where it changed meanwhile', async () => {
    const inner = memoryStore()
    const { store, answer } = lateStore(inner)
    const book = new SeenBook(store, 'reader')
    const bytes = new Uint8Array(7).fill(1)
    const loaded = book.load(NAMES.generationId, bytes, (session) => session.ranges.count)
    await settle()
    const other = sessionOver(inner)
    await settleIn(inner, other, begin(other, 5))
    book.invalidate()
    answer()
    expect(await loaded).toBe(1)
  })
})

describe('making a snapshot', () => {
  it('loses nothing that another process recorded or folded meanwhile', async () => {
    const inner = memoryStore()
    const other = sessionOver(inner)
    await settleIn(inner, other, begin(other, 1))
    const { store, answer } = lateStore(inner)
    const slow = sessionOver(store)
    const compacting = slow.compact()
    await settle()
    await settleIn(inner, other, begin(other, 2))
    await other.compact()
    await settleIn(inner, other, begin(other, 3))
    answer()
    await compacting
    expect(await countersIn(inner)).toEqual([1, 2, 3])
  })

  it('leaves one record', async () => {
    const store = memoryStore()
    const session = sessionOver(store)
    for (const counter of [1, 2, 9]) await settleIn(store, session, begin(session, counter))
    await session.compact()
    expect(await store.scan('seen')).toHaveLength(1)
    expect(await countersIn(store)).toEqual([1, 2, 9])
  })

  it('keeps what was told of the missing end', async () => {
    const store = memoryStore()
    const session = sessionOver(store)
    await settleIn(store, session, begin(session, 2))
    await store.write([session.noteMissing({ first: 3, last: 6 })])
    await session.compact()
    expect(await countersIn(store)).toEqual([2])
    const restored = sessionOver(store)
    await restored.load()
    expect(restored.missingUpTo(6)).toBeUndefined()
    expect(restored.missingUpTo(8)).toEqual({ first: 7, last: 8 })
  })

  it('finds a told end that cannot be read to be damage', async () => {
    const store = memoryStore()
    const session = sessionOver(store)
    const { table, key } = session.noteMissing({ first: 3, last: 6 })
    await store.write([{ table, key, value: Uint8Array.of(0x83) }])
    await expect(sessionOver(store).load()).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' })
  })
})

describe('sessions in memory', () => {
  it('stay there while something of them is in flight', async () => {
    await using made = await setting({ filter: '#' })
    const other = makeStream(made.trust, { nonce: 4, fields: { streamName: 'plant/2' } })
    await giveKeys(made.book, other)
    made.inject(made.sealer.seal(0))
    const [message] = await made.take()
    for (let session = 0; session < 256; session++) {
      made.inject(new SessionSealer(other, { session }).seal(0), 'plant/2')
      for (const one of await made.take()) await one.acknowledge()
    }
    made.inject(new SessionSealer(made.stream, { session: 2 }).seal(0))
    await made.take()
    made.inject(made.sealer.seal(0))
    expect(texts(await made.take())).toEqual([])
    await message?.acknowledge()
  }, 60_000)
})
