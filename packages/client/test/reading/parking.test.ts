// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { toHex, utf8 } from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import type { ReaderEvent } from '../../src/events.js'
import { faultyStore, memoryBroker, memoryStore } from '../../src/testing.js'
import {
  EPOCH,
  giveKeys,
  HOUR,
  makeStream,
  seedOf,
  SessionSealer,
  STREAM,
  type TestStream,
} from '../support/stream.js'
import { setting, settle, texts, typesOf, type Setting } from './setting.js'

const DAY_MS = 86_400_000
const LATER = { first: EPOCH + 1, last: EPOCH + 12 }

function ofType<T extends ReaderEvent['type']>(
  made: Setting,
  type: T,
): Extract<ReaderEvent, { type: T }>[] {
  return made.events.filter((event) => event.type === type) as Extract<ReaderEvent, { type: T }>[]
}

/** An object under a kid that nobody knows. */
function junk(stream: TestStream, seed: string, counter = 0): Uint8Array {
  const object = new SessionSealer(stream).seal(counter, `junk ${seed}`)
  const kid = Buffer.from(stream.kid, 'hex')
  const at = Buffer.from(object).indexOf(kid)
  object.set(seedOf(seed).subarray(0, 8), at)
  return object
}

async function acknowledgeAll(made: Setting): Promise<string[]> {
  const messages = await made.take()
  for (const message of messages) await message.acknowledge()
  return texts(messages)
}

describe('an object without a key', () => {
  it('is parked durably before the transport is told, and keys are asked for', async () => {
    const inner = memoryStore()
    let letGo = (): void => undefined
    const gate = new Promise<void>((resolve) => (letGo = resolve))
    const store = faultyStore(inner, { beforeWrite: () => gate })
    await using made = await setting({ store, keys: false, reason: 'dashboard' })
    made.inject(made.sealer.seal(0))
    await settle()
    expect(made.requests.wanted).toEqual([])
    made.transport.disconnect()
    made.transport.reconnect() // not acknowledged: it comes again
    letGo()
    await settle()
    expect(await inner.scan('parked')).toHaveLength(1)
    expect(await inner.scan('parked-object')).toHaveLength(1)
    expect(typesOf(made.events)).toEqual(['parked'])
    expect(made.requests.wanted[0]).toEqual({
      kid: made.stream.kid,
      epoch: EPOCH,
      address: STREAM,
      generation: undefined,
      reason: 'dashboard',
      andLater: true,
    })
    made.transport.disconnect()
    made.transport.reconnect()
    await settle()
    expect(typesOf(made.events)).toEqual(['parked'])
  })

  it('waits as unvouched, awaiting or failed, after what is known of its generation', async () => {
    await using made = await setting({ keys: false })
    made.inject(made.sealer.seal(0))
    await settle()
    expect(await made.reader.parked()).toMatchObject([{ pool: 'unvouched', count: 1 }])
    await giveKeys(made.book, made.stream, { span: LATER })
    await settle()
    expect(await made.reader.parked()).toMatchObject([{ pool: 'awaiting', count: 1 }])
    expect(made.requests.wanted.at(-1)).toMatchObject({
      generation: made.book.byKid(made.stream.kid)[0],
    })
    await giveKeys(made.book, made.stream, { id: 'wrong', root: seedOf('wrong') })
    await settle()
    expect(await made.reader.parked()).toEqual([
      { kid: made.stream.kid, pool: 'failed', count: 1, bytes: expect.any(Number) },
    ])
    await giveKeys(made.book, made.stream, { id: 'right' })
    expect(texts(await made.take())).toEqual(['message 0'])
    expect(made.runtime.events.filter(({ type }) => type === 'wrong-nodes')).toMatchObject([
      { stream: STREAM, grantIds: ['wrong'] },
    ])
  })

  it('asks for nothing if the application does that itself', async () => {
    await using made = await setting({ keys: false, request: false })
    made.inject(made.sealer.seal(0))
    await settle()
    expect(made.requests.wanted).toEqual([])
    expect(await made.reader.parked()).toHaveLength(1)
  })

  it('under a key that may be wrong is parked, and refused once the right key is proven', async () => {
    await using made = await setting()
    const forged = made.sealer.seal(0)
    forged[forged.length - 1]! ^= 1
    made.inject(forged)
    await settle()
    expect(made.events).toMatchObject([{ type: 'parked', pool: 'failed' }])
    made.inject(made.sealer.seal(1))
    expect(texts(await made.take())).toEqual(['message 1'])
    expect(typesOf(made.events)).toEqual(['parked', 'not-authentic'])
    expect(await made.reader.parked()).toEqual([])
    expect(await made.store.scan('parked-object')).toEqual([])
  })

  it('that is proven wrong leaves the proof in the store before anything is acknowledged', async () => {
    const store = memoryStore()
    await using made = await setting({ store })
    const proven = async (): Promise<boolean> => {
      const { GenerationBook } = await import('../../src/generation-book.js')
      const book = new GenerationBook(made.runtime, made.trust)
      await book.load()
      return book.byKid(made.stream.kid)[0]?.ring.hasProven(EPOCH) ?? false
    }
    made.inject(made.sealer.seal(0))
    const [message] = await made.take()
    expect(await proven()).toBe(false)
    await message?.acknowledge()
    expect(await proven()).toBe(true)
  })

  it('is parked once, however often it comes, but again where another was put in its place', async () => {
    await using made = await setting({ keys: false, filter: 'plant/#' })
    const object = made.sealer.seal(0)
    const spoilt = object.slice()
    spoilt[Buffer.from(object).indexOf(Buffer.from('a10c5840', 'hex')) + 4]! ^= 1 // signature
    made.inject(spoilt)
    made.inject(object, 'plant/elsewhere')
    for (let i = 0; i < 3; i++) made.inject(object)
    await settle()
    for (let i = 0; i < 3; i++) made.inject(object)
    await settle()
    expect(await made.reader.parked()).toMatchObject([{ count: 3 }])
    await giveKeys(made.book, made.stream)
    expect(texts(await made.take())).toEqual(['message 0'])
    await settle()
    expect(typesOf(made.events)).toContain('not-authentic')
    expect(typesOf(made.events)).toContain('moved')
  })
})

describe('when keys come', () => {
  it('everything parked is handed over in order, before what arrives meanwhile', async () => {
    await using made = await setting({ keys: false, maxInFlight: 4, receiveMaximum: 100 })
    for (let counter = 0; counter < 50; counter++) made.inject(made.sealer.seal(counter))
    await settle()
    const given = giveKeys(made.book, made.stream)
    for (let counter = 50; counter < 60; counter++) made.inject(made.sealer.seal(counter))
    await given
    const got: string[] = []
    for (let i = 0; i < 30; i++) got.push(...(await acknowledgeAll(made)))
    expect(got).toEqual(Array.from({ length: 60 }, (_, i) => `message ${i}`))
    expect(made.events.slice(50)).toEqual([
      { type: 'drained', kid: made.stream.kid, count: expect.any(Number) },
    ])
    expect(await made.store.scan('parked')).toEqual([])
    expect(await made.store.scan('parked-object')).toEqual([])
  })

  it('what is only being parked goes first as well', async () => {
    let letGo = (): void => undefined
    const gate = new Promise<void>((resolve) => (letGo = resolve))
    let isGated = false
    const store = faultyStore(memoryStore(), { beforeWrite: () => (isGated ? gate : undefined) })
    await using made = await setting({ store, keys: false })
    isGated = true
    made.inject(made.sealer.seal(0))
    await settle()
    const given = giveKeys(made.book, made.stream) // in memory at once, in the store later
    made.inject(made.sealer.seal(1))
    await settle()
    letGo()
    await given
    expect(texts(await made.take())).toEqual(['message 0', 'message 1'])
  })

  it('what is parked goes before what waits for its turn', async () => {
    await using made = await setting({ keys: false, maxInFlight: 1, receiveMaximum: 10 })
    await giveKeys(made.book, made.stream, { span: LATER })
    const later = new SessionSealer(made.stream, { session: 2, epoch: EPOCH + 1 })
    made.inject(made.sealer.seal(0, 'parked'))
    for (const counter of [0, 1, 2]) made.inject(later.seal(counter, `live ${counter}`))
    const [first] = await made.take()
    await giveKeys(made.book, made.stream, { id: 'all' })
    await first?.acknowledge()
    const got: string[] = []
    for (let i = 0; i < 4; i++) got.push(...(await acknowledgeAll(made)))
    expect(got).toEqual(['parked', 'live 1', 'live 2'])
  })

  it('never more messages are in flight than allowed', async () => {
    await using made = await setting({ keys: false, maxInFlight: 3, receiveMaximum: 100 })
    for (let counter = 0; counter < 10; counter++) made.inject(made.sealer.seal(counter))
    await settle()
    await giveKeys(made.book, made.stream)
    const first = await made.take()
    expect(texts(first)).toEqual(['message 0', 'message 1', 'message 2'])
    expect(await made.take()).toEqual([])
    await first[1]?.acknowledge()
    expect(texts(await made.take())).toEqual(['message 3'])
  })

  it('other streams go on meanwhile', async () => {
    await using made = await setting({ keys: false, filter: 'plant/#', maxInFlight: 4 })
    const other = makeStream(made.trust, { nonce: 8, fields: { streamName: 'plant/2' } })
    await giveKeys(made.book, other)
    for (let counter = 0; counter < 10; counter++) made.inject(made.sealer.seal(counter))
    await settle()
    made.inject(new SessionSealer(other).seal(0, 'other'), 'plant/2')
    expect(texts(await made.take())).toEqual(['other'])
  })

  it('only the epochs that they open are handed over', async () => {
    await using made = await setting({ keys: false })
    const next = new SessionSealer(made.stream, { session: 2, epoch: EPOCH + 1 })
    made.inject(made.sealer.seal(0))
    made.inject(next.seal(0, 'next hour'))
    await settle()
    await giveKeys(made.book, made.stream, { span: LATER })
    expect(await acknowledgeAll(made)).toEqual(['next hour'])
    expect(await made.reader.parked()).toMatchObject([{ pool: 'awaiting', count: 1 }])
    await giveKeys(made.book, made.stream, { id: 'second' })
    expect(await acknowledgeAll(made)).toEqual(['message 0'])
  })

  it('while the reader was away, they are used at its next start', async () => {
    const store = memoryStore()
    {
      await using made = await setting({ store, keys: false })
      made.inject(made.sealer.seal(0))
      await settle()
      await made.reader.close()
      await giveKeys(made.book, made.stream)
    }
    await using made = await setting({ store, broker: memoryBroker() })
    const [message] = await made.take()
    expect(message?.text()).toBe('message 0')
    expect(message?.redelivered).toBe(false)
    expect(typesOf(made.events)).toEqual(['drained'])
  })

  it('what was handed over and not acknowledged comes again, marked', async () => {
    const store = memoryStore()
    {
      await using made = await setting({ store, keys: false })
      for (const counter of [0, 1]) made.inject(made.sealer.seal(counter))
      await settle()
      await giveKeys(made.book, made.stream)
      const [first] = await made.take()
      expect(first?.redelivered).toBe(false)
      await first?.acknowledge()
    }
    await using made = await setting({ store, broker: memoryBroker() })
    const again = await made.take()
    expect(texts(again)).toEqual(['message 1'])
    expect(again[0]?.redelivered).toBe(true)
    await again[0]?.acknowledge()
    expect(await store.scan('parked')).toEqual([])
  })

  it('keeps what is in flight out of a second run', async () => {
    await using made = await setting({ keys: false })
    made.inject(made.sealer.seal(0))
    await settle()
    await giveKeys(made.book, made.stream)
    const [message] = await made.take()
    await giveKeys(made.book, made.stream, { id: 'renewed' })
    expect(await made.take()).toEqual([])
    await message?.acknowledge()
    expect(await made.reader.parked()).toEqual([])
  })

  it('keeps address, properties and retained mark', async () => {
    await using made = await setting({ keys: false })
    const properties = { hop: '1' }
    made.broker.inject(STREAM, made.sealer.seal(0), { properties, retained: true })
    await settle()
    await giveKeys(made.book, made.stream)
    const [message] = await made.take()
    expect(message).toMatchObject({ address: STREAM, unverifiedProperties: properties })
  })

  it('tries again by itself when the store fails on the way', async () => {
    let isBroken = false
    const store = faultyStore(memoryStore(), {
      beforeRead: (table) => {
        if (isBroken && table === 'parked-object') throw new Error('busy')
      },
    })
    await using made = await setting({ store, keys: false })
    for (const counter of [0, 1]) made.inject(made.sealer.seal(counter))
    await settle()
    isBroken = true
    await giveKeys(made.book, made.stream)
    expect(await made.take()).toEqual([])
    expect(made.runtime.errors).toMatchObject([{ message: 'busy' }])
    isBroken = false
    made.runtime.clock.advance(10_000)
    expect(await acknowledgeAll(made)).toEqual(['message 0', 'message 1'])
    expect(await made.reader.parked()).toEqual([])
  })

  it('passes over a parked object that the store has damaged, and says so', async () => {
    const store = memoryStore()
    await using made = await setting({ store, keys: false })
    for (const counter of [0, 1, 2]) made.inject(made.sealer.seal(counter))
    await settle()
    const [, second] = await store.scan('parked')
    const objects = await store.scan('parked-object')
    const number = second?.key.slice(-12)
    const damaged = objects.find(({ value }) => toHex(value.subarray(0, 6)) === number)
    const { key = '', value = new Uint8Array(0) } = damaged ?? {}
    await store.write([{ table: 'parked-object', key, value: value.subarray(0, 20) }])
    await giveKeys(made.book, made.stream)
    expect(texts(await made.take())).toEqual(['message 0', 'message 2'])
    expect(made.runtime.errors).toMatchObject([{ code: 'ERR_STORE_CORRUPT' }])
  })
})

describe('at the start', () => {
  it('keys are asked for again for what is parked, from the first epoch on', async () => {
    const store = memoryStore()
    {
      await using made = await setting({ store, keys: false })
      for (const epoch of [EPOCH + 1, EPOCH, EPOCH + 2]) {
        made.inject(new SessionSealer(made.stream, { session: epoch % 100, epoch }).seal(0))
      }
      await settle()
    }
    await using made = await setting({ store, keys: false, broker: memoryBroker() })
    expect(made.requests.wanted).toMatchObject([
      { kid: made.stream.kid, epoch: EPOCH, address: STREAM, andLater: true },
    ])
    expect(await made.reader.parked()).toMatchObject([{ count: 3, pool: 'unvouched' }])
  })
})

describe('quotas', () => {
  it('give up the oldest of an address and kid, and say which', async () => {
    await using made = await setting({ keys: false, maxParkedObjects: 3 })
    await giveKeys(made.book, made.stream, { span: LATER })
    for (let counter = 0; counter < 5; counter++) made.inject(made.sealer.seal(counter))
    await settle()
    expect(ofType(made, 'evicted')).toMatchObject([
      { pool: 'awaiting', reason: 'quota', counter: 0, epoch: EPOCH, session: made.sealer.name },
      { pool: 'awaiting', reason: 'quota', counter: 1, kid: made.stream.kid, address: STREAM },
    ])
    await giveKeys(made.book, made.stream, { id: 'all' })
    expect(texts(await made.take())).toEqual(['message 2', 'message 3', 'message 4'])
    expect(await made.store.scan('parked-object')).toHaveLength(3)
  })

  it('count bytes as well, and give up what is larger than all of it at once', async () => {
    await using made = await setting({ keys: false, maxParkedBytes: 1500, receiveMaximum: 1 })
    await giveKeys(made.book, made.stream, { span: LATER })
    const text = 'x'.repeat(300)
    for (const counter of [0, 1, 2]) made.inject(made.sealer.seal(counter, text))
    made.inject(made.sealer.seal(3, 'x'.repeat(1500)))
    await settle()
    expect(ofType(made, 'evicted').map((event) => event.counter)).toEqual([0, 3])
    expect(await made.reader.parked()).toMatchObject([{ count: 2 }])
  })

  it('count address and properties, of which only small ones are kept', async () => {
    const filter = { filter: '#', topicBinding: 'report' as const }
    await using made = await setting({ keys: false, receiveMaximum: 50, ...filter })
    const publish = (counter: number, address: string, properties: Record<string, string>): void =>
      made.broker.inject(address, made.sealer.seal(counter), { properties })
    publish(0, 'small', { note: 'kept' })
    publish(1, 'large', { note: 'x'.repeat(5000), other: 'kept neither' })
    await settle()
    const large = 60_000
    for (let i = 0; i < 200; i++) publish(2 + i, `${'x'.repeat(large)}${i}`, {})
    for (let i = 0; i < 10; i++) await settle()
    const [{ count, bytes } = { count: 0, bytes: 0 }] = await made.reader.parked()
    expect(count).toBeLessThanOrEqual(2 + (8 * 1024 * 1024) / large)
    expect(bytes).toBeGreaterThan((count - 2) * large)
    const stored = await made.store.scan('parked')
    expect(stored).toHaveLength(count)
    expect(stored.some(({ value }) => value.length > large + 1000)).toBe(false)
    await giveKeys(made.book, made.stream)
    const handedOver = await made.take()
    expect(handedOver.length).toBeGreaterThan(40)
    for (const { address, unverifiedProperties } of handedOver) {
      expect(unverifiedProperties).toEqual(address === 'small' ? { note: 'kept' } : {})
    }
  })

  it('give up the oldest also after a write that failed', async () => {
    const failing = new Set<number>()
    const store = faultyStore(memoryStore(), {
      beforeWrite: (count) => {
        if (failing.has(count)) throw new Error('failed')
      },
    })
    await using made = await setting({ store, keys: false, maxParkedObjects: 3 })
    await giveKeys(made.book, made.stream, { span: LATER })
    for (const counter of [0, 1, 2]) made.inject(made.sealer.seal(counter))
    await settle()
    for (let count = 0; count < 100; count++) failing.add(count)
    made.inject(made.sealer.seal(3))
    await settle()
    failing.clear()
    made.runtime.clock.advance(10_000)
    await settle()
    expect(ofType(made, 'evicted').map(({ counter }) => counter)).toEqual([0])
    made.inject(made.sealer.seal(4))
    await settle()
    expect(ofType(made, 'evicted').map(({ counter }) => counter)).toEqual([0, 1])
  })

  it('are separate for every address, up to a number', async () => {
    const filter = { filter: 'plant/#', topicBinding: 'report' as const }
    await using made = await setting({ keys: false, maxParkedObjects: 2, ...filter })
    await giveKeys(made.book, made.stream, { span: LATER })
    for (let i = 0; i < 70; i++) {
      for (const counter of [0, 1]) made.inject(made.sealer.seal(counter), `plant/x/${i}`)
      await settle()
    }
    const parked = await made.reader.parked()
    expect(parked).toMatchObject([
      { pool: 'awaiting', count: 128 },
      { pool: 'unvouched', count: 2 },
    ])
  }, 60_000)

  it('vouch for nothing at an address where the object can never count', async () => {
    await using made = await setting({ keys: false, filter: 'plant/#' })
    await giveKeys(made.book, made.stream, { span: LATER })
    made.inject(made.sealer.seal(0), 'plant/elsewhere')
    await settle()
    expect(await made.reader.parked()).toMatchObject([{ pool: 'unvouched' }])
  })

  it('keep junk kids in one small pool, from which one at random goes', async () => {
    await using made = await setting({ keys: false, receiveMaximum: 200 })
    for (let i = 0; i < 20; i++) made.inject(made.sealer.seal(i))
    await settle()
    for (let i = 0; i < 1500; i++) made.inject(junk(made.stream, `kid ${i}`))
    for (let i = 0; i < 30; i++) await settle()
    const parked = await made.reader.parked()
    const count = parked.reduce((sum, row) => sum + row.count, 0)
    expect(count).toBe(1000)
    expect((await made.store.scan('parked')).length).toBe(1000)
    expect((await made.store.scan('parked-object')).length).toBe(1000)
    expect(ofType(made, 'evicted')).toHaveLength(520)
    await giveKeys(made.book, made.stream)
    const genuine = await acknowledgeAll(made)
    expect(genuine.length).toBeGreaterThan(2) // 13 are expected: in proportion, not none
    expect(genuine.length).toBeLessThan(20)
    made.inject(made.sealer.seal(100))
    expect(texts(await made.take())).toEqual(['message 100'])
  }, 60_000)

  it('never give up what is being handed over', async () => {
    await using made = await setting({ keys: false, maxParkedObjects: 2 })
    await giveKeys(made.book, made.stream, { span: LATER })
    for (const counter of [0, 1]) made.inject(made.sealer.seal(counter))
    await settle()
    await giveKeys(made.book, made.stream, { id: 'all' })
    const [first, second] = await made.take()
    const earlier = new SessionSealer(made.stream, { epoch: EPOCH - 48 })
    for (const counter of [5, 6, 7]) made.inject(earlier.seal(counter))
    await settle()
    expect(ofType(made, 'evicted').map((event) => event.epoch)).not.toContain(EPOCH)
    await first?.acknowledge()
    await second?.acknowledge()
    expect(made.runtime.errors).toEqual([])
  })

  it('are kept where the store refuses: nothing is given up for what is not parked', async () => {
    let isFull = false
    const store = faultyStore(memoryStore(), {
      beforeWrite: () => {
        if (isFull) throw new Error('full')
      },
    })
    await using made = await setting({ store, keys: false, maxParkedObjects: 2 })
    for (const counter of [0, 1]) made.inject(made.sealer.seal(counter))
    await settle()
    isFull = true
    made.inject(made.sealer.seal(2))
    await settle()
    expect(await made.reader.parked()).toMatchObject([{ count: 2 }])
    expect(ofType(made, 'evicted')).toEqual([])
    isFull = false
    made.runtime.clock.advance(10_000)
    await settle()
    expect(await made.reader.parked()).toMatchObject([{ count: 2 }])
    expect(ofType(made, 'evicted')).toHaveLength(1)
    expect(await made.store.scan('parked')).toHaveLength(2)
  })

  it('hold the transport back instead, if the application chose that', async () => {
    await using made = await setting({
      keys: false,
      holdWhenFull: true,
      maxParkedObjects: 2,
      receiveMaximum: 4,
    })
    await giveKeys(made.book, made.stream, { span: LATER })
    for (let counter = 0; counter < 8; counter++) made.inject(made.sealer.seal(counter))
    await settle()
    expect(await made.store.scan('parked')).toHaveLength(2)
    expect(ofType(made, 'evicted')).toEqual([])
    await giveKeys(made.book, made.stream, { id: 'all' })
    const got: string[] = []
    for (let i = 0; i < 10; i++) got.push(...(await acknowledgeAll(made)))
    expect(got).toEqual(Array.from({ length: 8 }, (_, i) => `message ${i}`))
  })

  it('are held once, however often the connection breaks, and acknowledged where they came last', async () => {
    await using made = await setting({
      keys: false,
      holdWhenFull: true,
      maxParkedObjects: 2,
      receiveMaximum: 8,
    })
    await giveKeys(made.book, made.stream, { span: LATER })
    const twice = made.sealer.seal(7)
    for (let counter = 0; counter < 7; counter++) made.inject(made.sealer.seal(counter))
    for (const copy of [twice, twice]) made.inject(copy)
    for (let round = 0; round < 3; round++) {
      await settle()
      made.transport.disconnect()
      made.transport.reconnect()
    }
    await settle()
    await giveKeys(made.book, made.stream, { id: 'all' })
    const got: string[] = []
    for (let i = 0; i < 12; i++) got.push(...(await acknowledgeAll(made)))
    expect(got).toEqual(Array.from({ length: 8 }, (_, i) => `message ${i}`))
    expect(ofType(made, 'duplicate')).toEqual([]) // a copy of a broken connection would be one
    made.transport.disconnect()
    made.transport.reconnect()
    await settle()
    expect(await made.take()).toEqual([])
  })
})

describe('a full store', () => {
  it('parks nothing, tells the transport nothing, says so, and goes on when there is room', async () => {
    const room = { bytes: 3000 }
    const inner = memoryStore({ maxBytes: 2500 })
    const roomy = memoryStore()
    const store = {
      get: (...args: Parameters<typeof inner.get>) => current().get(...args),
      scan: (...args: Parameters<typeof inner.scan>) => current().scan(...args),
      write: (...args: Parameters<typeof inner.write>) => current().write(...args),
      close: () => inner.close(),
    }
    const current = (): typeof inner => (room.bytes > 3000 ? roomy : inner)
    await using made = await setting({ store, keys: false, receiveMaximum: 20 })
    for (let counter = 0; counter < 12; counter++) made.inject(made.sealer.seal(counter))
    await settle()
    const parked = (await inner.scan('parked')).length
    expect(parked).toBeGreaterThan(0)
    expect(parked).toBeLessThan(12)
    expect(made.runtime.errors).toHaveLength(12 - parked)
    expect(made.runtime.errors[0]).toMatchObject({ code: 'ERR_STORE_FULL' })
    expect(ofType(made, 'parked')).toHaveLength(parked)
    room.bytes = 10_000
    made.runtime.clock.advance(5000)
    await settle()
    expect(await roomy.scan('parked')).toHaveLength(12 - parked)
    made.transport.disconnect()
    made.transport.reconnect()
    await settle()
    expect(ofType(made, 'parked')).toHaveLength(12)
  })
})

async function passHours(made: Setting, hours: number): Promise<void> {
  for (let i = 0; i < hours; i++) {
    made.runtime.clock.advance(HOUR * 1000)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

describe('after a final denial', () => {
  it('parked objects expire in a day, counted over restarts', async () => {
    const store = memoryStore()
    {
      await using made = await setting({ store, keys: false })
      made.inject(made.sealer.seal(0))
      await settle()
      made.requests.deny(made.stream.kid, 'pending-approval')
      made.requests.deny(made.stream.kid, 'not-authorized')
      await settle()
      await passHours(made, 23)
      made.runtime.clock.advance(HOUR * 1000 - 1000)
      await settle()
      made.requests.deny(made.stream.kid, 'not-authorized') // again: the day goes on
      await settle()
      made.inject(made.sealer.seal(1))
      await settle()
      expect(await made.reader.parked()).toMatchObject([{ count: 2 }])
    }
    const startMs = 1_800_000_000_000 + DAY_MS
    await using made = await setting({ store, keys: false, broker: memoryBroker(), startMs })
    expect(ofType(made, 'evicted')).toMatchObject([{ reason: 'denied', counter: 0 }])
    expect(await made.reader.parked()).toMatchObject([{ count: 1 }])
    await passHours(made, 24)
    expect(ofType(made, 'evicted')).toMatchObject([
      { counter: 0 },
      { reason: 'denied', counter: 1 },
    ])
    expect(await made.store.scan('parked-denied')).toEqual([])
    expect(made.runtime.timers.pendingCount).toBe(0)
  })

  it('a grant that came while the reader was away outranks it', async () => {
    const store = memoryStore()
    {
      await using made = await setting({ store, keys: false })
      made.inject(made.sealer.seal(0))
      made.inject(new SessionSealer(made.stream, { session: 2, epoch: EPOCH - 48 }).seal(0))
      await settle()
      made.requests.deny(made.stream.kid, 'not-authorized')
      await settle()
      await made.reader.close()
      await giveKeys(made.book, made.stream)
    }
    const startMs = 1_800_000_000_000 + 2 * DAY_MS
    await using made = await setting({ store, broker: memoryBroker(), startMs })
    expect(texts(await made.take())).toEqual(['message 0'])
    expect(ofType(made, 'evicted')).toMatchObject([{ epoch: EPOCH - 48, reason: 'denied' }])
  })

  it('a grant keeps them', async () => {
    await using made = await setting({ keys: false })
    made.inject(made.sealer.seal(0))
    await settle()
    made.requests.deny(made.stream.kid, 'out-of-span')
    await settle()
    expect(await made.store.scan('parked-denied')).toHaveLength(1)
    await giveKeys(made.book, made.stream, { span: LATER })
    await passHours(made, 48)
    expect(await made.reader.parked()).toMatchObject([{ count: 1 }])
    expect(await made.store.scan('parked-denied')).toEqual([])
  })
})

describe('two readers of one name', () => {
  it('settle what is parked even where the other one recorded the message before', async () => {
    const store = memoryStore()
    await using one = await setting({ store, keys: false })
    one.inject(one.sealer.seal(0))
    await settle()
    await giveKeys(one.book, one.stream)
    const [message] = await one.take()
    const readerKey = toHex(sodiumProvider.sha256(utf8(STREAM)).subarray(0, 16))
    const { generationId = '', session: id = '' } = message?.receipt ?? {}
    const key = `${readerKey}/${generationId}/${id}/c/0000000000`
    await store.write([{ table: 'seen', key, value: new Uint8Array(8) }])
    await message?.acknowledge()
    expect(await store.scan('parked')).toEqual([])
    expect(await store.scan('seen')).toHaveLength(1)
    expect(one.runtime.errors).toEqual([])
  })

  it('park side by side without losing what the other parked', async () => {
    const store = memoryStore()
    await using one = await setting({ store, keys: false })
    await using two = await setting({ store, keys: false, broker: memoryBroker() })
    one.inject(one.sealer.seal(0))
    await settle()
    two.inject(two.sealer.seal(1))
    await settle()
    one.inject(one.sealer.seal(2))
    await settle()
    expect(await store.scan('parked-object')).toHaveLength(3)
    expect(one.runtime.errors).toEqual([])
  })
})
