// SPDX-License-Identifier: Apache-2.0
/** Readers of one principal that share a subscription and a store. */
import { describe, expect, it } from 'vitest'
import { decodeCbor, encodeCbor, type Store, type StoreEntry } from '@waxwing/core'
import type { Message } from '../../src/message.js'
import { parkedCodec } from '../../src/reading/parked-record.js'
import { COMPACT_AFTER } from '../../src/reading/seen-record.js'
import { memoryBroker, memoryStore, type MemoryBroker } from '../../src/testing.js'
import { giveKeys, STREAM } from '../support/stream.js'
import { setting, settle, texts, type Setting } from './setting.js'

const FILTER = `$share/desks/${STREAM}`

/** One of them, as in a process of its own: it hears of nothing that the others write. */
function desk(
  clientId: string,
  common: { store: Store; broker: MemoryBroker },
  keys = true,
): Promise<Setting> {
  return setting({
    ...common,
    clientId,
    filter: FILTER,
    keys,
    maxInFlight: 1024,
    receiveMaximum: 1024,
  })
}

/** What a store does, for one that does something else as well. */
function bound(store: Store): Store {
  return {
    get: (...args) => store.get(...args),
    scan: (...args) => store.scan(...args),
    write: (...args) => store.write(...args),
    close: () => store.close(),
  }
}

const acknowledge = async (messages: readonly Message[]): Promise<readonly string[]> => {
  for (const message of messages) await message.acknowledge()
  return texts(messages)
}

describe('readers that share a subscription and a store', () => {
  it('hand over each message once, whoever gets it', async () => {
    const common = { store: memoryStore(), broker: memoryBroker() }
    await using one = await desk('one', common)
    await using two = await desk('two', common)
    for (let counter = 0; counter < 50; counter++) one.inject(one.sealer.seal(counter))
    for (let counter = 0; counter < 50; counter++) one.inject(one.sealer.seal(counter)) // replayed
    const got: string[] = []
    for (let i = 0; i < 10; i++) {
      for (const each of [one, two]) got.push(...(await acknowledge(await each.take())))
    }
    expect(new Set(got).size).toBe(50)
    expect(got.filter((text, i) => got.indexOf(text) !== i)).toEqual([])
    expect([...one.events, ...two.events].map(({ type }) => type)).not.toContain('gap')
  })

  it('know at once what another one acknowledged and did not live to tell the broker', async () => {
    const common = { store: memoryStore(), broker: memoryBroker() }
    await using two = await desk('two', common)
    two.inject(two.sealer.seal(0))
    await acknowledge(await two.take()) // its session is in memory
    const one = await desk('one', common)
    for (const counter of [1, 2, 3, 4]) one.inject(one.sealer.seal(counter))
    const mine = await one.take()
    const others = await two.take()
    expect([...texts(mine), ...texts(others)].toSorted((a, b) => a.localeCompare(b))).toEqual(
      [1, 2, 3, 4].map((counter) => `message ${counter}`),
    )
    one.transport.disconnect() // from here on the broker hears nothing of it
    const settled = mine.slice(0, 1)
    await acknowledge(settled)
    await one.reader.close()
    // Its session is ended: the broker gives what is left to the other one.
    await one.transport.close()
    for (const { payload } of common.broker.carried.slice(1)) two.inject(payload)
    const again = texts(await two.take())
    expect(again).not.toContain(settled[0]?.text())
    expect(again).toEqual(texts(mine.slice(1)))
  })

  it('know it too where the other one has tidied its record up', async () => {
    const common = { store: memoryStore(), broker: memoryBroker() }
    await using two = await desk('two', common)
    two.inject(two.sealer.seal(0))
    await acknowledge(await two.take())
    two.transport.disconnect()
    {
      await using one = await desk('one', common)
      for (let counter = 1; counter <= COMPACT_AFTER + 10; counter++) {
        one.inject(one.sealer.seal(counter))
      }
      const got = await one.take()
      expect(await acknowledge(got)).toHaveLength(COMPACT_AFTER + 10)
    }
    const entries = await common.store.scan('seen')
    expect(entries.length).toBeLessThan(COMPACT_AFTER)
    two.transport.reconnect()
    for (const counter of [1, 2, COMPACT_AFTER]) two.inject(two.sealer.seal(counter))
    two.inject(two.sealer.seal(COMPACT_AFTER + 11))
    expect(texts(await two.take())).toEqual([`message ${COMPACT_AFTER + 11}`])
  })

  it('hand over once what both found parked when a grant came to both, and after a death again', async () => {
    const common = { store: memoryStore(), broker: memoryBroker() }
    {
      await using before = await desk('before', common, false)
      for (let counter = 0; counter < 40; counter++) before.inject(before.sealer.seal(counter))
      await settle()
    }
    const [one, two] = [await desk('one', common, false), await desk('two', common, false)]
    await Promise.all([one, two].map(({ book, stream }) => giveKeys(book, stream)))
    const got = [await one.take(), await two.take()]
    expect(new Set(got.flatMap(texts)).size).toBe(40)
    expect(got.flat()).toHaveLength(40)
    for (const message of got.flat().slice(0, 10)) await message.acknowledge()
    for (const { reader, transport } of [one, two]) {
      await reader.close()
      await transport.close()
    }
    await using after = await desk('after', common)
    const rest = await after.take()
    expect(rest).toHaveLength(30)
    expect(rest.every(({ redelivered }) => redelivered)).toBe(true)
    await acknowledge(rest)
    expect(await common.store.scan('parked')).toEqual([])
  })

  it('hand over what another one without keys moves to another pool meanwhile', async () => {
    const store = memoryStore()
    const common = { store, broker: memoryBroker() }
    {
      await using before = await desk('before', common, false)
      before.inject(before.sealer.seal(0))
      await settle()
    }
    let isMoved = false
    const moving: Store = {
      ...bound(store),
      async write(changes) {
        const [first] = changes
        if (!isMoved && first?.table === 'parked' && first.value !== null) {
          isMoved = true
          const [{ value }] = (await store.scan('parked')) as [StoreEntry]
          const other = parkedCodec.toCbor({
            ...parkedCodec.fromCbor(decodeCbor(value, 'parked')),
            pool: 'failed',
          })
          await store.write([{ ...first, expect: value, value: encodeCbor(other) }])
        }
        return store.write(changes)
      },
    }
    await using one = await desk('one', { ...common, store: moving }, false)
    await giveKeys(one.book, one.stream)
    expect(await acknowledge(await one.take())).toEqual(['message 0'])
    expect(isMoved).toBe(true)
    expect(await store.scan('parked')).toEqual([])
  })

  it('take over what another one was about to hand over when it died', async () => {
    const common = { store: memoryStore(), broker: memoryBroker() }
    {
      await using before = await desk('before', common, false)
      for (const counter of [0, 1]) before.inject(before.sealer.seal(counter))
      await settle()
    }
    await using two = await desk('two', common, false)
    const one = await desk('one', common, false)
    await giveKeys(one.book, one.stream)
    expect(await one.take()).toHaveLength(2)
    await one.reader.close()
    await one.transport.close()
    await giveKeys(two.book, two.stream)
    const taken = await two.take()
    expect(texts(taken)).toEqual(['message 0', 'message 1'])
    expect(taken.every(({ redelivered }) => redelivered)).toBe(true)
    await acknowledge(taken)
    expect(await common.store.scan('parked')).toEqual([])
  })

  it('lose nothing that was parked by one that died', async () => {
    const common = { store: memoryStore(), broker: memoryBroker() }
    const one = await desk('one', common, false)
    for (const counter of [0, 1]) one.inject(one.sealer.seal(counter))
    await settle()
    await one.reader.close()
    await one.transport.close()
    await using again = await desk('one', common, false)
    await giveKeys(again.book, again.stream)
    expect(await acknowledge(await again.take())).toEqual(['message 0', 'message 1'])
    expect(await common.store.scan('parked')).toEqual([])
  })
})
