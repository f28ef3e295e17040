// SPDX-License-Identifier: Apache-2.0
import { memoryStore } from '@waxwing/client'
import { encodeCbor, type Store } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { describe, expect, it } from 'vitest'
import {
  keepReplayWindow,
  ReplayGuard,
  SenderSequence,
  sequenceInStore,
  type StorePlace,
  takeReplayWindow,
} from '../../src/index.js'

const place = (store: Store = memoryStore()): StorePlace => ({ store, table: 'oscore', key: 'c' })
const put = ({ store, table, key }: StorePlace, value: unknown): Promise<boolean> =>
  store.write([{ table, key, value: encodeCbor(value as never) }])
const corrupt: unknown = expect.objectContaining({ code: 'ERR_STORE_CORRUPT' })

describe('a sequence in a store', () => {
  it('goes on behind every block that was ever reserved', async () => {
    const at = place()
    const firsts: number[] = []
    for (let start = 0; start < 3; start++) {
      const sequence = await SenderSequence.open(sequenceInStore(at), { blockSize: 10 })
      await sequence.ready()
      firsts.push(sequence.take())
    }
    expect(firsts).toEqual([0, 10, 20])
  })

  it('is shared by processes', async () => {
    const at = place()
    const [a, b] = [
      await SenderSequence.open(sequenceInStore(at), { blockSize: 10 }),
      await SenderSequence.open(sequenceInStore(at), { blockSize: 10 }),
    ]
    await a.ready()
    await b.ready()
    expect([a.take(), b.take(), a.take(), b.take()]).toEqual([0, 10, 1, 11])
  })

  it.each(['text', -1, 2 ** 41, null])('is not believed with a limit of %s', async (limit) => {
    const at = place()
    await put(at, limit)
    await expect(SenderSequence.open(sequenceInStore(at))).rejects.toThrow(corrupt)
  })
})

describe('a replay window in a store', () => {
  it('goes on where it was kept, once', async () => {
    const at = place()
    const guard = ReplayGuard.ofFreshKeys()
    for (const number of [0, 1, 5]) guard.accept(number, undefined)
    await keepReplayWindow(at, guard)
    const taken = await takeReplayWindow(nodeProvider, at)
    expect(taken.state).toEqual(guard.state)
    expect([1, 4, 5, 6].map((number) => taken.accept(number, undefined))).toEqual([
      'replayed',
      'accepted',
      'replayed',
      'accepted',
    ])
    const again = await takeReplayWindow(nodeProvider, at)
    expect(again.accept(7, undefined)).toBe('unconfirmed')
  })

  it('is lost where none was kept', async () => {
    const taken = await takeReplayWindow(nodeProvider, place())
    expect(taken.challenge).toHaveLength(8)
    expect(taken.state).toBeUndefined()
  })

  it('is lost for whoever is second', async () => {
    const store = memoryStore()
    await keepReplayWindow(place(store), ReplayGuard.ofFreshKeys())
    const both = [place(store), place(store)].map((at) => takeReplayWindow(nodeProvider, at))
    const verdicts = (await Promise.all(both)).map((guard) => guard.accept(0, undefined))
    expect(verdicts.toSorted()).toEqual(['accepted', 'unconfirmed'])
  })

  it('that is lost is not kept, and an old one is removed', async () => {
    const at = place()
    await keepReplayWindow(at, ReplayGuard.ofFreshKeys())
    await keepReplayWindow(at, ReplayGuard.lost(nodeProvider))
    expect((await takeReplayWindow(nodeProvider, at)).state).toBeUndefined()
  })

  it.each([[[]], [[0]], [[-2, 0]], [[0, -1]], [[0, 2 ** 32]], [[0, 0, 0]], [['0', 0]], [5]])(
    'is not believed as %j',
    async (value) => {
      const at = place()
      await put(at, value)
      await expect(takeReplayWindow(nodeProvider, at)).rejects.toThrow(corrupt)
    },
  )

  it('is not believed where no CBOR stands', async () => {
    const { store, table, key } = place()
    await store.write([{ table, key, value: Uint8Array.of(0xff) }])
    const at = { store, table, key }
    await expect(takeReplayWindow(nodeProvider, at)).rejects.toThrow(corrupt)
    await store.write([{ table, key, value: Uint8Array.of(0xff) }])
    await expect(SenderSequence.open(sequenceInStore(at))).rejects.toThrow(corrupt)
  })
})
