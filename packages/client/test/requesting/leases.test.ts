import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Decide } from '../../src/options.js'
import { DAY, HOUR } from '../support/plant.js'
import { canOpen, eventsOf, Town, want, type Resident } from '../support/town.js'

const STREAM = 'plant/1'
const MINUTE = 60_000

let town: Town
beforeEach(async () => {
  town = await Town.found()
})
afterEach(() => town.close())

async function leased(leaseSeconds: number): Promise<{ plant: Resident; desk: Resident }> {
  const decide: Decide = (request) => request.grant({ leaseSeconds })
  const plant = await town.member('plant', { produces: ['plant/#'] }, { decide })
  const desk = await town.member('desk')
  want(desk, (await plant.endpoint.producer(STREAM)).seal('first'))
  await town.pass(1000, 50)
  return { plant, desk }
}

async function seal({ endpoint }: Resident): Promise<Uint8Array> {
  const producer = await endpoint.producer(STREAM)
  await producer.ready()
  return producer.seal('x')
}

describe('a lease', () => {
  it.each([
    ['of ten minutes, shorter than an epoch', 600, 12 * HOUR, 4 * MINUTE],
    ['of a day', 86_400, 5 * DAY, HOUR / 2],
    ['of thirty days', 30 * 86_400, 70 * DAY, 2 * DAY],
  ])('%s is renewed in time, again and again', async (_, leaseSeconds, during, step) => {
    const { plant, desk } = await leased(leaseSeconds)
    for (let passed = 0; passed < during; passed += step) {
      if (passed % (10 * DAY) === 0) {
        await town.domain.renewBundle()
        town.publishBundle()
      }
      await town.pass(step, Math.min(step / 4, HOUR / 2))
      expect(canOpen(desk, await seal(plant))).toBe(true)
    }
    expect(eventsOf(desk, 'requested').length).toBeGreaterThan(2)
  })

  it('keeps no more keys than it needs: the epoch that holds its end is the last', async () => {
    const { plant, desk } = await leased(600)
    desk.transport.disconnect()
    await town.pass(2 * HOUR, 10 * MINUTE)
    expect(canOpen(desk, await seal(plant))).toBe(false)
  })

  it('is renewed no more once its holder is revoked', async () => {
    const { plant, desk } = await leased(7200)
    await plant.endpoint.revoke(STREAM, 'desk', { rotate: false })
    await town.pass(2 * DAY, 5 * MINUTE)
    const denials = eventsOf(desk, 'denial')
    expect(denials.map(({ code }) => code)).toEqual(['not-authorized'])
    expect(canOpen(desk, await seal(plant))).toBe(false)
  })

  it('of a generation that was closed is renewed no more', async () => {
    const { plant, desk } = await leased(7200)
    await (await plant.endpoint.producer(STREAM)).rotate()
    want(desk, await seal(plant))
    await town.pass(1000, 50)
    const [closed, open] = desk.endpoint.generations()
    await town.pass(DAY, 5 * MINUTE)
    expect(closed?.closingEpoch).toBeDefined()
    const kids = eventsOf(desk, 'requested').map(({ kid }) => kid)
    expect(kids.filter((kid) => kid === closed?.kid)).toHaveLength(1)
    expect(kids.filter((kid) => kid === open?.kid).length).toBeGreaterThan(5)
  })

  it('is not renewed where another grant reaches further', async () => {
    const { plant, desk } = await leased(7200)
    await plant.endpoint.grant(STREAM, 'desk')
    await town.pass(DAY, 5 * MINUTE)
    expect(eventsOf(desk, 'requested')).toHaveLength(1)
    expect(canOpen(desk, await seal(plant))).toBe(true)
  })
})
