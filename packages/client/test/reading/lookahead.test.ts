import { sodiumProvider } from '@waxwing/core/sodium'
import { verifyOnThreads } from '@waxwing/core/threads'
import { describe, expect, it } from 'vitest'
import { openEndpoint } from '../../src/endpoint.js'
import type { WaxwingEvent } from '../../src/events.js'
import { memoryStore } from '../../src/memory-store.js'
import { FAR, Lookahead, lookAhead, NEAR } from '../../src/reading/lookahead.js'
import { memoryBroker, memoryTransport } from '../../src/testing.js'

const far = { reach: FAR, bytesOf: () => 1 }
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5))

describe('what waits for its turn', () => {
  it('has it in the order of arrival, after all but the first was announced', async () => {
    const steps: string[] = []
    const lookahead = new Lookahead<number>({
      ...far,
      expect: (item) => void steps.push(`expect ${item}`),
      take: (item) => {
        steps.push(`take ${item}`)
        return undefined
      },
    })
    for (const item of [1, 2, 3]) void lookahead.add(item)
    expect(steps).toEqual(['expect 2', 'expect 3'])
    await turn()
    expect(steps).toEqual(['expect 2', 'expect 3', 'take 1', 'take 2', 'take 3'])
  })

  it('holds up whoever brings more than there is room for', async () => {
    const taken: number[] = []
    const gates: (() => void)[] = []
    const lookahead = new Lookahead<number>({
      ...far,
      expect: () => undefined,
      take: (item) => {
        taken.push(item)
        return new Promise((resolve) => gates.push(resolve))
      },
    })
    let brought = 0
    const bringing = (async () => {
      for (; brought < 3 * FAR.items; brought++) await lookahead.add(brought)
    })()
    await turn()
    expect(brought).toBe(FAR.items - 1)
    while (taken.length < 3 * FAR.items) {
      for (const open of gates.splice(0)) open()
      await turn()
      expect(brought - taken.length).toBeLessThanOrEqual(FAR.items)
    }
    await bringing
    expect(taken).toEqual(Array.from({ length: 3 * FAR.items }, (_, i) => i))
  })

  it('holds up whoever brings more bytes than there is room for', async () => {
    const taken: number[] = []
    const lookahead = new Lookahead<number>({
      reach: { items: 100, bytes: 1000 },
      bytesOf: (bytes) => bytes,
      expect: () => undefined,
      take: (item) => {
        taken.push(item)
        return undefined
      },
    })
    let isHeld = true
    void lookahead.add(999)
    void lookahead.add(1).then(() => (isHeld = false))
    await Promise.resolve()
    expect(isHeld).toBe(true)
    await turn()
    expect(isHeld).toBe(false)
    expect(taken).toEqual([999, 1])
  })

  it('is given up when the reader closes', async () => {
    const taken: number[] = []
    const lookahead = new Lookahead<number>({
      ...far,
      expect: () => undefined,
      take: (item) => {
        taken.push(item)
        return undefined
      },
    })
    void lookahead.add(1)
    lookahead.clear()
    await turn()
    expect(taken).toEqual([])
  })
})

describe('reading ahead', () => {
  const item = new Uint8Array(10)

  async function* source(count: number, read: number[]): AsyncGenerator<{ item: Uint8Array }> {
    for (let i = 0; i < count; i++) {
      read.push(i)
      yield { item }
    }
    throw new Error('damage')
  }

  it('hands on everything that came before damage, then throws', async () => {
    const read: number[] = []
    let count = 0
    const all = async (): Promise<void> => {
      for await (const _ of lookAhead(source(300, read), FAR)) {
        if (count === 0) expect(read).toHaveLength(FAR.items + 1)
        count++
      }
    }
    await expect(all()).rejects.toThrow('damage')
    expect(count).toBe(300)
  })

  it('reads no further than was allowed, and nothing where none was', async () => {
    for (const [reach, expected] of [
      [NEAR, 1],
      [{ items: 100, bytes: 25 }, 3],
    ] as const) {
      const read: number[] = []
      for await (const _ of lookAhead(source(300, read), reach)) break
      expect(read).toHaveLength(expected)
    }
  })
})

describe('a reader whose signatures are verified on other threads', () => {
  it('gets everything in order, live and from an archive, and nothing that is forged', async () => {
    const threaded = verifyOnThreads(sodiumProvider, { threads: 1 })
    const transport = memoryTransport(memoryBroker(), { clientId: 'one' })
    const events: WaxwingEvent[] = []
    const endpoint = await openEndpoint({
      store: memoryStore(),
      transport,
      crypto: threaded.crypto,
      name: 'plant',
      onEvent: (event) => void events.push(event),
    })
    const producer = await endpoint.producer('plant/1')
    const reader = endpoint.reader('plant/#')
    await reader.start()
    const objects = Array.from({ length: 600 }, (_, i) => producer.seal(String(i)))
    const forged = objects[300]!.slice()
    forged[forged.length - 1]! ^= 1
    const sent = [...objects.slice(0, 300), forged, ...objects.slice(300)]
    await Promise.all(sent.map((object) => transport.send('plant/1', object)))
    const texts: string[] = []
    for await (const message of reader) {
      texts.push(message.text())
      await message.acknowledge()
      if (texts.length === objects.length) break
    }
    expect(texts).toEqual(objects.map((_, i) => String(i)))
    expect(events.filter(({ type }) => type === 'not-authentic')).toHaveLength(1)

    async function* archive(): AsyncGenerator<Uint8Array> {
      yield Buffer.concat(sent)
    }
    const read: string[] = []
    for await (const found of reader.readArchive(archive())) {
      read.push(found.kind === 'message' ? found.text() : found.reason)
    }
    expect(read).toEqual([...texts.slice(0, 300), 'not-authentic', ...texts.slice(300)])
    await endpoint.close()
    await threaded.close()
  })

  it('takes no more than it may have in flight', async () => {
    const threaded = verifyOnThreads(sodiumProvider, { threads: 1 })
    const transport = memoryTransport(memoryBroker(), { clientId: 'one', receiveMaximum: 1000 })
    const { crypto } = threaded
    const endpoint = await openEndpoint({ store: memoryStore(), transport, crypto, name: 'plant' })
    const producer = await endpoint.producer('plant/1')
    const reader = endpoint.reader('plant/#', { maxInFlight: 3 })
    await reader.start()
    let brought = 0
    const { send } = transport
    for (let i = 0; i < 20; i++) {
      void send.call(transport, 'plant/1', producer.seal(String(i))).then(() => brought++)
    }
    const texts: string[] = []
    for await (const message of reader) {
      texts.push(message.text())
      await message.acknowledge()
      if (texts.length === 20) break
    }
    expect(texts).toEqual(Array.from({ length: 20 }, (_, i) => String(i)))
    await endpoint.close()
    await threaded.close()
    expect(brought).toBe(20)
  })

  it('does not mind what its provider has no algorithm for', async () => {
    const threaded = verifyOnThreads(sodiumProvider, { threads: 1 })
    const store = memoryStore()
    const writer = await openEndpoint({ store, name: 'plant' })
    const producer = await writer.producer('plant/1', { alg: 1 })
    const objects = [producer.seal('one'), producer.seal('two')]
    await writer.close()
    const { crypto } = threaded
    const reading = await openEndpoint({ store, crypto, name: 'plant' })
    async function* archive(): AsyncGenerator<Uint8Array> {
      yield Buffer.concat(objects)
    }
    const all = async (): Promise<void> => {
      for await (const _ of reading.reader('plant/#').readArchive(archive())) continue
    }
    await expect(all()).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' })
    await reading.close()
    await threaded.close()
  })
})
