import { Trust } from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import { expect, it, vi } from 'vitest'
import { GenerationBook } from '../../src/generation-book.js'
import { memoryStore } from '../../src/memory-store.js'
import { assertRoom } from '../../src/requesting/generation-room.js'
import { DAY, START } from '../support/plant.js'
import { EPOCH, giveKeys, makeStream, testRuntime } from '../support/stream.js'
import { eventsOf, Town } from '../support/town.js'

const FULL = expect.objectContaining({ code: 'ERR_LIMIT', details: { rule: 'generations' } })

it('generations that nobody proved have a limit for each producer, and all of them together', async () => {
  const trust = new Trust({ crypto: sodiumProvider })
  const book = new GenerationBook(testRuntime(memoryStore()), trust)
  const streams = [1, 2, 3].map((nonce) => makeStream(trust, { nonce }))
  for (const stream of streams) await giveKeys(book, stream)
  const { id } = streams[0]!.producer
  const other = makeStream(trust, { producer: 'other' }).producer.id
  const room = (producer: Uint8Array, unproven: number, all = 100): void =>
    assertRoom(book.all(), producer, { unproven, all })
  room(id, 4)
  room(other, 3)
  expect(() => room(id, 3)).toThrow(FULL)
  expect(() => room(other, 3, 3)).toThrow(FULL)
  const [first] = book.all()
  first?.ring.prove(first.ring.candidates(EPOCH)[0]!)
  room(id, 3)
})

it('a grant of one generation too many is refused, and what is held goes on', async () => {
  const town = await Town.found()
  const plant = await town.member('plant', { produces: ['#'] }, { announce: true })
  const desk = await town.member('desk', {}, { announce: true })
  await town.pass(2000, 500)
  const share = async (stream: string): Promise<void> => {
    await (await plant.endpoint.producer(stream)).ready()
    await plant.endpoint.grant(stream, 'desk', { from: new Date(START - DAY) })
    await town.pass(2000, 500)
  }
  await share('plant/1')
  const { book } = desk.endpoint.parts
  vi.spyOn(book, 'all').mockReturnValue(Array(65_536).fill(book.all()[0]))
  await share('plant/2')
  expect(book.byStream('plant/2')).toEqual([])
  expect(eventsOf(desk, 'control-refused')).toMatchObject([{ code: 'ERR_LIMIT' }])
  await plant.endpoint.grant('plant/1', 'desk', { from: new Date(START) })
  await town.pass(2000, 500)
  expect(eventsOf(desk, 'grant')).toHaveLength(2)
  await town.close()
})
