import { WaxwingError } from '@waxwing/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { faultyStore } from '../src/testing.js'
import { DAY, START } from './support/plant.js'
import { canOpen, eventsOf, Town, want, type Resident } from './support/town.js'

const STREAM = 'plant/1'
const MINUTE = 60_000

let town: Town
let plant: Resident
let isBusy: boolean
beforeEach(async () => {
  town = await Town.found()
  isBusy = false
  const decide: Resident['options']['decide'] = (r) => r.grant({ from: new Date(START - DAY) })
  plant = await town.member('plant', { produces: ['plant/#'] }, { decide }, (store) =>
    faultyStore(store, {
      beforeRead: (table) => {
        if (isBusy && table === 'generation') throw new WaxwingError('ERR_STORE_BUSY', 'busy')
      },
    }),
  )
})
afterEach(() => town.close())

describe('a bundle that was accepted', () => {
  it('is followed, although the store was busy just then', async () => {
    const desk = await town.member('desk')
    const producer = await plant.endpoint.producer(STREAM)
    await producer.ready()
    const before = producer.seal('before')
    want(desk, before)
    await town.pass(1000, 50)
    expect(canOpen(desk, before)).toBe(true)
    await town.domain.revoke(desk.endpoint.parts.identity.id)
    isBusy = true
    town.publishBundle()
    await town.pass(10_000, 500)
    isBusy = false
    await town.pass(3 * MINUTE, 1000)
    expect(eventsOf(plant, 'revoked')).toHaveLength(1)
    await producer.ready()
    expect(canOpen(desk, producer.seal('after'))).toBe(false)
    expect(eventsOf(plant, 'trust').map(({ version }) => version)).toEqual([1, 2])
  })

  it('is followed while the broker is away: what is new to be listened to waits', async () => {
    const desk = await town.member('desk')
    const producer = await plant.endpoint.producer(STREAM)
    await producer.ready()
    want(desk, producer.seal('before'))
    await town.pass(1000, 50)
    const other = await Town.found()
    const partner = town.domain.readPartnerCard(other.domain.partnerCard())
    await town.domain.addPartner({ ...partner, patterns: [] })
    await town.domain.revoke(desk.endpoint.parts.identity.id)
    plant.transport.disconnect()
    await plant.endpoint.receive(town.domain.bundle)
    await town.pass(3 * MINUTE, 1000)
    expect(eventsOf(plant, 'revoked')).toHaveLength(1)
    plant.transport.reconnect()
    await town.settle()
  })
})
