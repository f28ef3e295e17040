// SPDX-License-Identifier: Apache-2.0
/** Streams whose messages share signatures. */
import { decodeObject, toHex, type DecodedObject } from '@waxwing/core'
import { afterEach, describe, expect, it } from 'vitest'
import { openEndpoint, type Endpoint } from '../../src/endpoint.js'
import { memoryStore } from '../../src/memory-store.js'
import type { ProducerOptions } from '../../src/options.js'
import type { Producer } from '../../src/producing/producer.js'
import { fixedClock, manualTimers, memoryBroker, memoryTransport } from '../../src/testing.js'
import { quiet, START } from '../support/plant.js'

const STREAM = 'plant/1/vibration'

const opened: Endpoint[] = []
afterEach(async () => {
  for (const endpoint of opened.splice(0)) await endpoint.close()
})

interface Stage {
  readonly producer: Producer
  /** What the broker carried on the stream's address. */
  carried(): readonly DecodedObject[]
  /** What a reader of the same endpoint handed over. */
  readonly texts: string[]
  signatures(): ReadonlySet<string>
  pass(ms: number): Promise<void>
}

async function stage(options: ProducerOptions = {}): Promise<Stage> {
  const clock = fixedClock(START)
  const timers = manualTimers(clock)
  const broker = memoryBroker()
  const transport = memoryTransport(broker)
  const endpoint = await openEndpoint({ store: memoryStore(), transport, clock, timers })
  opened.push(endpoint)
  const texts: string[] = []
  const reader = endpoint.reader(STREAM, { order: 'session' })
  await reader.start()
  void (async () => {
    for await (const message of reader) {
      texts.push(message.text())
      await message.acknowledge()
    }
  })()
  const producer = await endpoint.producer(STREAM, { signature: 'batch', ...options })
  const carried = (): DecodedObject[] =>
    broker.carried
      .filter(({ address }) => address === STREAM)
      .map(({ payload }) => decodeObject(payload))
  const signatures = (): ReadonlySet<string> =>
    new Set(carried().map(({ signature = new Uint8Array(0) }) => toHex(signature)))
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms)
    await quiet()
    await broker.idle()
  }
  return { producer, carried, texts, signatures, pass }
}

const messages = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `reading ${i}`)

describe('messages that share signatures', () => {
  it('are all read, in order, with one signature for each batch', async () => {
    const { producer, carried, texts, signatures, pass } = await stage()
    const published = messages(200).map((text) => producer.publish(text))
    await pass(20)
    const receipts = await Promise.all(published)
    await pass(0)
    expect(receipts.map(({ counter }) => counter)).toEqual([...receipts.keys()])
    expect(carried()).toHaveLength(200)
    expect(signatures().size).toBe(4)
    await expect.poll(() => texts).toEqual(messages(200))
  })

  it('wait for others as long as was said, and no longer', async () => {
    const { producer, carried, pass } = await stage({ batch: { waitMs: 50 } })
    const published = producer.publish('alone')
    await pass(49)
    expect(carried()).toHaveLength(0)
    await pass(1)
    await published
    expect(carried()).toHaveLength(1)
  })

  it('go at once when they are as many as was said', async () => {
    const { producer, signatures, pass } = await stage({ batch: { objects: 3, waitMs: 1000 } })
    const published = messages(6).map((text) => producer.publish(text))
    await Promise.all(published)
    await pass(0)
    expect(signatures().size).toBe(2)
  })

  it('are signed and sent when the producer closes', async () => {
    const { producer, texts, pass } = await stage()
    const published = messages(3).map((text) => producer.publish(text))
    await producer.close()
    await Promise.all(published)
    await pass(0)
    await expect.poll(() => texts).toEqual(messages(3))
  })

  it('are signed for the generation that they were sealed in, when the stream rotates', async () => {
    const { producer, texts, carried, signatures, pass } = await stage()
    const before = producer.publish('before')
    await producer.rotate()
    const after = producer.publish('after')
    await pass(20)
    await Promise.all([before, after])
    await pass(0)
    expect(new Set(carried().map(({ kid }) => toHex(kid))).size).toBe(2)
    expect(signatures().size).toBe(2)
    await expect.poll(() => texts).toEqual(['before', 'after'])
  })

  it('are sealed alone, or many at once, without a wait', async () => {
    const { producer } = await stage({ batch: { objects: 2 } })
    const alone = decodeObject(producer.seal('alone'))
    expect(alone.batch).toMatchObject({ index: 0, count: 1 })
    const places = producer.sealAll(messages(3)).map((object) => decodeObject(object).batch)
    expect(places).toMatchObject([
      { index: 0, count: 2 },
      { index: 1, count: 2 },
      { index: 0, count: 1 },
    ])
  })
})

describe('many messages sealed at once', () => {
  it.each(['each', 'none'] as const)('have what the stream says: %s', async (signature) => {
    const { producer } = await stage({ signature })
    const objects = producer.sealAll(messages(3)).map((object) => decodeObject(object))
    expect(objects.map(({ counter }) => counter)).toEqual([0, 1, 2])
    for (const object of objects) {
      expect(object.batch).toBeUndefined()
      expect(object.signature === undefined).toBe(signature === 'none')
    }
  })
})

describe('how messages are gathered', () => {
  it.each([
    ['no objects', { objects: 0 }],
    ['too many', { objects: 4097 }],
    ['half of one', { objects: 1.5 }],
    ['a wait below nothing', { waitMs: -1 }],
    ['a wait of more than a second', { waitMs: 1001 }],
  ])('is refused: %s', async (_, batch) => {
    await expect(stage({ batch })).rejects.toThrow(RangeError)
  })
})

describe('many messages of which one cannot be sealed', () => {
  it('take no counter: nobody misses anything', async () => {
    const { producer } = await stage({ signature: 'each' })
    const bad = [...messages(2), undefined as never]
    expect(() => producer.sealAll(bad)).toThrow(TypeError)
    expect(decodeObject(producer.seal('next')).counter).toBe(0)
  })
})

describe('a heartbeat', () => {
  it('does not overtake what waits for its signature', async () => {
    const { producer, carried, pass } = await stage({ heartbeatSeconds: 1, batch: { waitMs: 900 } })
    await pass(500)
    const published = messages(2).map((text) => producer.publish(text))
    await pass(500)
    await Promise.all(published)
    expect(carried().map(({ counter }) => counter)).toEqual([0, 1, 2])
  })
})
