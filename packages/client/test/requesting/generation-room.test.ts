import { decodeObject, Trust, type ManifestFields } from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import { expect, it, vi } from 'vitest'
import { GenerationBook } from '../../src/generation-book.js'
import { memoryStore } from '../../src/memory-store.js'
import { Openings } from '../../src/reading/openings.js'
import { ReaderEvents } from '../../src/reading/reader-events.js'
import { assertRoom } from '../../src/requesting/generation-room.js'
import { DAY, START } from '../support/plant.js'
import { EPOCH, giveKeys, makeStream, SessionSealer, testRuntime } from '../support/stream.js'
import { eventsOf, Town } from '../support/town.js'

const FULL = expect.objectContaining({ code: 'ERR_LIMIT', details: { rule: 'generations' } })

/** Three generations of one producer in a book, each on a store that outlives it. */
async function threeGenerations(fields: Partial<ManifestFields> = {}) {
  const store = memoryStore()
  const trust = new Trust({ crypto: sodiumProvider })
  const open = async (): Promise<GenerationBook> => {
    const book = new GenerationBook(testRuntime(store), trust)
    await book.load()
    return book
  }
  const book = await open()
  const streams = [1, 2, 3].map((nonce) => makeStream(trust, { nonce, fields }))
  for (const stream of streams) await giveKeys(book, stream)
  const [first] = streams
  if (first === undefined) throw new Error('there are three')
  /** Reads one object of the first, and saves what is learnt by it. */
  const read = async (): Promise<void> => {
    const openings = new Openings(book, '#', new ReaderEvents(testRuntime()))
    const found = openings.open(decodeObject(new SessionSealer(first).seal(0)), first.kid)
    expect(found.kind).toBe('opened')
    await openings.save([])
    expect(openings.hasUnsaved).toBe(false)
  }
  const hasRoom = (held: GenerationBook, unused: number, all = 100): void =>
    assertRoom(held.all(), first.producer.id, { unused, all })
  return { trust, book, open, read, first, hasRoom }
}

it('generations that nobody used have a limit for each producer, and all of them together', async () => {
  const { book, trust, read, hasRoom } = await threeGenerations()
  const other = makeStream(trust, { producer: 'other' }).producer.id
  hasRoom(book, 4)
  assertRoom(book.all(), other, { unused: 3, all: 100 })
  expect(() => hasRoom(book, 3)).toThrow(FULL)
  expect(() => assertRoom(book.all(), other, { unused: 3, all: 3 })).toThrow(FULL)
  await read()
  hasRoom(book, 3)
})

it.each([
  ['without signatures', { signatureMode: 'none' }],
  ['of batches', { signatureMode: 'batch' }],
] as const)(
  'a generation %s is used once an object of it was opened, for good',
  async (_, fields) => {
    const { book, open, read, hasRoom } = await threeGenerations(fields)
    expect(() => hasRoom(book, 3)).toThrow(FULL)
    await read()
    hasRoom(book, 3)
    hasRoom(await open(), 3)
  },
)

it('a generation that was used counts as such when its keys are forgotten', async () => {
  const { book, open, read, first, hasRoom } = await threeGenerations({ historyMode: 'forget' })
  await read()
  const [generation] = book.byKid(first.kid)
  if (generation === undefined) throw new Error('keys were given')
  generation.forgetBefore(EPOCH + 1000)
  await book.record([generation])
  expect(generation.ring.spans()).toEqual([])
  hasRoom(book, 3)
  hasRoom(await open(), 3)
})

it('what another process used is used here too', async () => {
  const { book, open, read, hasRoom } = await threeGenerations({ signatureMode: 'none' })
  const other = await open()
  await read()
  expect(() => hasRoom(other, 3)).toThrow(FULL)
  await other.catchUp()
  hasRoom(other, 3)
  expect(book.hasUnrecorded).toBe(false)
})

it('a generation that gave way to its successor counts only while room is scarce', async () => {
  const { book, trust, first, hasRoom } = await threeGenerations()
  const { generationId } = first.manifest
  const predecessor = { generationId, closingEpoch: EPOCH }
  await giveKeys(book, makeStream(trust, { nonce: 4, fields: { predecessor } }))
  hasRoom(book, 4)
  hasRoom(book, 4, 9)
  expect(() => hasRoom(book, 4, 8)).toThrow(FULL)
  expect(() => hasRoom(book, 3)).toThrow(FULL)
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
