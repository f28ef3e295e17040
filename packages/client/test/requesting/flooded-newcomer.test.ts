import { decodeObject } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/testing.js'
import { eventsOf, Town, type Resident } from '../support/town.js'

const STREAM = 'plant/1'
const STEP_MS = 500

let town: Town
beforeEach(async () => {
  town = await Town.found()
})
afterEach(() => town.close())

type Random = (length: number) => Uint8Array
/** Makes the kids of the junk of each half second; `undefined` is the stream's own kid. */
type Flood = (random: Random) => () => readonly (Uint8Array | undefined)[]

const strange: Flood = (random) => () => Array.from({ length: 100 }, () => random(8))

const copied: Flood = () => () => Array.from({ length: 25 }, () => undefined)

const repeated: Flood = (random) => {
  const kids = Array.from({ length: 8 }, () => random(8))
  return () => [...kids, ...kids, ...kids]
}

function randomOf(seed: number): Random {
  const next = seededRandom(seed)
  return (length) => Uint8Array.from({ length }, () => Math.floor(next() * 256))
}

/** A whole object, under another kid or its own, and with other bytes at its end. */
function junk(object: Uint8Array, kid: Uint8Array | undefined, tail: Uint8Array): Uint8Array {
  const copy = object.slice()
  const own = decodeObject(object).kid
  copy.set(kid ?? own, own.byteOffset - object.byteOffset)
  copy.set(tail, copy.length - tail.length)
  return copy
}

/** How many seconds pass until somebody reads who is new to a stream that is flooded. */
async function secondsUntilRead(floods: readonly Flood[], seed: number): Promise<number> {
  const random = randomOf(seed)
  const decide = { decide: (request) => request.grant() } satisfies Resident['options']
  const plant = await town.member('plant', { produces: ['plant/#'] }, decide)
  const producer = await plant.endpoint.producer(STREAM)
  const object = producer.seal('copied by many')
  const sources = floods.map((flood) => flood(random))
  const desk = await town.member(
    'desk',
    {},
    { crypto: { ...nodeProvider, randomBytes: randomOf(seed + 100) } },
  )
  const read = new Set<string>()
  void (async () => {
    for await (const message of desk.endpoint.reader(STREAM)) {
      read.add(message.text())
      await message.acknowledge()
    }
  })()
  const startMs = town.clock.monotonic()
  const seconds = (): number => (town.clock.monotonic() - startMs) / 1000
  while (!read.has('genuine') && seconds() < 300) {
    for (const kid of sources.flatMap((next) => next()))
      town.broker.inject(STREAM, junk(object, kid, random(32)))
    if (seconds() % 1 === 0) await producer.publish('genuine')
    await town.pass(STEP_MS, STEP_MS)
  }
  expect(eventsOf(desk, 'parked').length).toBeGreaterThan(100)
  return seconds()
}

describe('a newcomer to a flooded stream', () => {
  it.each([
    ['random and copied kids', [strange, copied], 1, 15],
    ['random kids', [strange], 2, 15],
    ['eight made-up kids', [repeated], 3, 62],
    ['random and eight made-up kids', [strange, repeated], 4, 180],
  ])('reads it in the midst of junk under %s', async (_, floods, seed, mostSeconds) => {
    expect(await secondsUntilRead(floods, seed)).toBeLessThanOrEqual(mostSeconds)
  })
})
