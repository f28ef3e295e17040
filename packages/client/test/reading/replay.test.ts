// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { COMPACT_AFTER } from '../../src/reading/seen-record.js'
import { faultyStore, memoryBroker, memoryStore } from '../../src/testing.js'
import { giveKeys, makeStream, SessionSealer, STREAM } from '../support/stream.js'
import { setting, settle, texts, typesOf, type Setting } from './setting.js'

async function acknowledgeAll(made: Setting): Promise<string[]> {
  const messages = await made.take()
  for (const message of messages) await message.acknowledge()
  return texts(messages)
}

describe('replay and loss', () => {
  it('reports holes as they open, and each counter that fills one', async () => {
    await using made = await setting()
    for (const counter of [0, 1, 5, 3, 2, 4, 7]) made.inject(made.sealer.seal(counter))
    expect(await made.take()).toHaveLength(7)
    expect(made.events).toMatchObject([
      { type: 'gap', missing: { first: 2, last: 4 }, counter: 5, session: made.sealer.name },
      { type: 'gap-filled', counter: 3 },
      { type: 'gap-filled', counter: 2 },
      { type: 'gap-filled', counter: 4 },
      { type: 'gap', missing: { first: 6, last: 6 }, stream: STREAM, address: STREAM },
    ])
  })

  it('says nothing of what lies before the first object that it sees', async () => {
    await using made = await setting()
    made.inject(made.sealer.seal(100))
    expect(await made.take()).toHaveLength(1)
    expect(made.events).toEqual([])
  })

  it('reports a duplicate and acknowledges it', async () => {
    await using made = await setting({ receiveMaximum: 1 })
    made.inject(made.sealer.seal(0))
    await acknowledgeAll(made)
    for (let i = 0; i < 3; i++) made.inject(made.sealer.seal(0))
    made.inject(made.sealer.seal(1))
    expect(await acknowledgeAll(made)).toEqual(['message 1'])
    expect(typesOf(made.events)).toEqual(['duplicate', 'duplicate', 'duplicate'])
  })

  it('tells a conflict, with the evidence, from a duplicate', async () => {
    await using made = await setting()
    made.inject(made.sealer.seal(0, 'one story'))
    await acknowledgeAll(made)
    const other = made.sealer.seal(0, 'another')
    made.inject(other)
    expect(await made.take()).toEqual([])
    expect(made.events).toMatchObject([{ type: 'conflict', counter: 0, object: other }])
  })

  it('tells a conflict with what is in flight as well', async () => {
    await using made = await setting()
    made.inject(made.sealer.seal(0, 'one story'))
    made.inject(made.sealer.seal(0, 'another'))
    expect(texts(await made.take())).toEqual(['one story'])
    expect(typesOf(made.events)).toEqual(['conflict'])
  })

  it('counts each session and epoch by itself, counters going on over epochs', async () => {
    await using made = await setting()
    const later = new SessionSealer(made.stream, { epoch: made.sealer.epoch + 1 })
    const other = new SessionSealer(made.stream, { session: 2 })
    made.inject(made.sealer.seal(0))
    made.inject(later.seal(1))
    made.inject(other.seal(0))
    expect(await made.take()).toHaveLength(3)
    expect(made.events).toEqual([])
  })

  it('counts where counters are durable and there are no sessions', async () => {
    const store = memoryStore()
    const fields = { counterMode: 'durable' as const }
    for (const expected of [['message 300', 'message 301'], []]) {
      await using made = await setting({ store, keys: false, broker: memoryBroker() })
      const stream = makeStream(made.trust, { nonce: 6, fields })
      if (expected.length > 0) await giveKeys(made.book, stream)
      const sealer = new SessionSealer(stream)
      for (const counter of [300, 301]) made.inject(sealer.seal(counter))
      const messages = await made.take()
      expect(texts(messages)).toEqual(expected)
      for (const message of messages) {
        expect(message.receipt.session).toBe('')
        await message.acknowledge()
      }
      if (expected.length === 0) expect(typesOf(made.events)).toEqual(['duplicate', 'duplicate'])
    }
  })

  it('keeps a retained message silent that was read before', async () => {
    const store = memoryStore()
    const broker = memoryBroker()
    {
      await using made = await setting({ store, broker })
      made.broker.inject(STREAM, made.sealer.seal(0), { retained: true })
      const [message] = await made.take()
      await message?.acknowledge()
    }
    await using made = await setting({ store, broker })
    expect(await made.take()).toEqual([])
    expect(made.events).toEqual([])
    made.inject(made.sealer.seal(0))
    await settle()
    expect(typesOf(made.events)).toEqual(['duplicate'])
  })

  it('survives restarts, without calling what was in flight then a filled gap', async () => {
    const store = memoryStore()
    const broker = memoryBroker()
    const first = await setting({ store, broker })
    for (const counter of [0, 1, 2, 3]) first.inject(first.sealer.seal(counter))
    const [a, , c] = await first.take()
    await a?.acknowledge()
    await c?.acknowledge()
    await first.reader.close({ keepSubscription: true })
    await first.transport.close()

    await using second = await setting({ store, broker })
    second.inject(second.sealer.seal(6))
    expect(texts(await acknowledgeAllOf(second))).toEqual(['message 1', 'message 3', 'message 6'])
    expect(second.events).toMatchObject([{ type: 'gap', missing: { first: 4, last: 5 } }])
  })
})

async function acknowledgeAllOf(made: Setting): Promise<Awaited<ReturnType<Setting['take']>>> {
  const messages = await made.take()
  for (const message of messages) await message.acknowledge()
  return messages
}

describe('counters that nobody can tell any more', () => {
  const ranges = 1024

  async function filled(unverifiable: 'deliver' | 'refuse'): Promise<Setting> {
    const made = await setting({ unverifiable, maxInFlight: 2000, receiveMaximum: 5000 })
    for (let i = 0; i < ranges; i++) made.inject(made.sealer.seal(2 * i))
    expect(await acknowledgeAll(made)).toHaveLength(ranges)
    made.events.length = 0
    return made
  }

  it('are handed over as such, each copy once while it is in flight', async () => {
    await using made = await filled('deliver')
    const object = made.sealer.seal(10_000)
    made.inject(object)
    made.inject(object)
    made.inject(made.sealer.seal(1)) // joins two ranges: that can be told
    const messages = await made.take()
    expect(messages.map(({ protection }) => protection.replay)).toEqual(['unverifiable', 'checked'])
    await messages[0]?.acknowledge()
    expect(made.runtime.errors).toEqual([])
    made.inject(object)
    expect(texts(await made.take())).toEqual(['message 10000'])
  })

  it('are refused if the application chose that', async () => {
    await using made = await filled('refuse')
    made.inject(made.sealer.seal(10_000))
    expect(await made.take()).toEqual([])
    expect(made.events).toMatchObject([{ type: 'refused', code: 'ERR_REPLAYED', counter: 10_000 }])
  })
})

describe('a heartbeat', () => {
  it('is not handed over, and counts', async () => {
    await using made = await setting({ receiveMaximum: 1, maxInFlight: 1 })
    const beat = { metadata: { heartbeat: true as const } }
    made.inject(made.sealer.seal(0))
    expect(await acknowledgeAll(made)).toEqual(['message 0'])
    made.inject(made.sealer.seal(1, '', beat))
    made.inject(made.sealer.seal(4, '', beat))
    made.inject(made.sealer.seal(5))
    expect(await acknowledgeAll(made)).toEqual(['message 5'])
    expect(made.events).toMatchObject([{ type: 'gap', missing: { first: 2, last: 3 } }])
    made.inject(made.sealer.seal(4, '', beat))
    await settle()
    expect(typesOf(made.events)).toEqual(['gap', 'duplicate'])
  })

  it('is recorded durably before it is acknowledged, and tried again if that fails', async () => {
    let isFull = false
    const inner = memoryStore()
    const store = faultyStore(inner, {
      beforeWrite: () => {
        if (isFull) throw new Error('full')
      },
    })
    await using made = await setting({ store, receiveMaximum: 1 })
    isFull = true
    made.inject(made.sealer.seal(0, '', { metadata: { heartbeat: true } }))
    made.inject(made.sealer.seal(1))
    expect(await made.take()).toEqual([])
    expect(made.runtime.errors).toMatchObject([{ message: 'full' }])
    isFull = false
    made.runtime.clock.advance(60_000)
    expect(texts(await made.take())).toEqual(['message 1'])
    expect(await inner.scan('seen')).toHaveLength(1)
    expect(made.events).toEqual([])
  })
})

describe('the record of what was seen', () => {
  it('becomes a snapshot after so many entries, in one write, and is still whole', async () => {
    const inner = memoryStore()
    const sizes: number[] = []
    const store = faultyStore(inner, {
      beforeWrite: (_, changes) => void sizes.push(changes.length),
    })
    {
      await using made = await setting({ store, receiveMaximum: 1000, maxInFlight: 1000 })
      for (let i = 0; i < COMPACT_AFTER + 10; i++) made.inject(made.sealer.seal(3 * i))
      await acknowledgeAll(made)
      await settle()
      expect(Math.max(...sizes)).toBeGreaterThan(COMPACT_AFTER)
      expect((await inner.scan('seen')).length).toBeLessThanOrEqual(11)
    }
    await using made = await setting({ store, broker: memoryBroker(), receiveMaximum: 1000 })
    for (let i = 0; i < COMPACT_AFTER + 10; i++) made.inject(made.sealer.seal(3 * i))
    expect(await made.take()).toEqual([])
    expect(made.events).toHaveLength(COMPACT_AFTER + 10)
    expect(new Set(typesOf(made.events))).toEqual(new Set(['duplicate']))
  })

  it('is read again when another process changed it', async () => {
    const inner = memoryStore()
    const listeners = new Set<() => void>()
    const store = {
      ...bind(inner),
      onForeignChange: (listener: () => void) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    }
    await using made = await setting({ store })
    made.inject(made.sealer.seal(0))
    made.inject(made.sealer.seal(9))
    const [mine, inFlight] = await made.take()
    await mine?.acknowledge()
    {
      await using other = await setting({ store: inner, broker: memoryBroker() })
      other.inject(other.sealer.seal(1))
      await acknowledgeAll(other)
    }
    for (const listener of listeners) listener()
    made.inject(made.sealer.seal(1))
    made.inject(made.sealer.seal(9))
    made.inject(made.sealer.seal(10))
    expect(texts(await made.take())).toEqual(['message 10'])
    expect(typesOf(made.events)).toEqual(['gap', 'duplicate', 'duplicate'])
    await inFlight?.acknowledge()
    expect(listeners.size).toBe(1)
    await made.reader.close()
    expect(listeners.size).toBe(0)
  })

  it('refuses to go on with a damaged record', async () => {
    const store = memoryStore()
    {
      await using made = await setting({ store })
      made.inject(made.sealer.seal(0))
      await acknowledgeAll(made)
    }
    const [entry] = await store.scan('seen')
    await store.write([{ table: 'seen', key: entry?.key ?? '', value: Uint8Array.of(1) }])
    await using made = await setting({ store, broker: memoryBroker() })
    made.inject(made.sealer.seal(1))
    expect(await made.take()).toEqual([])
    expect(made.runtime.errors).toMatchObject([{ code: 'ERR_STORE_CORRUPT' }])
  })

  it('keeps apart many more sessions than fit into memory', async () => {
    const broker = memoryBroker()
    await using made = await setting({ broker })
    const objects: Uint8Array[] = []
    for (let session = 0; session < 256; session++) {
      objects.push(new SessionSealer(made.stream, { session }).seal(0))
    }
    const second = new SessionSealer(made.stream, { session: 1, epoch: made.sealer.epoch + 1 })
    for (const object of objects) {
      made.inject(object)
      await acknowledgeAll(made)
    }
    for (const object of [...objects, second.seal(0)]) made.inject(object)
    expect(await made.take()).toHaveLength(0)
    expect(made.events.filter(({ type }) => type === 'duplicate')).toHaveLength(256)
    expect(made.events.filter(({ type }) => type === 'conflict')).toHaveLength(1)
  })
})

function bind(store: ReturnType<typeof memoryStore>): ReturnType<typeof memoryStore> {
  return {
    get: (...args) => store.get(...args),
    scan: (...args) => store.scan(...args),
    write: (...args) => store.write(...args),
    close: () => store.close(),
    snapshot: () => store.snapshot(),
    continuity: store.continuity,
  }
}
