// SPDX-License-Identifier: Apache-2.0
/** Order, and nothing lost, while the store refuses what a reader wants of it. */
import { describe, expect, it } from 'vitest'
import { WaxwingError, type Store } from '@waxwing/core'
import { verifyOnThreads } from '@waxwing/core/threads'
import { sodiumProvider } from '@waxwing/core/sodium'
import { openEndpoint } from '../../src/endpoint.js'
import { faultyStore, memoryBroker, memoryStore, memoryTransport } from '../../src/testing.js'
import { EPOCH, giveKeys, makeStream, SessionSealer, STREAM } from '../support/stream.js'
import { setting, settle, texts, type Setting } from './setting.js'
import { ALL_WELL, troubledStore } from './troubled-store.js'

/** Longer than the longest pause. */
const PAUSE_MS = 60_000
const ORDERS = ['arrival', 'session'] as const

function named(...counters: readonly number[]): string[] {
  return counters.map((counter) => `message ${counter}`)
}

async function inject(made: Setting, ...counters: readonly number[]): Promise<void> {
  for (const counter of counters) made.inject(made.sealer.seal(counter))
  await settle()
}

/** Lets what waits for the store, or for a missing counter, try again. */
async function pass(made: Setting): Promise<void> {
  made.runtime.clock.advance(PAUSE_MS)
  await settle()
}

/** Takes and acknowledges until nothing comes. */
async function takeAll(made: Setting): Promise<string[]> {
  const got: string[] = []
  for (;;) {
    const messages = await made.take()
    if (messages.length === 0) return got
    for (const message of messages) await message.acknowledge()
    got.push(...texts(messages))
  }
}

/** A store that asks before each write that parks; no write waits for another. */
function parkingStore(beforeParking: (nth: number) => Promise<void> | undefined): Store {
  const inner = memoryStore()
  let count = 0
  return {
    get: (...query) => inner.get(...query),
    scan: (...query) => inner.scan(...query),
    close: () => inner.close(),
    write: async (changes) => {
      if (changes.some(({ table }) => table === 'parked-object')) await beforeParking(++count)
      return await inner.write(changes)
    },
  }
}

async function expectAllSettled(made: Setting): Promise<void> {
  expect(await made.store.scan('parked-object')).toEqual([])
  made.transport.disconnect()
  made.transport.reconnect()
  expect(await made.take()).toEqual([])
  expect(made.runtime.timers.pendingCount).toBe(0)
}

describe.each(ORDERS)('what the store refuses to park, in order of %s,', (order) => {
  it('is parked and handed over before what comes later', async () => {
    const { store, troubles } = troubledStore()
    await using made = await setting({ store, keys: false, order })
    troubles.parking = true
    await inject(made, 0)
    troubles.parking = false
    await inject(made, 1)
    expect(await made.reader.parked()).toEqual([])
    await pass(made)
    expect(await made.reader.parked()).toMatchObject([{ count: 2 }])
    await giveKeys(made.book, made.stream)
    expect(await takeAll(made)).toEqual(named(0, 1))
    await expectAllSettled(made)
  })

  it('has its place between what could be parked and what comes after the keys', async () => {
    const { store, troubles } = troubledStore()
    await using made = await setting({ store, keys: false, order })
    await inject(made, 0)
    troubles.firstParkings = 2
    await inject(made, 1, 2, 3, 4)
    expect(await made.reader.parked()).toMatchObject([{ count: 3 }])
    await giveKeys(made.book, made.stream)
    await inject(made, 5)
    expect(await made.take()).toEqual([])
    await pass(made)
    expect(await takeAll(made)).toEqual(named(0, 1, 2, 3, 4, 5))
    await expectAllSettled(made)
  })

  it('goes first where the keys come while it is being refused', async () => {
    const { store, troubles } = troubledStore()
    await using made = await setting({ store, keys: false, order })
    troubles.firstParkings = 1
    for (const counter of [0, 1]) made.inject(made.sealer.seal(counter))
    await Promise.resolve()
    await giveKeys(made.book, made.stream)
    await inject(made, 2)
    expect(await made.take()).toEqual([])
    await pass(made)
    expect(await takeAll(made)).toEqual(named(0, 1, 2))
    await expectAllSettled(made)
  })
})

describe('while the store fails', () => {
  it('keys are used for what is parked when it works again, without a further arrival', async () => {
    const { promise: gate, reject: refuse } = Promise.withResolvers<void>()
    const store = parkingStore((nth) => (nth === 1 ? gate : undefined))
    await using made = await setting({ store, keys: false })
    await inject(made, 0, 1)
    await giveKeys(made.book, made.stream)
    refuse(new WaxwingError('ERR_STORE_FULL', 'no room'))
    await settle()
    expect(await made.take()).toEqual([])
    await pass(made)
    expect(await takeAll(made)).toEqual(named(0, 1))
  })

  it('what waits for its turn does not overtake what is refused meanwhile', async () => {
    const { promise: gate, reject: refuse } = Promise.withResolvers<void>()
    let isGated = true
    const store = faultyStore(memoryStore(), {
      beforeWrite: (_, changes) => {
        const isParking = changes.some(({ table }) => table === 'parked-object')
        return isGated && isParking ? gate : undefined
      },
    })
    await using made = await setting({ store, keys: false, filter: 'plant/#', maxInFlight: 1 })
    const other = makeStream(made.trust, { nonce: 8, fields: { streamName: 'plant/2' } })
    await giveKeys(made.book, other)
    await inject(made, 0)
    made.inject(new SessionSealer(other).seal(0, 'other'), 'plant/2')
    const [first] = await made.take()
    await inject(made, 1)
    isGated = false
    refuse(new WaxwingError('ERR_STORE_FULL', 'no room'))
    await settle()
    await giveKeys(made.book, made.stream)
    await first?.acknowledge()
    expect(await made.take()).toEqual([])
    await pass(made)
    expect(await takeAll(made)).toEqual(named(0, 1))
  })

  it.each(['room in a pool', 'the store'])(
    'what waited for %s does not overtake, nor is overtaken, where keys come before its turn',
    async (what) => {
      const { store, troubles } = troubledStore()
      await using made = await setting({
        store,
        keys: false,
        filter: 'plant/#',
        maxInFlight: 1,
        holdWhenFull: true,
        maxParkedObjects: what === 'the store' ? 100 : 1,
      })
      const other = makeStream(made.trust, { nonce: 8, fields: { streamName: 'plant/2' } })
      await giveKeys(made.book, other)
      await giveKeys(made.book, made.stream, { span: { first: EPOCH + 1, last: EPOCH + 12 } })
      await inject(made, 0)
      if (what === 'the store') troubles.firstParkings = 1
      await inject(made, 1)
      made.inject(new SessionSealer(other).seal(0, 'other'), 'plant/2')
      const [first] = await made.take()
      await inject(made, 2)
      await pass(made)
      await giveKeys(made.book, made.stream, { id: 'all' })
      await first?.acknowledge()
      expect(await takeAll(made)).toEqual(named(0, 1, 2))
      await expectAllSettled(made)
    },
  )

  it('what is still on its way into the store is not overtaken by what was refused after it', async () => {
    const { promise: gate, resolve: letGo } = Promise.withResolvers<void>()
    const store = parkingStore((nth) => {
      if (nth === 1) return gate
      if (nth === 2) throw new WaxwingError('ERR_STORE_FULL', 'no room')
      return undefined
    })
    await using made = await setting({ store, keys: false })
    await inject(made, 0, 1)
    await giveKeys(made.book, made.stream)
    await pass(made)
    expect(await made.take()).toEqual([])
    letGo()
    await pass(made)
    expect(await takeAll(made)).toEqual(named(0, 1))
  })

  it('what could not be looked up is handed over before what comes later', async () => {
    const { store, troubles } = troubledStore()
    await using made = await setting({ store })
    troubles.lookups = true
    await inject(made, 0)
    troubles.lookups = false
    await inject(made, 1)
    expect(await made.take()).toEqual([])
    await pass(made)
    expect(await takeAll(made)).toEqual(named(0, 1))
    await expectAllSettled(made)
  })

  it('nothing overtakes parked objects that cannot be read', async () => {
    const { store, troubles } = troubledStore()
    await using made = await setting({ store, keys: false })
    await inject(made, 0, 1)
    troubles.parkedReads = true
    await giveKeys(made.book, made.stream)
    await inject(made, 2)
    expect(await made.take()).toEqual([])
    troubles.parkedReads = false
    await inject(made, 3)
    expect(await made.take()).toEqual([])
    await pass(made)
    expect(await takeAll(made)).toEqual(named(0, 1, 2, 3))
    await expectAllSettled(made)
  })

  it('no room for messages is used up by what cannot be read', async () => {
    const { store, troubles } = troubledStore()
    await using made = await setting({ store, keys: false, maxInFlight: 1 })
    await inject(made, 0)
    troubles.parkedReads = true
    await giveKeys(made.book, made.stream)
    await settle()
    await pass(made)
    troubles.parkedReads = false
    await pass(made)
    expect(await takeAll(made)).toEqual(named(0))
  })

  it('nothing is told to the transport, and closing drops it so that it comes again', async () => {
    const broker = memoryBroker()
    const { store, troubles } = troubledStore()
    const first = await setting({ store, broker, keys: false })
    troubles.parking = true
    await inject(first, 0, 1)
    await first.reader.close({ keepSubscription: true })
    expect(first.runtime.timers.pendingCount).toBe(0)
    await first.transport.close()
    Object.assign(troubles, ALL_WELL)
    await pass(first)
    expect(await store.scan('parked')).toEqual([])

    await using second = await setting({ store, broker })
    const messages = await second.take()
    expect(texts(messages)).toEqual(named(0, 1))
    expect(messages.every(({ redelivered }) => redelivered)).toBe(true)
  })

  it('other kids go on', async () => {
    const { store, troubles } = troubledStore()
    await using made = await setting({ store, keys: false, filter: 'plant/#' })
    const other = makeStream(made.trust, { nonce: 8, fields: { streamName: 'plant/2' } })
    await giveKeys(made.book, other)
    troubles.parking = true
    await inject(made, 0, 1, 2)
    made.inject(new SessionSealer(other).seal(0, 'other'), 'plant/2')
    expect(texts(await made.take())).toEqual(['other'])
  })

  it('other kids go on where signatures are verified on other threads', async () => {
    const threaded = verifyOnThreads(sodiumProvider, { threads: 1 })
    const { store, troubles } = troubledStore()
    const transport = memoryTransport(memoryBroker(), { clientId: 'one', receiveMaximum: 200 })
    const own = { store, transport, crypto: threaded.crypto, name: 'plant' }
    const endpoint = await openEndpoint(own)
    const producer = await endpoint.producer('plant/1')
    const reader = endpoint.reader('plant/#')
    await reader.start()
    troubles.parking = true
    const stranger = await openEndpoint({ store: memoryStore(), name: 'stranger' })
    const strange = await stranger.producer('plant/2')
    for (let i = 0; i < 96; i++) await transport.send('plant/2', strange.seal(`strange ${i}`))
    await transport.send('plant/1', producer.seal('own'))
    for await (const message of reader) {
      expect(message.text()).toBe('own')
      break
    }
    await stranger.close()
    await endpoint.close()
    await threaded.close()
  })

  it('copies that a new connection brings are settled with what waits', async () => {
    const { store, troubles } = troubledStore()
    await using made = await setting({ store, keys: false })
    troubles.parking = true
    await inject(made, 0, 1)
    for (let i = 0; i < 3; i++) {
      made.transport.disconnect()
      made.transport.reconnect()
      await settle()
    }
    troubles.parking = false
    await giveKeys(made.book, made.stream)
    await inject(made, 2)
    await pass(made)
    expect(await takeAll(made)).toEqual(named(0, 1, 2))
    await expectAllSettled(made)
  })

  it('a caller may open what waits, and it does not come again', async () => {
    const { store, troubles } = troubledStore()
    await using made = await setting({ store, keys: false })
    troubles.parking = true
    await inject(made, 0, 1)
    await expect(made.reader.open(made.sealer.seal(0))).rejects.toMatchObject({
      code: 'ERR_STORE_FULL',
    })
    await giveKeys(made.book, made.stream)
    const opened = await made.reader.open(made.sealer.seal(0))
    if (opened.kind !== 'message') expect.unreachable('there are keys')
    await opened.acknowledge()
    await pass(made)
    expect(await takeAll(made)).toEqual(named(1))
    await expectAllSettled(made)
  })

  it('what was retained waits like any other, and is handed over once', async () => {
    const { store, troubles } = troubledStore()
    await using made = await setting({ store, keys: false })
    troubles.parking = true
    made.broker.inject(STREAM, made.sealer.seal(0), { retained: true })
    await settle()
    made.transport.disconnect()
    made.transport.reconnect()
    await inject(made, 1)
    troubles.parking = false
    await pass(made)
    await giveKeys(made.book, made.stream)
    expect(await takeAll(made)).toEqual(named(0, 1))
  })

  it('what is parked may be given up for a quota or a denial, and the rest goes on in order', async () => {
    const { store, troubles } = troubledStore()
    await using made = await setting({ store, keys: false, maxParkedObjects: 2 })
    await giveKeys(made.book, made.stream, { span: { first: EPOCH + 1, last: EPOCH + 12 } })
    await inject(made, 0, 1)
    troubles.parking = true
    await inject(made, 2)
    made.requests.deny(made.stream.kid, 'not-authorized')
    await inject(made, 3)
    troubles.parking = false
    await pass(made)
    const gone = made.events.filter(({ type }) => type === 'evicted')
    expect(gone).toMatchObject([{ counter: 0 }, { counter: 1 }])
    await giveKeys(made.book, made.stream, { id: 'all' })
    expect(await takeAll(made)).toEqual(named(2, 3))
    expect(await made.store.scan('parked-object')).toEqual([])
  })

  it('two readers of one name go on by themselves', async () => {
    const { store, troubles } = troubledStore()
    await using one = await setting({ store, keys: false })
    await using two = await setting({ store, keys: false, broker: memoryBroker() })
    troubles.firstParkings = 1
    await inject(one, 0)
    await inject(two, 1)
    await inject(one, 2)
    expect(await one.store.scan('parked')).toHaveLength(1)
    await pass(one)
    await giveKeys(one.book, one.stream)
    expect(await takeAll(one)).toEqual(expect.arrayContaining(named(0, 2)))
    expect(one.runtime.errors).toHaveLength(1)
  })

  it('what waits for room in a pool goes before what waits behind it', async () => {
    const { store, troubles } = troubledStore()
    await using made = await setting({
      store,
      keys: false,
      maxParkedObjects: 1,
      holdWhenFull: true,
    })
    await giveKeys(made.book, made.stream, { span: { first: EPOCH + 1, last: EPOCH + 12 } })
    await inject(made, 0, 1, 2)
    troubles.parkedReads = true
    await giveKeys(made.book, made.stream, { id: 'all' })
    await inject(made, 3)
    troubles.parkedReads = false
    await pass(made)
    expect(await takeAll(made)).toEqual(named(0, 1, 2, 3))
    await expectAllSettled(made)
  })
})

describe('a damaged record', () => {
  /** A store where what was seen of the first session cannot be read. */
  async function damagedStore(): Promise<Store> {
    await using made = await setting()
    await inject(made, 0)
    await takeAll(made)
    const [seen] = await made.store.scan('seen')
    const store = memoryStore()
    const value = new Uint8Array(3)
    await store.write([{ table: 'seen', key: seen?.key ?? '', value }])
    return store
  }

  it('of what was seen keeps only its own session from being handed over', async () => {
    await using made = await setting({ store: await damagedStore() })
    await inject(made, 1)
    made.inject(new SessionSealer(made.stream, { session: 2 }).seal(0, 'another session'))
    expect(await takeAll(made)).toEqual(['another session'])
    expect(made.runtime.errors).toMatchObject([{ code: 'ERR_STORE_CORRUPT' }])
  })

  it('of what was seen keeps nothing else that is parked from being handed over', async () => {
    await using made = await setting({ store: await damagedStore(), keys: false })
    const other = new SessionSealer(made.stream, { session: 2 })
    await inject(made, 1)
    made.inject(other.seal(0, 'another session'))
    await settle()
    await giveKeys(made.book, made.stream)
    made.inject(other.seal(1, 'its next'))
    expect(await takeAll(made)).toEqual(['another session', 'its next'])
    expect(made.runtime.errors).toMatchObject([{ code: 'ERR_STORE_CORRUPT' }])
    expect(await made.reader.parked()).toMatchObject([{ count: 1 }])
  })
})
