import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Decide } from '../../src/options.js'
import { DAY, HOUR, START } from '../support/plant.js'
import { canOpen, Town, want, type Resident } from '../support/town.js'

const STREAM = 'plant/1'
const decide: Decide = (request) => request.grant({ from: new Date(START - DAY) })

let town: Town
let plant: Resident
let desk: Resident
let object: Uint8Array
beforeEach(async () => {
  town = await Town.found()
  plant = await town.member('plant', { produces: ['plant/#'] }, { decide })
  desk = await town.member('desk')
  const producer = await plant.endpoint.producer(STREAM, { history: 'forget' })
  object = producer.seal('soon forgotten')
  want(desk, object)
  await town.pass(1000, 50)
})
afterEach(() => town.close())

describe('a reader of a forgetful stream', () => {
  it('forgets two epochs late, in memory and on disk, and opens what comes', async () => {
    await town.pass(2 * HOUR - 120_000, 30_000)
    expect(canOpen(desk, object)).toBe(true)
    await town.pass(HOUR + 240_000, 30_000)
    expect(canOpen(desk, object)).toBe(false)
    await desk.endpoint.close()
    desk = await town.restart(desk)
    expect(desk.endpoint.generations()).toHaveLength(1)
    expect(canOpen(desk, object)).toBe(false)
    const producer = await plant.endpoint.producer(STREAM)
    await producer.ready()
    expect(canOpen(desk, producer.seal('new'))).toBe(true)
  })

  it('forgets nothing because a clock jumped ahead, until that is confirmed', async () => {
    expect(canOpen(desk, object)).toBe(true)
    town.clock.set(START + 5 * DAY)
    await town.pass(HOUR, 60_000)
    expect(canOpen(desk, object)).toBe(true)
    await desk.endpoint.receive(await town.domain.renewBundle())
    await town.pass(120_000, 10_000)
    expect(canOpen(desk, object)).toBe(false)
  })
})
