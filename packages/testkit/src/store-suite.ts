// SPDX-License-Identifier: Apache-2.0
/**
 * The contract of {@link Store}, as tests. Every store runs this suite and adds only what is
 * special to it.
 *
 * @module
 */

import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Store } from '@waxwing/core'
import { describeContinuity, describeSharedContinuity } from './store-continuity-suite.js'
import { bytes, describeReading, describeScanning, keysOf, put } from './store-reading-suite.js'
import type { Open } from './store-reading-suite.js'

export interface StoreFixture {
  /** Empty at first. The suite closes it. */
  readonly store: Store
  /** Opens the same content once more. */
  readonly open?: () => Promise<Store>
}

export interface StoreFeatures {
  /** Content outlives `close`; the fixture has `open`. */
  readonly reopens?: boolean
  /** Several handles may be open at once; the fixture has `open`. */
  readonly shares?: boolean
  /** The store tells its lives apart: it has `continuity`. */
  readonly continues?: boolean
  /** Within this time `onForeignChange` notices, if the store has it. Default 1,000. */
  readonly noticeMs?: number
}

type Setup = () => Promise<StoreFixture>

/** Describes the whole contract. `setup` runs inside each test, so it may use `onTestFinished`. */
export function describeStore(name: string, setup: Setup, features: StoreFeatures = {}): void {
  const open = async (): Promise<Store> => (await openFixture(setup)).store
  const parts: readonly [title: string, isOffered: boolean, tests: () => void][] = [
    ['reading', true, () => describeReading(open)],
    ['scanning', true, () => describeScanning(open)],
    ['writing', true, () => describeWriting(open)],
    ['expectations', true, () => describeExpectations(open)],
    ['concurrency', true, () => describeConcurrency(open)],
    ['copies', true, () => describeCopies(open)],
    ['limits', true, () => describeLimits(open)],
    ['closing', true, () => describeClosing(open)],
    ['opening again', features.reopens ?? false, () => describeReopening(setup)],
    ['sharing', features.shares ?? false, () => describeSharing(setup, features)],
    ['continuity', features.continues ?? false, () => describeContinuity(open)],
    [
      'shared continuity',
      (features.continues && features.shares) ?? false,
      () => describeSharedContinuity(() => openTwice(setup)),
    ],
  ]
  for (const [title, , tests] of parts.filter(([, isOffered]) => isOffered)) {
    describe(`${name}: Store contract: ${title}`, () => {
      tests()
    })
  }
}

interface OpenFixture {
  readonly store: Store
  /** Opens another handle, which is closed with the test. */
  readonly another: () => Promise<Store>
}

async function openFixture(setup: Setup): Promise<OpenFixture> {
  const { store, open } = await setup()
  const opened = [store]
  onTestFinished(async () => {
    await Promise.all(opened.map((one) => one.close()))
  })
  const another = async (): Promise<Store> => {
    if (open === undefined) throw new TypeError('the fixture has no open()')
    const second = await open()
    opened.push(second)
    return second
  }
  return { store, another }
}

async function openTwice(setup: Setup): Promise<readonly [Store, Store]> {
  const { store, another } = await openFixture(setup)
  return [store, await another()]
}

function describeWriting(open: Open): void {
  it('replaces and deletes', async () => {
    const store = await open()
    await store.write([put('a', 1), put('b', 1)])
    expect(await store.write([put('a', 2), { table: 't', key: 'b', value: null }])).toBe(true)
    expect(await store.scan('t')).toEqual([{ key: 'a', value: bytes(2) }])
    expect(await store.write([{ table: 't', key: 'none', value: null }])).toBe(true)
    expect(await store.write([])).toBe(true)
  })

  it('applies several changes of one key in their order', async () => {
    const store = await open()
    const changes = [put('a', 1), { ...put('a', 2), expect: bytes(1) }]
    expect(await store.write(changes)).toBe(true)
    expect(await store.get('t', 'a')).toEqual(bytes(2))
  })
}

function describeExpectations(open: Open): void {
  it('writes if what was expected stands there', async () => {
    const store = await open()
    expect(await store.write([{ ...put('a', 1), expect: null }])).toBe(true)
    expect(await store.write([{ ...put('a', 2), expect: bytes(1) }])).toBe(true)
    expect(await store.write([{ table: 't', key: 'a', value: null, expect: bytes(2) }])).toBe(true)
    expect(await store.get('t', 'a')).toBeUndefined()
  })

  it.each<[string, Uint8Array | null]>([
    ['nothing', null],
    ['another value', bytes(2)],
    ['a shorter value', bytes()],
    ['a longer value', bytes(1, 0)],
  ])('changes nothing in any table if it expected %s', async (_, expected) => {
    const store = await open()
    await store.write([put('a', 1), put('gone', 1)])
    const written = await store.write([
      put('before', 1),
      { table: 'u', key: 'other', value: bytes(1) },
      { table: 't', key: 'gone', value: null },
      { ...put('a', 9), expect: expected },
      put('after', 1),
    ])
    expect(written).toBe(false)
    expect(await keysOf(store)).toEqual(['a', 'gone'])
    expect(await store.get('t', 'a')).toEqual(bytes(1))
    expect(await store.scan('u')).toEqual([])
  })

  it('finds nothing where it expected something', async () => {
    const store = await open()
    expect(await store.write([{ ...put('a', 1), expect: bytes() }])).toBe(false)
    expect(await store.get('t', 'a')).toBeUndefined()
  })
}

function describeConcurrency(open: Open): void {
  it('lets one of many concurrent writes that expect the same win, and leaves the rest alone', async () => {
    const store = await open()
    const writes = Array.from({ length: 50 }, (_, i) =>
      store.write([{ ...put('first', i), expect: null }, put(`own${i}`, i)]),
    )
    const plain = Array.from({ length: 50 }, (_, i) => store.write([put(`plain${i}`, i)]))
    const results = await Promise.all(writes)
    expect(await Promise.all(plain)).not.toContain(false)
    expect(results.filter(Boolean)).toHaveLength(1)
    const winner = results.indexOf(true)
    expect(await store.get('t', 'first')).toEqual(bytes(winner))
    expect(await keysOf(store, { prefix: 'own' })).toEqual([`own${winner}`])
    expect(await keysOf(store, { prefix: 'plain' })).toHaveLength(50)
  })

  it('keeps concurrent writes in the order in which they were called', async () => {
    const store = await open()
    await Promise.all(Array.from({ length: 20 }, (_, i) => store.write([put('a', i)])))
    expect(await store.get('t', 'a')).toEqual(bytes(19))
  })

  it('counts without loss from many concurrent loops', async () => {
    const store = await open()
    await Promise.all(Array.from({ length: 4 }, () => count(store, 10)))
    expect(await store.get('t', 'counter')).toEqual(bytes(40))
  })
}

function describeCopies(open: Open): void {
  it('copies values before write returns', async () => {
    const store = await open()
    const [value, expected] = [bytes(1), bytes(2)]
    await store.write([put('b', 2)])
    const changes = [
      { table: 't', key: 'a', value },
      { ...put('b', 3), expect: expected },
    ]
    const written = store.write(changes)
    value[0] = 9
    expected[0] = 9
    changes.length = 0
    expect(await written).toBe(true)
    expect(await store.get('t', 'a')).toEqual(bytes(1))
    expect(await store.get('t', 'b')).toEqual(bytes(3))
  })

  it('hands out copies', async () => {
    const store = await open()
    await store.write([put('a', 1)])
    const read = await store.get('t', 'a')
    read!.fill(9)
    const [entry] = await store.scan('t')
    entry!.value.fill(9)
    expect(await store.get('t', 'a')).toEqual(bytes(1))
  })

  it('takes views and gives plain arrays', async () => {
    const store = await open()
    const value = new Uint8Array([0, 1, 2, 3]).subarray(1, 3)
    await store.write([{ table: 't', key: 'a', value }])
    const read = await store.get('t', 'a')
    expect(Object.getPrototypeOf(read)).toBe(Uint8Array.prototype)
    expect(read).toEqual(bytes(1, 2))
  })
}

function describeLimits(open: Open): void {
  it('carries every byte value and 1 MiB', async () => {
    const store = await open()
    const value = Uint8Array.from({ length: 2 ** 20 }, (_, i) => i ^ (i >>> 8))
    await store.write([{ table: 't', key: 'big', value }])
    const read = await store.get('t', 'big')
    expect(Buffer.compare(read!, value)).toBe(0)
  })

  it('takes keys of 1 to 512 printable ASCII characters and tables of 1 to 64', async () => {
    const store = await open()
    const printable = String.fromCodePoint(...Array.from({ length: 95 }, (_, i) => 32 + i))
    const keys = [printable, 'k'.repeat(512), 'k', ' '].toSorted()
    await store.write(keys.map((key) => put(key, 1)))
    await store.write([{ table: 't'.repeat(64), key: 'a', value: bytes(1) }])
    expect(await keysOf(store)).toEqual(keys)
    expect(await store.get('t'.repeat(64), 'a')).toEqual(bytes(1))
  })

  it.each(['', 'k'.repeat(513), 'a\0', 'ä', 'a\n', '\u007f', '\ud800'])(
    'refuses the key %j as the bug of a caller, with nothing changed',
    async (key) => {
      const store = await open()
      await expect(store.write([put('a', 1), put(key, 1)])).rejects.toThrow(TypeError)
      await expect(store.get('t', key)).rejects.toThrow(TypeError)
      expect(await store.scan('t')).toEqual([])
    },
  )

  it.each(['', 't'.repeat(65), 'a\0', 'a b', 'ä'])('refuses the table %j', async (table) => {
    const store = await open()
    await expect(store.write([{ table, key: 'a', value: bytes(1) }])).rejects.toThrow(TypeError)
    await expect(store.get(table, 'a')).rejects.toThrow(TypeError)
    await expect(store.scan(table)).rejects.toThrow(TypeError)
  })

  it.each([-1, 1.5, Number.NaN])('refuses the limit %d', async (limit) => {
    const store = await open()
    await expect(store.scan('t', { limit })).rejects.toThrow(RangeError)
  })
}

function describeClosing(open: Open): void {
  it('finishes the writes that were begun, and may be closed twice', async () => {
    const store = await open()
    const writes = Array.from({ length: 10 }, (_, i) => store.write([put(`k${i}`, i)]))
    await Promise.all([store.close(), store.close()])
    expect(await Promise.all(writes)).toEqual(Array.from({ length: 10 }, () => true))
    await store.close()
  })

  it('refuses everything after that with ERR_CLOSED', async () => {
    const store = await open()
    await store.close()
    const closed = { code: 'ERR_CLOSED' }
    await expect(store.get('t', 'a')).rejects.toMatchObject(closed)
    await expect(store.scan('t')).rejects.toMatchObject(closed)
    await expect(store.write([put('a', 1)])).rejects.toMatchObject(closed)
  })
}

function describeReopening(setup: Setup): void {
  it('finds everything again, and nothing that was deleted', async () => {
    const { store, another } = await openFixture(setup)
    await store.write([put('a', 1), put('b', 2), put('c', 3)])
    await store.write([{ table: 't', key: 'b', value: null }])
    await store.close()
    const again = await another()
    expect(await again.scan('t')).toEqual([
      { key: 'a', value: bytes(1) },
      { key: 'c', value: bytes(3) },
    ])
    expect(await again.write([{ ...put('a', 4), expect: bytes(1) }])).toBe(true)
  })
}

function describeSharing(setup: Setup, { noticeMs = 1000 }: StoreFeatures): void {
  it('shows each handle what the other wrote, and holds it to it', async () => {
    const { store, another } = await openFixture(setup)
    const second = await another()
    await store.write([put('a', 1)])
    expect(await second.get('t', 'a')).toEqual(bytes(1))
    await second.write([put('a', 2)])
    expect(await store.write([{ ...put('a', 3), expect: bytes(1) }])).toBe(false)
    expect(await store.get('t', 'a')).toEqual(bytes(2))
  })

  it('counts without loss from two handles that contend', async () => {
    const { store, another } = await openFixture(setup)
    const second = await another()
    await Promise.all([store, second, store, second].map((handle) => count(handle, 10)))
    expect(await store.get('t', 'counter')).toEqual(bytes(40))
    expect(await second.get('t', 'counter')).toEqual(bytes(40))
  })

  it('tells of changes by another handle, and of its own never', async () => {
    const { store, another } = await openFixture(setup)
    const second = await another()
    const [heard, removed] = [vi.fn<() => void>(), vi.fn<() => void>()]
    const remove = store.onForeignChange!(heard)
    store.onForeignChange!(removed)()
    await store.write([put('own', 1)])
    await pause(noticeMs)
    expect(heard).not.toHaveBeenCalled()
    await second.write([put('foreign', 1)])
    await vi.waitFor(() => expect(heard).toHaveBeenCalled(), 10_000)
    remove()
    const calls = heard.mock.calls.length
    await second.write([put('foreign', 2)])
    await pause(noticeMs)
    expect(heard).toHaveBeenCalledTimes(calls)
    expect(removed).not.toHaveBeenCalled()
  })
}

/** Adds one that many times, each time until nobody was faster. */
async function count(store: Store, times: number): Promise<void> {
  for (let done = 0; done < times;) {
    const before = await store.get('t', 'counter')
    const change = { ...put('counter', (before?.[0] ?? 0) + 1), expect: before ?? null }
    if (await store.write([change])) done++
  }
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
