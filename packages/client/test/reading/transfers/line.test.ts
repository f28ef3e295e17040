// SPDX-License-Identifier: Apache-2.0
/** Large payloads from end to end, over lines that break and endpoints that die. */
import { TransferProgress } from '@waxwing/core'
import { afterEach, describe, expect, it } from 'vitest'
import type { Message } from '../../../src/message.js'
import type { ReaderOptions } from '../../../src/options.js'
import type { Producer } from '../../../src/producing/producer.js'
import { Town, type Resident } from '../../support/town.js'

const STREAM = 'plant/1'
const SIZE = 120_000
const PIECE_BYTES = 2000
const PAYLOAD = Uint8Array.from({ length: SIZE }, (_, i) => (i * 7 + (i >>> 8)) & 0xff)

let town: Town
afterEach(() => town.close())

interface Setting {
  readonly plant: Resident
  readonly desk: Resident
  readonly producer: Producer
}

async function setting(): Promise<Setting> {
  town = await Town.found()
  const plant = await town.member('plant', { produces: ['plant/#'] })
  const desk = await town.member('desk', {}, { announce: true })
  return { plant, desk, producer: await plant.endpoint.producer(STREAM) }
}

/** The payload in parts of a thousand bytes; something happens after every so many. */
async function* parts(every: number, happen: () => unknown, from = 0): AsyncGenerator<Uint8Array> {
  for (let at = from, part = 1; at < SIZE; at += 1000, part++) {
    if (part % every === 0) await happen()
    if (part % 8 === 0) await town.settle()
    yield PAYLOAD.subarray(at, at + 1000)
  }
}

/** Reads one message, while time passes. */
async function first(desk: Resident, options: ReaderOptions = {}): Promise<Message> {
  const reader = desk.endpoint.reader(STREAM, options)
  const next = reader[Symbol.asyncIterator]().next()
  const ready = next.then(() => true)
  for (let i = 0; i < 100; i++) {
    if (await Promise.race([ready, town.pass(1000).then(() => false)])) break
  }
  const { value } = await next
  if (value === undefined) throw new Error('the reader ended')
  return value
}

describe('a payload of many pieces', () => {
  it.each(['plant', 'desk'] as const)(
    'arrives whole although the line of the %s breaks again and again',
    async (which) => {
      const made = await setting()
      const { producer, desk, plant } = made
      await producer.grant(desk.endpoint.id)
      const message = first(desk)
      await town.settle() // it has subscribed
      const { transport } = made[which]
      const source = parts(17, () => {
        transport.disconnect()
        setImmediate(() => transport.reconnect())
      })
      await producer.publishFrom(source, { size: SIZE, pieceBytes: PIECE_BYTES })
      expect(Buffer.compare((await message).plaintext, PAYLOAD)).toBe(0)
      await (await message).acknowledge()
      expect(await desk.store.scan('piece')).toEqual([])
      expect(plant.events.filter(({ type }) => type === 'error')).toEqual([])
    },
    60_000,
  )

  it('arrives when everything was parked, over rotations, and a grant came at last', async () => {
    const { producer, desk } = await setting()
    const message = first(desk)
    await town.settle()
    const source = parts(60, () => producer.rotate())
    const sending = producer.publishFrom(source, { pieceBytes: PIECE_BYTES })
    for (let i = 0; i < 70; i++) await town.pass(1000)
    await sending
    await town.settle()
    const kids = desk.events.flatMap((event) => (event.type === 'parked' ? [event.kid] : []))
    expect([kids.length, new Set(kids).size]).toEqual([SIZE / PIECE_BYTES, 3])
    await producer.grant(desk.endpoint.id, { from: new Date(0) })
    expect(Buffer.compare((await message).plaintext, PAYLOAD)).toBe(0)
  }, 60_000)

  it('is written piece by piece over deaths of both ends', async () => {
    let { desk, plant, producer } = await setting()
    await producer.grant(desk.endpoint.id)
    const file = Buffer.alloc(SIZE)
    let state = new TransferProgress().serialize()
    const take = async (message: Message): Promise<void> => {
      const { piece, plaintext } = message
      if (piece === undefined) throw new Error('no piece')
      const progress = TransferProgress.restore(state)
      const { index, last, size } = piece
      const facts = { index, last, bytes: plaintext.length }
      progress.add(size === undefined ? facts : { ...facts, size })
      file.set(plaintext, index * PIECE_BYTES)
      state = progress.serialize()
      await message.acknowledge()
    }
    let reading = readPieces(desk, take)
    await town.settle()
    const id = new Uint8Array(16).fill(9)
    let pieces = 0
    for (let life = 0; life < 4; life++) {
      const from = pieces
      const controller = new AbortController()
      const dies = life < 3
      const stumble = (): void => (dies ? controller.abort(new Error('dead')) : undefined)
      const run = producer.publishFrom(parts(25, stumble, from * PIECE_BYTES), {
        size: SIZE,
        transfer: { id, from, pieceBytes: PIECE_BYTES },
        onProgress: (reached) => (pieces = reached.pieces),
        signal: controller.signal,
      })
      if (!dies) await run
      else await expect(run).rejects.toThrow('dead')
      plant = await town.restart(plant)
      producer = await plant.endpoint.producer(STREAM)
      desk.transport.disconnect()
      await reading.stop()
      desk = await town.restart(desk)
      reading = readPieces(desk, take)
      await town.settle()
    }
    for (let i = 0; i < 30 && !TransferProgress.restore(state).isComplete; i++)
      await town.pass(1000)
    const progress = TransferProgress.restore(state)
    expect([progress.isComplete, progress.missing(), progress.size]).toEqual([true, [], SIZE])
    expect(Buffer.compare(file, PAYLOAD)).toBe(0)
    await reading.stop()
  }, 60_000)
})

function readPieces(
  desk: Resident,
  take: (message: Message) => Promise<void>,
): { stop: () => Promise<void> } {
  const reader = desk.endpoint.reader(STREAM, { transfers: 'pieces' })
  const done = (async () => {
    for await (const message of reader) await take(message)
  })()
  return {
    async stop() {
      await reader.close({ keepSubscription: true })
      await done
    },
  }
}
