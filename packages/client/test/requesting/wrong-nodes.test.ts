import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Decide } from '../../src/options.js'
import type { Producer } from '../../src/producing/producer.js'
import { DAY, START } from '../support/plant.js'
import { canOpen, eventsOf, Town, want, type Resident } from '../support/town.js'
import { wrongGrant } from '../support/wrong-nodes.js'

const STREAM = 'plant/1'
const ALWAYS = { from: new Date(START - DAY) }
const grantAll: Decide = (request) => request.grant(ALWAYS)

let town: Town
let plant: Resident
let desk: Resident
let producer: Producer
beforeEach(async () => {
  town = await Town.found()
  plant = await town.member(
    'plant',
    { produces: ['plant/#'] },
    { announce: true, decide: grantAll },
  )
  desk = await town.member('desk', {}, { announce: true })
  producer = await plant.endpoint.producer(STREAM)
  await producer.ready()
})
afterEach(() => town.close())

/** Lets somebody grant the stream on. */
async function delegate(name: string): Promise<Resident> {
  const resident = await town.member(name, {}, { announce: true, decide: grantAll })
  await town.pass(2000, 500)
  await plant.endpoint.grant(STREAM, name, { ...ALWAYS, rights: 'share', depth: 1 })
  await town.pass(2000, 500)
  return resident
}

/** A delegate that gives only what a test makes of it. */
async function liarOf(): Promise<Resident> {
  const liar = await delegate('liar')
  liar.transport.disconnect()
  return liar
}

async function give(giver: Resident, count: number, to = desk): Promise<void> {
  for (let i = 0; i < count; i++) await to.endpoint.receive(await wrongGrant(giver, to, STREAM))
}

describe('wrong nodes from a lawful delegate', () => {
  it('leave a place for those of the producer, are reported, and convicted by what opens', async () => {
    const liar = await liarOf()
    await give(liar, 8)
    const reader = desk.endpoint.reader(STREAM)
    const object = producer.seal('21.5')
    expect((await reader.open(object)).kind).toBe('parked')
    await plant.endpoint.grant(STREAM, 'desk', ALWAYS)
    await town.pass(2000, 500)
    expect(eventsOf(desk, 'crowded-nodes')).toMatchObject([{ grantIds: [expect.any(String)] }])
    expect((await reader.open(object)).kind).toBe('message')
    expect(eventsOf(desk, 'wrong-nodes')).toMatchObject([{ grantIds: { length: 7 } }])
  })

  it('leave a place for those of another delegate', async () => {
    const liar = await liarOf()
    const honest = await delegate('honest')
    await give(liar, 8)
    await honest.endpoint.grant(STREAM, 'desk', ALWAYS)
    await town.pass(2000, 500)
    await give(liar, 1)
    expect(canOpen(desk, producer.seal('21.5'))).toBe(true)
  })

  it('leave that place after a restart, too', async () => {
    const liar = await liarOf()
    await give(liar, 8)
    await desk.endpoint.close()
    const later = await town.restart(desk)
    await plant.endpoint.grant(STREAM, 'desk', ALWAYS)
    await town.pass(2000, 500)
    expect(canOpen(later, producer.seal('21.5'))).toBe(true)
  })

  it('that find no place are reported, not held, and answer nothing that was asked', async () => {
    const liar = await liarOf()
    await give(liar, 8)
    plant.transport.disconnect()
    want(desk, producer.seal('21.5'))
    await town.pass(10_000, 500)
    const [generation] = desk.endpoint.generations()
    const held = generation?.grants.size
    const before = eventsOf(desk, 'requested').length
    await give(liar, 1)
    expect(generation?.grants.size).toBe(held)
    expect(eventsOf(desk, 'crowded-nodes')).toHaveLength(1)
    await town.pass(60_000, 1000)
    expect(eventsOf(desk, 'requested').length).toBeGreaterThan(before)
  })

  it('that are held already answer nothing that was asked since', async () => {
    const wrong = await wrongGrant(await liarOf(), desk, STREAM)
    await desk.endpoint.receive(wrong)
    await desk.endpoint.close()
    plant.transport.disconnect()
    const later = await town.restart(desk)
    want(later, producer.seal('21.5'))
    await town.pass(1000, 100)
    const before = eventsOf(later, 'requested').length
    await later.endpoint.receive(wrong)
    await town.pass(60_000, 1000)
    expect(eventsOf(later, 'requested').length).toBeGreaterThan(before)
  })
})

describe('a keeper that was given wrong nodes first', () => {
  let keeper: Resident
  beforeEach(async () => {
    keeper = await town.member('keeper', {}, { announce: true, decide: grantAll })
    await town.pass(2000, 500)
  })
  const share = async (): Promise<void> => {
    await plant.endpoint.grant(STREAM, 'keeper', { ...ALWAYS, rights: 'share' })
    await town.pass(2000, 500)
  }

  it('grants on what the producer gave it, and is no witness against itself', async () => {
    await give(await liarOf(), 1, keeper)
    await share()
    await keeper.endpoint.grant(STREAM, 'desk', ALWAYS)
    await town.pass(2000, 500)
    expect(canOpen(desk, producer.seal('21.5'))).toBe(true)
  })

  it('grants on what the producer gave it, however wide a share came with wrong nodes', async () => {
    const liar = await town.member('liar', {}, { announce: true })
    await town.pass(2000, 500)
    await plant.endpoint.grant(STREAM, 'liar', { ...ALWAYS, rights: 'share', depth: 2 })
    await town.pass(2000, 500)
    liar.transport.disconnect()
    const wrong = await wrongGrant(liar, keeper, STREAM, { rights: 'share', depth: 1 })
    await keeper.endpoint.receive(wrong)
    await plant.endpoint.grant(STREAM, 'keeper', { rights: 'share', depth: 1 })
    await town.pass(2000, 500)
    plant.transport.disconnect()
    want(desk, producer.seal('21.5'))
    await town.pass(5000, 500)
    expect(canOpen(desk, producer.seal('21.5'))).toBe(true)
  })

  it('grants on all of it, although every place was taken', async () => {
    await give(await liarOf(), 8, keeper)
    await share()
    plant.transport.disconnect()
    want(desk, producer.seal('21.5'))
    await town.pass(5000, 500)
    expect(canOpen(desk, producer.seal('21.5'))).toBe(true)
  })
})

describe('grants without number', () => {
  it('are held up to a limit, the widest and the last among them', async () => {
    const other = await delegate('other')
    await plant.endpoint.grant(STREAM, 'desk', ALWAYS)
    await town.pass(2000, 500)
    const grant = async (giver: Resident, terms: object): Promise<void> => {
      await giver.endpoint.grant(STREAM, 'desk', terms)
      await town.pass(200, 100)
    }
    for (let i = 0; i < 20; i++) await grant(other, { ...ALWAYS, leaseSeconds: 86_400 + i })
    const [generation] = desk.endpoint.generations()
    expect(generation?.grants.size).toBe(17)
    for (let i = 0; i < 60; i++) await grant(plant, { leaseSeconds: 86_400 + i })
    const grants = [...(generation?.grants.values() ?? [])]
    expect(grants).toHaveLength(64)
    expect(grants.some(({ end, issuers }) => end === null && issuers.length === 1)).toBe(true)
    expect(grants.at(-1)?.end).toBeGreaterThan(START / 1000 + 86_400 + 59)
    expect(canOpen(desk, producer.seal('21.5'))).toBe(true)
  })
})
