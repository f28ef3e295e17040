// SPDX-License-Identifier: Apache-2.0
import type { Store } from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import { faultyStore, memoryBroker, memoryStore } from '../../src/testing.js'
import { giveKeys, HOUR, makeStream, NOW, SessionSealer, STREAM } from '../support/stream.js'
import { prepare, setting, settle, texts, typesOf } from './setting.js'

describe('a message', () => {
  it('is handed over with the protection that was found', async () => {
    await using made = await setting()
    made.inject(
      made.sealer.seal(7, 'warm', { metadata: { offsetMs: 1500, contentType: 'text/plain' } }),
    )
    const [message] = await made.take()
    expect(message?.text()).toBe('warm')
    expect(message?.stream).toBe(STREAM)
    expect(message?.address).toBe(STREAM)
    expect(message?.contentType).toBe('text/plain')
    expect(message?.sealedAt).toEqual(new Date(NOW * 1000 + 1500))
    expect(message?.protection).toEqual({
      signedBy: { id: expect.any(String), name: 'thermometer' },
      signed: true,
      grantedBy: ['granter'],
      kem: 'x25519',
      replay: 'checked',
      addressMatches: true,
    })
    expect(message?.receipt).toEqual({
      generationId: Buffer.from(made.stream.manifest.generationId).toString('hex'),
      session: made.sealer.name,
      counter: 7,
    })
    expect(message).toMatchObject({ retained: false, redelivered: false, repeated: false })
    expect(made.events).toEqual([])
  })

  it('carries the clear part and the headers, and the properties as unverified', async () => {
    await using made = await setting()
    const headers = new Map([['traceparent', '00-1']])
    const clearPart = Uint8Array.of(1, 2, 3)
    const object = made.sealer.seal(0, 'x', { metadata: { headers }, clearPart })
    made.broker.inject(STREAM, object, { properties: { hop: '2' } })
    const [message] = await made.take()
    expect(message?.headers).toEqual(headers)
    expect(message?.clearPart).toEqual(clearPart)
    expect(message?.unverifiedProperties).toEqual({ hop: '2' })
  })

  it('is handed over in the turn in which it arrived, without waiting for anything', async () => {
    await using made = await setting()
    made.inject(made.sealer.seal(0))
    const [first] = await made.take()
    expect(first?.text()).toBe('message 0')
    let isResolved = false
    const waiting = made.reader[Symbol.asyncIterator]()
      .next()
      .then(() => (isResolved = true))
    made.inject(made.sealer.seal(1))
    made.inject(made.sealer.seal(2))
    await made.take()
    await waiting
    expect(isResolved).toBe(true)
  })

  it('is handed over without asking the store for anything, once its session is known', async () => {
    let calls = 0
    const count = (): void => void calls++
    const store = faultyStore(memoryStore(), { beforeRead: count, beforeWrite: count })
    await using made = await setting({ store })
    made.inject(made.sealer.seal(0))
    expect(await made.take()).toHaveLength(1)
    const before = calls
    for (const counter of [1, 2, 3]) made.inject(made.sealer.seal(counter))
    expect(await made.take()).toHaveLength(3)
    expect(calls).toBe(before)
  })

  it('may have a kid of four bytes', async () => {
    await using made = await setting({ filter: '#' })
    const other = makeStream(made.trust, { nonce: 2, fields: { kidBytes: 4 } })
    await giveKeys(made.book, other)
    made.inject(new SessionSealer(other).seal(0, 'short kid'))
    expect(texts(await made.take())).toEqual(['short kid'])
  })
})

describe('acknowledging', () => {
  it('is durable before the transport is told', async () => {
    const order: string[] = []
    const store = faultyStore(memoryStore(), {
      afterWrite: (_, changes) => {
        if (changes.some(({ table }) => table === 'seen')) order.push('recorded')
      },
    })
    await using made = await setting({ store })
    const object = made.sealer.seal(0)
    const iterator = made.reader[Symbol.asyncIterator]()
    made.inject(object)
    const { value: message } = await iterator.next()
    await message?.acknowledge().then(() => order.push('acknowledged'))
    expect(order).toEqual(['recorded', 'acknowledged'])
    made.transport.disconnect()
    made.transport.reconnect()
    expect(await made.take()).toEqual([])
    expect(made.events).toEqual([])
  })

  it('may be repeated and does nothing more', async () => {
    let writes = 0
    const store = faultyStore(memoryStore(), { beforeWrite: () => void writes++ })
    await using made = await setting({ store })
    made.inject(made.sealer.seal(0))
    made.inject(made.sealer.seal(1))
    const [message] = await made.take()
    await message?.acknowledge()
    const before = writes
    await Promise.all([message?.acknowledge(), message?.acknowledge()])
    expect(writes).toBe(before)
  })

  it('that the store refuses rejects, and may be tried again', async () => {
    let isFull = false
    const store = faultyStore(memoryStore(), {
      beforeWrite: () => {
        if (isFull) throw new Error('no room')
      },
    })
    await using made = await setting({ store })
    made.inject(made.sealer.seal(0))
    const [message] = await made.take()
    isFull = true
    await expect(message?.acknowledge()).rejects.toThrow('no room')
    isFull = false
    await message?.acknowledge()
    made.inject(made.sealer.seal(0))
    await settle()
    expect(typesOf(made.events)).toEqual(['duplicate'])
  })

  it('that the store refuses by throwing may be tried again as well', async () => {
    let isFull = false
    const inner = memoryStore()
    const store: Store = {
      ...faultyStore(inner, {}),
      write(changes) {
        if (isFull) throw new Error('no room')
        return inner.write(changes)
      },
    }
    await using made = await setting({ store })
    made.inject(made.sealer.seal(0))
    made.inject(made.sealer.seal(1))
    const [first, message] = await made.take()
    await first?.acknowledge() // with it is saved what else there is to save
    isFull = true
    await expect(message?.acknowledge()).rejects.toThrow('no room')
    isFull = false
    await message?.acknowledge()
    expect(await inner.scan('seen')).toHaveLength(2)
  })

  it('makes that a message never comes again, after a restart either', async () => {
    const store = memoryStore()
    const broker = memoryBroker()
    const first = await setting({ store, broker })
    const objects = [0, 1, 2].map((counter) => first.sealer.seal(counter))
    for (const object of objects) first.inject(object)
    const [a, , c] = await first.take()
    await a?.acknowledge()
    await c?.acknowledge()
    await first.reader.close({ keepSubscription: true })
    await first.transport.close()

    await using second = await setting({ store, broker })
    const again = await second.take()
    expect(texts(again)).toEqual(['message 1'])
    expect(again[0]?.redelivered).toBe(true)
    for (const object of objects) second.inject(object)
    expect(await second.take()).toEqual([])
    const counters = second.events.map((event) => 'counter' in event && event.counter)
    expect(typesOf(second.events)).toEqual(['duplicate', 'duplicate', 'duplicate'])
    expect(counters).toEqual([0, 1, 2])
  })

  it('settles every copy that came while the message was in flight', async () => {
    await using made = await setting({ receiveMaximum: 8 })
    const object = made.sealer.seal(0)
    made.inject(object)
    const [message] = await made.take()
    made.transport.disconnect()
    made.transport.reconnect()
    await settle()
    made.inject(object) // and the broker doubles it besides
    expect(await made.take()).toEqual([])
    expect(typesOf(made.events)).toEqual(['duplicate'])
    await message?.acknowledge()
    made.transport.disconnect()
    made.transport.reconnect()
    expect(await made.take()).toEqual([])
    expect(typesOf(made.events)).toEqual(['duplicate'])
  })

  it('of a message whose connection broke resolves, and its redelivery is settled', async () => {
    await using made = await setting()
    made.inject(made.sealer.seal(0))
    const [message] = await made.take()
    made.transport.disconnect()
    await message?.acknowledge()
    made.transport.reconnect()
    expect(await made.take()).toEqual([])
    expect(typesOf(made.events)).toEqual(['duplicate'])
    made.transport.disconnect()
    made.transport.reconnect()
    await settle()
    expect(made.events).toHaveLength(1)
  })

  it('happens of itself when the next message is asked for, if wanted', async () => {
    await using made = await setting({ autoAcknowledge: true })
    const iterator = made.reader[Symbol.asyncIterator]()
    made.inject(made.sealer.seal(0))
    made.inject(made.sealer.seal(1))
    await iterator.next()
    made.inject(made.sealer.seal(0))
    await settle()
    expect(typesOf(made.events)).toEqual(['duplicate']) // in flight: not yet acknowledged
    const seen = async (): Promise<number> => (await made.store.scan('seen')).length
    expect(await seen()).toBe(0)
    await iterator.next()
    expect(await seen()).toBe(1)
  })

  it('of itself fails the iteration with what the store refused', async () => {
    let isBroken = false
    const store = faultyStore(memoryStore(), {
      beforeWrite: () => {
        if (isBroken) throw new Error('disk gone')
      },
    })
    await using made = await setting({ store, autoAcknowledge: true })
    const iterator = made.reader[Symbol.asyncIterator]()
    made.inject(made.sealer.seal(0))
    await iterator.next()
    isBroken = true
    await expect(iterator.next()).rejects.toThrow('disk gone')
    isBroken = false
    made.inject(made.sealer.seal(1))
    const { value } = await iterator.next()
    expect(value?.text()).toBe('message 1')
  })
})

describe('back pressure', () => {
  it('lets no more messages be in flight than wanted', async () => {
    await using made = await setting({ maxInFlight: 3, receiveMaximum: 100 })
    for (let counter = 0; counter < 10; counter++) made.inject(made.sealer.seal(counter))
    const first = await made.take()
    expect(first).toHaveLength(3)
    expect(await made.take()).toHaveLength(0)
    await first[1]?.acknowledge()
    expect(texts(await made.take())).toEqual(['message 3'])
    await first[0]?.acknowledge()
    await first[2]?.acknowledge()
    expect(texts(await made.take())).toEqual(['message 4', 'message 5'])
  })

  it('is not used up by what is not handed over', async () => {
    await using made = await setting({ maxInFlight: 1, receiveMaximum: 100 })
    const object = made.sealer.seal(0)
    made.inject(object)
    const [message] = await made.take()
    await message?.acknowledge()
    for (let i = 0; i < 20; i++) made.inject(object)
    made.inject(Uint8Array.of(1, 2, 3))
    made.inject(made.sealer.seal(1))
    expect(texts(await made.take())).toEqual(['message 1'])
  })
})

describe('closing', () => {
  it('ends every iteration', async () => {
    const made = await setting()
    const loop = (async () => {
      const got: string[] = []
      for await (const message of made.reader) got.push(message.text())
      return got
    })()
    const idle = made.reader[Symbol.asyncIterator]().next()
    made.inject(made.sealer.seal(0))
    await settle()
    await made.reader.close()
    expect(await loop).toEqual(['message 0'])
    expect(await idle).toEqual({ done: true, value: undefined })
    await made.transport.close()
  })

  it('waits for acknowledgements that were begun', async () => {
    let letGo = (): void => undefined
    const gate = new Promise<void>((resolve) => (letGo = resolve))
    let isGated = false
    const inner = memoryStore()
    const store = faultyStore(inner, { beforeWrite: () => (isGated ? gate : undefined) })
    const made = await setting({ store })
    made.inject(made.sealer.seal(0))
    const [message] = await made.take()
    isGated = true
    const acknowledged = message?.acknowledge()
    let isClosed = false
    const closing = made.reader.close().then(() => (isClosed = true))
    await settle()
    expect(isClosed).toBe(false)
    letGo()
    await closing
    await acknowledged
    expect(await inner.scan('seen')).toHaveLength(1)
    await made.transport.close()
  })

  it('does not hang while messages wait for room, or while the transport is away', async () => {
    const made = await setting({ maxInFlight: 1, receiveMaximum: 10 })
    for (let counter = 0; counter < 5; counter++) made.inject(made.sealer.seal(counter))
    await made.take()
    made.transport.disconnect()
    await made.reader.close()
    await made.reader.close()
    await made.transport.close()
    await expect(made.reader.open(made.sealer.seal(9))).rejects.toMatchObject({
      code: 'ERR_CLOSED',
    })
  })

  it('does not wait for a subscription that cannot be made', async () => {
    const made = await prepare()
    made.transport.disconnect()
    const starting = made.reader.start()
    await settle()
    await made.reader.close()
    made.transport.reconnect()
    await starting
    made.inject(made.sealer.seal(0))
    expect(await made.take()).toEqual([])
    await made.transport.close()
  })
})

describe('a reader that cannot start', () => {
  it('fails its iteration with what the store said', async () => {
    let isBroken = false
    const store = faultyStore(memoryStore(), {
      beforeRead: () => {
        if (isBroken) throw new Error('unreadable')
      },
    })
    await using made = await prepare({ store })
    isBroken = true
    const next = made.reader[Symbol.asyncIterator]().next()
    await expect(made.reader.start()).rejects.toThrow('unreadable')
    await expect(next).rejects.toThrow('unreadable')
  })
})

describe('a store that fails for a while', () => {
  it('loses nothing: what could not be looked up is tried again', async () => {
    let isBroken = false
    const store = faultyStore(memoryStore(), {
      beforeRead: (table) => {
        if (isBroken && table === 'seen') throw new Error('busy')
      },
    })
    await using made = await setting({ store })
    isBroken = true
    made.inject(made.sealer.seal(0))
    expect(await made.take()).toEqual([])
    expect(made.runtime.errors).toHaveLength(1)
    isBroken = false
    made.runtime.clock.advance(HOUR * 1000)
    expect(texts(await made.take())).toEqual(['message 0'])
  })
})
