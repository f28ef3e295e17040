// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import * as fc from 'fast-check'
import { describeStore } from '@waxwing/testkit'
import { faultyStore, memoryStore } from '@waxwing/client/testing'
import type { ScanQuery } from '@waxwing/core'

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)

describeStore(
  'memoryStore',
  async () => {
    const store = memoryStore()
    return { store, open: async () => memoryStore({ from: store.snapshot() }) }
  },
  { reopens: true, continues: true },
)

describeStore(
  'faultyStore without faults',
  async () => ({ store: faultyStore(memoryStore(), {}) }),
  { continues: true },
)

describe('memoryStore', () => {
  it('is full at maxBytes, stays readable, and has room again after deleting', async () => {
    const store = memoryStore({ maxBytes: 10 })
    await store.write([{ table: 't', key: 'abcd', value: bytes(1, 2, 3, 4, 5) }])
    const more = { table: 't', key: 'x', value: bytes(1) }
    await expect(store.write([more])).rejects.toMatchObject({ code: 'ERR_STORE_FULL' })
    expect(await store.scan('t')).toHaveLength(1)
    expect(await store.write([{ table: 't', key: 'abcd', value: null }, more])).toBe(true)
    const overfull = memoryStore({ maxBytes: 1, from: store.snapshot() })
    expect(await overfull.write([{ ...more, value: bytes() }])).toBe(true)
    expect(() => memoryStore({ maxBytes: 0 })).toThrow(RangeError)
  })

  it('clones a state that later changes do not reach', async () => {
    const store = memoryStore()
    await store.write([{ table: 't', key: 'a', value: bytes(1) }])
    const snapshot = store.snapshot()
    await store.write([{ table: 't', key: 'a', value: bytes(2) }])
    const [one, two] = [memoryStore({ from: snapshot }), memoryStore({ from: snapshot })]
    await one.write([{ table: 't', key: 'a', value: bytes(3) }])
    expect(await two.get('t', 'a')).toEqual(bytes(1))
    await store.close()
    expect(store.snapshot().tables.get('t')!.get('a')).toEqual(bytes(2))
  })

  it('scans as a sorted and filtered map does', async () => {
    const key = fc.stringMatching(/^[abc]{1,3}$/)
    const query = fc.record(
      {
        prefix: fc.stringMatching(/^[abc]{0,2}$/),
        after: fc.stringMatching(/^[abc]{0,3}$/),
        limit: fc.nat(5),
        reverse: fc.boolean(),
      },
      { requiredKeys: [] },
    )
    const step = fc.tuple(key, fc.boolean())
    await fc.assert(
      fc.asyncProperty(fc.array(step), query, async (steps, wanted) => {
        const store = memoryStore()
        const model = new Set<string>()
        for (const [name, keep] of steps) {
          await store.write([{ table: 't', key: name, value: keep ? bytes() : null }])
          if (keep) model.add(name)
          else model.delete(name)
        }
        const keys = (await store.scan('t', wanted)).map((entry) => entry.key)
        expect(keys).toEqual(modelScan(model, wanted))
      }),
      { numRuns: 300 },
    )
  })
})

function modelScan(keys: Iterable<string>, query: ScanQuery): string[] {
  const { prefix = '', after, limit = Infinity, reverse = false } = query
  const sorted = [...keys].toSorted()
  if (reverse) sorted.reverse()
  return sorted
    .filter((key) => key.startsWith(prefix))
    .filter((key) => after === undefined || (reverse ? key < after : key > after))
    .slice(0, limit)
}

describe('faultyStore', () => {
  const change = (value: number) => [{ table: 't', key: 'a', value: bytes(value) }]

  it('fails before the nth write with nothing changed, and after it with everything changed', async () => {
    const store = faultyStore(memoryStore(), {
      beforeWrite(count) {
        if (count === 2) throw new Error('disk gone')
      },
      afterWrite(count) {
        if (count === 3) throw new Error('crashed')
      },
    })
    await store.write(change(1))
    await expect(store.write(change(2))).rejects.toThrow('disk gone')
    expect(await store.get('t', 'a')).toEqual(bytes(1))
    await expect(store.write(change(3))).rejects.toThrow('crashed')
    expect(await store.get('t', 'a')).toEqual(bytes(3))
  })

  it('keeps writes in order behind a delayed one, and fails reads', async () => {
    const gate = Promise.withResolvers<void>()
    const inner = memoryStore()
    const store = faultyStore(inner, {
      beforeWrite: (count) => (count === 1 ? gate.promise : undefined),
      beforeRead() {
        throw new Error('unreadable')
      },
    })
    const writes = [store.write(change(1)), store.write(change(2))]
    await expect(store.get('t', 'a')).rejects.toThrow('unreadable')
    expect(await inner.get('t', 'a')).toBeUndefined()
    gate.resolve()
    await Promise.all(writes)
    expect(await inner.get('t', 'a')).toEqual(bytes(2))
  })
})
