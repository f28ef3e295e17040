// SPDX-License-Identifier: Apache-2.0
import { decodeObject, fromHex, type Transport } from '@waxwing/core'
import { afterEach, describe, expect, it } from 'vitest'
import { openEndpoint, type Endpoint } from '../../src/endpoint.js'
import { memoryStore, type MemoryStore } from '../../src/memory-store.js'
import type { Message } from '../../src/message.js'
import type { ProducerOptions, TransferState } from '../../src/options.js'
import type { Producer } from '../../src/producing/producer.js'
import {
  fixedClock,
  manualTimers,
  memoryBroker,
  memoryTransport,
  type FixedClock,
} from '../../src/testing.js'
import { HOUR, START } from '../support/plant.js'

const STREAM = 'plant/1'
const ID = new Uint8Array(16).fill(7)

interface Setting {
  readonly endpoint: Endpoint
  readonly producer: Producer
  readonly clock: FixedClock
  readonly store: MemoryStore
  /** What the first hop took, in the order in which sending began. */
  readonly sent: Uint8Array[]
  /** What a reader with the keys makes of all that was sent. */
  read(): Promise<Message[]>
}

const opened: Endpoint[] = []
afterEach(async () => {
  for (const endpoint of opened.splice(0)) await endpoint.close()
})

async function setting(
  options: ProducerOptions & {
    readonly maxPayloadBytes?: number
    readonly store?: MemoryStore
    /** Called before each object goes out. */
    readonly before?: (count: number) => void | Promise<void>
  } = {},
): Promise<Setting> {
  const { maxPayloadBytes = 1000, before, store = memoryStore(), ...producing } = options
  const clock = fixedClock(START)
  const timers = manualTimers(clock)
  const transport = memoryTransport(memoryBroker({ clock, maxPayloadBytes }))
  const sent: Uint8Array[] = []
  const watched: Transport = {
    ...bound(transport),
    async send(address, payload, sendOptions) {
      if (address === STREAM) {
        sent.push(payload.slice())
        await before?.(sent.length)
      }
      await transport.send(address, payload, sendOptions)
    },
  }
  const endpoint = await openEndpoint({ store, transport: watched, clock, timers, name: 'plant' })
  opened.push(endpoint)
  const producer = await endpoint.producer(STREAM, producing)
  const reader = endpoint.reader(STREAM, {
    name: 'test',
    acceptUnsigned: true,
    transfers: 'pieces',
  })
  const read = async (): Promise<Message[]> => {
    const messages: Message[] = []
    for (const object of sent) {
      const message = await reader.open(object)
      if (message.kind !== 'message') throw new Error(`got ${message.kind}`)
      messages.push(message)
    }
    return messages
  }
  return { endpoint, producer, clock, store, sent, read }
}

function bound(transport: Transport): Transport {
  return {
    limits: transport.limits,
    send: (...args) => transport.send(...args),
    subscribe: (...args) => transport.subscribe(...args),
    onStatus: (listener) => transport.onStatus(listener),
    close: () => transport.close(),
  }
}

function bytesOf(count: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => (i * 31 + seed + (i >>> 8)) & 0xff)
}

function joined(messages: readonly Message[]): Uint8Array {
  const parts = messages.toSorted((a, b) => (a.piece?.index ?? 0) - (b.piece?.index ?? 0))
  return Buffer.concat(parts.map(({ plaintext }) => plaintext))
}

/** A payload in parts of a length that fits nothing. */
async function* inParts(payload: Uint8Array, partBytes = 333): AsyncGenerator<Uint8Array> {
  const part = new Uint8Array(partBytes)
  for (let at = 0; at < payload.length; at += partBytes) {
    const bytes = payload.subarray(at, at + partBytes)
    part.set(bytes)
    await Promise.resolve()
    yield part.subarray(0, bytes.length) // used again for the next one
  }
}

describe('publishing what is too large for the transport', () => {
  it('sends pieces by itself, and gives the receipt of the first', async () => {
    const made = await setting()
    const payload = bytesOf(5000)
    const headers = new Map([['a', 'b']])
    const clearPart = fromHex('c1ea')
    const receipt = await made.producer.publish(payload, { contentType: 'a/b', headers, clearPart })
    const messages = await made.read()
    expect(messages.length).toBeGreaterThan(5)
    expect(made.sent.every(({ length }) => length <= 1000)).toBe(true)
    expect(joined(messages)).toEqual(Buffer.from(payload))
    expect(messages[0]).toMatchObject({ receipt, contentType: 'a/b', headers, clearPart })
    expect(messages[0]?.piece).toMatchObject({ index: 0, last: false, size: 5000 })
    expect(messages[1]).toMatchObject({ contentType: undefined, headers: new Map(), clearPart })
    expect(messages.at(-1)?.piece).toMatchObject({ last: true, size: undefined })
  })

  const shapes: readonly [string, ProducerOptions][] = [
    ['signed', {}],
    ['unsigned', { signature: 'none' }],
    ['signed in batches', { signature: 'batch', batch: { objects: 1, waitMs: 0 } }],
    ['padded', { padToBytes: 64 }],
    ['without times', { timestamps: false }],
    ['with AES-CCM', { alg: 10 }],
  ]
  it.each(shapes)(
    'sends one object up to the very limit, and pieces above it: %s',
    async (_, options) => {
      const made = await setting(options)
      let longest = 0
      for (let bytes = 700; bytes <= 1000; bytes++) {
        const before = made.sent.length
        await made.producer.newSession() // each with a trail
        await made.producer.publish(bytesOf(bytes))
        const objects = made.sent.slice(before)
        expect(objects.every(({ length }) => length <= 1000)).toBe(true)
        if (objects.length === 1) longest = Math.max(longest, objects[0]!.length)
        else expect(objects).toHaveLength(2)
      }
      expect(longest).toBeGreaterThanOrEqual(options.padToBytes === undefined ? 1000 : 1000 - 64)
      const messages = await made.read()
      for (const { plaintext, piece } of messages) {
        if (piece === undefined) expect(plaintext).toEqual(bytesOf(plaintext.length))
      }
    },
    60_000,
  )

  it('cuts what is too long for the algorithm, however much the transport takes', async () => {
    const made = await setting({ alg: 10, maxPayloadBytes: 10_000_000 })
    const payload = bytesOf(200_000)
    await made.producer.publish(payload)
    expect(joined(await made.read())).toEqual(Buffer.from(payload))
  })

  it('refuses what is to be retained, and what leaves no room for pieces', async () => {
    const made = await setting({ maxPayloadBytes: 1000 })
    await expect(made.producer.publish(bytesOf(5000), { retained: true })).rejects.toThrow(
      TypeError,
    )
    const clearPart = new Uint8Array(900)
    await expect(made.producer.publish(bytesOf(500), { clearPart })).rejects.toThrow(RangeError)
    expect(made.sent).toEqual([])
    await made.producer.publish(bytesOf(100), { retained: true })
    expect(made.sent).toHaveLength(1)
  })
})

describe('publishing from a source', () => {
  it.each([0, 1, 99, 100, 101, 200, 1234])(
    'makes pieces of one length of %d bytes',
    async (size) => {
      const made = await setting()
      const payload = bytesOf(size)
      const states: TransferState[] = []
      const receipt = await made.producer.publishFrom(inParts(payload), {
        size,
        pieceBytes: 100,
        onProgress: (state) => states.push(state),
      })
      const messages = await made.read()
      const count = Math.max(1, Math.ceil(size / 100))
      expect(messages.map(({ piece }) => [piece?.index, piece?.last])).toEqual(
        Array.from({ length: count }, (_, i) => [i, i === count - 1]),
      )
      expect(joined(messages)).toEqual(Buffer.from(payload))
      expect(messages[0]?.piece?.transfer).toBe(receipt.transfer)
      expect(receipt).toMatchObject({ pieces: count, bytes: size })
      expect([receipt.first, receipt.last]).toEqual([
        messages[0]?.receipt,
        messages.at(-1)?.receipt,
      ])
      expect(states.at(-1)).toEqual({
        transfer: receipt.transfer,
        pieces: count,
        bytes: size,
        size,
      })
    },
  )

  it('takes pieces as long as the transport allows where nobody says how long', async () => {
    const made = await setting({ padToBytes: 32 })
    await made.producer.publishFrom([bytesOf(3000)], { contentType: 'a/b' })
    expect(made.sent.length).toBeLessThanOrEqual(5)
    expect(made.sent.every(({ length }) => length <= 1000)).toBe(true)
    const large = await setting({ maxPayloadBytes: 100_000_000 })
    await large.producer.publishFrom([new Uint8Array(2 ** 20 + 1)])
    expect((await large.read()).map(({ plaintext }) => plaintext.length)).toEqual([2 ** 20, 1])
  })

  it('has at most eight sends under way, started in order, and tells how far all before came', async () => {
    const held: (() => void)[] = []
    const made = await setting({ before: () => new Promise((resolve) => held.push(resolve)) })
    const states: number[] = []
    let yielded = 0
    function* source(): Generator<Uint8Array> {
      for (; yielded < 20; yielded++) yield bytesOf(100, yielded)
    }
    const done = made.producer.publishFrom(source(), {
      pieceBytes: 100,
      onProgress: ({ pieces }) => states.push(pieces),
    })
    await expect.poll(() => held.length).toBe(8)
    expect(yielded).toBeLessThanOrEqual(10)
    for (const i of [3, 1, 2]) held[i]!()
    await new Promise((resolve) => setImmediate(resolve))
    expect([states, held.length]).toEqual([[], 8])
    held[0]!()
    await expect.poll(() => states).toEqual([4])
    await expect.poll(() => held.length).toBe(12)
    const rest = setInterval(() => held.splice(0).forEach((release) => release()), 1)
    await done
    clearInterval(rest)
    expect(states.at(-1)).toBe(20)
    expect(states).toEqual(states.toSorted((a, b) => a - b))
  })

  it('goes on where an earlier run stopped, in another life of the producer', async () => {
    const payload = bytesOf(2000)
    const store = memoryStore()
    const first = await setting({
      store,
      before: (count) => {
        if (count > 7) throw new Error('the line is cut')
      },
    })
    let reached = 0
    const options = { size: 2000, pieceBytes: 100, transfer: { id: ID } }
    const run = first.producer.publishFrom(inParts(payload), {
      ...options,
      onProgress: ({ pieces }) => (reached = pieces),
    })
    await expect(run).rejects.toThrow('the line is cut')
    expect(reached).toBeGreaterThan(0)
    expect(reached).toBeLessThanOrEqual(7)

    const disk = memoryStore({ from: store.snapshot() })
    const second = await setting({ store: disk })
    const states: TransferState[] = []
    const receipt = await second.producer.publishFrom(inParts(payload.subarray(reached * 100)), {
      ...options,
      transfer: { id: ID, from: reached, pieceBytes: 100 },
      onProgress: (state) => states.push(state),
    })
    expect(receipt).toMatchObject({ transfer: '07'.repeat(16), pieces: 20, bytes: 2000 })
    expect(states.at(-1)).toMatchObject({ pieces: 20, bytes: 2000 })
    const taken = first.sent.slice(0, reached)
    const whole = second.endpoint.reader(STREAM, { name: 'whole' })
    const results = []
    for (const object of [...taken, ...second.sent]) results.push(await whole.open(object))
    const message = results.at(-1)
    expect(message?.kind === 'message' && Buffer.from(message.plaintext)).toEqual(
      Buffer.from(payload),
    )
  })

  it('goes on over epochs, sessions and generations', async () => {
    const made = await setting({ epochSeconds: 3600 })
    const payload = bytesOf(1000)
    async function* source(): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < 10; i++) {
        if (i === 3) await made.producer.newSession()
        if (i === 5) made.clock.set(made.clock.now()! + 3 * HOUR)
        if (i === 8) await made.producer.rotate()
        yield payload.subarray(i * 100, (i + 1) * 100)
      }
    }
    await made.producer.publishFrom(source(), { pieceBytes: 100 })
    const objects = made.sent.map((object) => decodeObject(object))
    const differing = (of: (object: (typeof objects)[number]) => unknown): number =>
      new Set(objects.map((object) => JSON.stringify(of(object)))).size
    expect(differing(({ kid }) => [...kid])).toBe(2)
    expect(differing(({ epoch }) => epoch)).toBe(2)
    expect(differing(({ session }) => [...session])).toBeGreaterThanOrEqual(3)
    expect(joined(await made.read())).toEqual(Buffer.from(payload))
  })

  it('shares signatures where the stream does so', async () => {
    const made = await setting({ signature: 'batch', batch: { objects: 4, waitMs: 0 } })
    const run = made.producer.publishFrom([bytesOf(800)], { pieceBytes: 100 })
    const tick = setInterval(() => made.clock.advance(1), 1)
    await run
    clearInterval(tick)
    const counts = made.sent.map((object) => decodeObject(object).batch?.count)
    expect(counts).toEqual([4, 4, 4, 4, 4, 4, 4, 4])
    expect(joined(await made.read())).toEqual(Buffer.from(bytesOf(800)))
  })

  it('ends at once when it is told to, and closes the source', async () => {
    const made = await setting({ before: () => new Promise(() => undefined) })
    const controller = new AbortController()
    let isClosed = false
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield bytesOf(100)
      } finally {
        isClosed = true
      }
    }
    const run = made.producer.publishFrom(source(), { pieceBytes: 100, signal: controller.signal })
    await expect.poll(() => made.sent.length).toBe(8)
    controller.abort(new Error('enough'))
    await expect(run).rejects.toThrow('enough')
    expect(isClosed).toBe(true)
    const late = made.producer.publishFrom(source(), { signal: controller.signal })
    await expect(late).rejects.toThrow('enough')
  })

  it('ends at once although the source says nothing any more', async () => {
    const made = await setting()
    const controller = new AbortController()
    let isClosed = false
    const { promise, resolve } = Promise.withResolvers<void>()
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        yield bytesOf(200)
        await promise
      } finally {
        isClosed = true
      }
    }
    const run = made.producer.publishFrom(source(), { pieceBytes: 100, signal: controller.signal })
    await expect.poll(() => made.sent.length).toBe(1)
    controller.abort(new Error('enough'))
    await expect(run).rejects.toThrow('enough')
    resolve()
    await expect.poll(() => isClosed).toBe(true)
  })

  it('ends when a send fails while the source says nothing', async () => {
    const made = await setting({ before: () => Promise.reject(new Error('refused')) })
    async function* source(): AsyncGenerator<Uint8Array> {
      yield bytesOf(200)
      await new Promise(() => undefined)
    }
    await expect(made.producer.publishFrom(source(), { pieceBytes: 100 })).rejects.toThrow(
      'refused',
    )
  })

  it('ends when the producer is closed', async () => {
    const made = await setting()
    async function* source(): AsyncGenerator<Uint8Array> {
      for (let i = 0; ; i++) {
        if (i === 5) await made.producer.close()
        yield bytesOf(100)
      }
    }
    const run = made.producer.publishFrom(source(), { pieceBytes: 100 })
    await expect(run).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  })

  it('ends with what a listener or the source throws', async () => {
    const made = await setting()
    const onProgress = (): never => {
      throw new Error('no more')
    }
    const parts = [bytesOf(5000)]
    await expect(made.producer.publishFrom(parts, { pieceBytes: 100, onProgress })).rejects.toThrow(
      'no more',
    )
    function* broken(): Generator<Uint8Array> {
      yield bytesOf(100)
      throw new Error('disk')
    }
    await expect(made.producer.publishFrom(broken())).rejects.toThrow('disk')
    const texts = ['text'] as unknown as Uint8Array[]
    await expect(made.producer.publishFrom(texts)).rejects.toThrow(TypeError)
  })

  const wrong: readonly [string, Parameters<Producer['publishFrom']>[1], string][] = [
    ['a size that is less', { size: 499 }, 'size'],
    ['a size that is more', { size: 501 }, 'size'],
    ['half a size', { size: 0.5 }, 'size'],
    ['more than 2^24 pieces', { size: 2 ** 30, pieceBytes: 63 }, '16777216 pieces'],
    ['no length of pieces', { pieceBytes: 0 }, 'pieceBytes'],
    ['pieces longer than the transport takes', { pieceBytes: 1000 }, 'pieceBytes'],
    ['an id of 15 bytes', { transfer: { id: ID.subarray(1) } }, 'transfer.id'],
    ['a negative first piece', { transfer: { id: ID, from: -1 } }, 'transfer.from'],
  ]
  it.each(wrong)('is the bug of its caller with %s', async (_, options, name) => {
    const made = await setting()
    const run = made.producer.publishFrom([bytesOf(500)], { pieceBytes: 100, ...options })
    await expect(run).rejects.toThrow(RangeError)
    await expect(run).rejects.toThrow(name)
  })

  it('is the bug of its caller without what it goes on with', async () => {
    const made = await setting()
    const id = ID
    const lengthless = made.producer.publishFrom([bytesOf(5)], { transfer: { id, from: 1 } })
    await expect(lengthless).rejects.toThrow(TypeError)
    const transfer = { id, from: 1, pieceBytes: 10 }
    await expect(made.producer.publishFrom([], { transfer })).rejects.toThrow('source')
    await expect(made.producer.publishFrom([bytesOf(5)], { retained: true })).rejects.toThrow(
      TypeError,
    )
    expect(made.sent).toEqual([])
  })
})
