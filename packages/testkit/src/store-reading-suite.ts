// SPDX-License-Identifier: Apache-2.0
/**
 * The part of the {@link Store} contract that says what reading gives; run by `describeStore`.
 *
 * @module
 */

import { expect, it } from 'vitest'
import type { Change, Store } from '@waxwing/core'

/** Opens an empty store that is closed with the test. */
export type Open = () => Promise<Store>

export const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)
/** Puts a value into the table `t`. */
export const put = (key: string, ...values: number[]): Change => ({
  table: 't',
  key,
  value: bytes(...values),
})
export const keysOf = async (
  store: Store,
  query?: Parameters<Store['scan']>[1],
): Promise<string[]> => (await store.scan('t', query)).map(({ key }) => key)

export function describeReading(open: Open): void {
  it('gives undefined and nothing where nothing was written', async () => {
    const store = await open()
    expect(await store.get('t', 'a')).toBeUndefined()
    expect(await store.scan('t')).toEqual([])
  })

  it('gives back what was written, per table', async () => {
    const store = await open()
    await store.write([put('a', 1), { table: 'u', key: 'a', value: bytes(2) }])
    expect(await store.get('t', 'a')).toEqual(bytes(1))
    expect(await store.get('u', 'a')).toEqual(bytes(2))
    expect(await store.scan('u')).toEqual([{ key: 'a', value: bytes(2) }])
  })

  it('tells an empty value from none', async () => {
    const store = await open()
    await store.write([put('a')])
    expect(await store.get('t', 'a')).toEqual(bytes())
  })
}

export function describeScanning(open: Open): void {
  it('scans in the order of code units, both ways', async () => {
    const store = await open()
    const sorted = ['!', '0', '10', '9', 'A', 'B', '_', 'a', 'aa', 'b', '~']
    await store.write(sorted.toReversed().map((key) => put(key, 1)))
    expect(await keysOf(store)).toEqual(sorted)
    expect(await keysOf(store, { reverse: true })).toEqual(sorted.toReversed())
  })

  it('scans by prefix, literally', async () => {
    const store = await open()
    await store.write(['a', 'a%', 'a%b', 'a*b', 'a/1', 'a/2', 'a~', 'ab', 'b'].map((k) => put(k)))
    expect(await keysOf(store, { prefix: 'a/' })).toEqual(['a/1', 'a/2'])
    expect(await keysOf(store, { prefix: 'a%' })).toEqual(['a%', 'a%b'])
    expect(await keysOf(store, { prefix: 'a*' })).toEqual(['a*b'])
    expect(await keysOf(store, { prefix: 'a~' })).toEqual(['a~'])
    expect(await keysOf(store, { prefix: 'c' })).toEqual([])
    expect(await keysOf(store, { prefix: 'a/', reverse: true })).toEqual(['a/2', 'a/1'])
  })

  it('goes on after a key, whether that key exists or not', async () => {
    const store = await open()
    await store.write(['a', 'b', 'c', 'd'].map((key) => put(key)))
    expect(await keysOf(store, { after: 'b' })).toEqual(['c', 'd'])
    expect(await keysOf(store, { after: 'bb' })).toEqual(['c', 'd'])
    expect(await keysOf(store, { after: 'c', reverse: true })).toEqual(['b', 'a'])
    expect(await keysOf(store, { after: 'bb', reverse: true })).toEqual(['b', 'a'])
    expect(await keysOf(store, { after: 'd' })).toEqual([])
    expect(await keysOf(store, { prefix: 'c', after: 'a' })).toEqual(['c'])
    expect(await keysOf(store, { prefix: 'a', after: 'c' })).toEqual([])
    expect(await keysOf(store, { prefix: 'c', after: 'z', reverse: true })).toEqual(['c'])
  })

  it('stops at the limit, so that pages join without a hole', async () => {
    const store = await open()
    const keys = Array.from({ length: 25 }, (_, i) => `k${String(i).padStart(2, '0')}`)
    await store.write(keys.map((key) => put(key)))
    const seen: string[] = []
    for (let after = ''; seen.length < keys.length; after = seen.at(-1) ?? '') {
      const page = await keysOf(store, { prefix: 'k', after, limit: 10 })
      if (page.length === 0) break
      seen.push(...page)
    }
    expect(seen).toEqual(keys)
    expect(await keysOf(store, { limit: 0 })).toEqual([])
    expect(await keysOf(store, { limit: 2, reverse: true })).toEqual(['k24', 'k23'])
  })
}
