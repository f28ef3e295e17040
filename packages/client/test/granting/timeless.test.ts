import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fixedClock } from '../../src/testing.js'
import { DAY, START } from '../support/plant.js'
import { canOpen, eventsOf, Town, want, type Resident } from '../support/town.js'

const STREAM = 'plant/1'

let town: Town
let plant: Resident
let desk: Resident
let object: Uint8Array

/** The plant lost its clock, and the desk was admitted after the last time that the plant knows. */
beforeEach(async () => {
  town = await Town.found()
  const clock = fixedClock(START)
  plant = await town.member('plant', { produces: ['plant/#'] }, { clock })
  object = (await plant.endpoint.producer(STREAM)).seal('21.5')
  const former = await town.member('desk', {}, { announce: true })
  await town.domain.revoke(former.endpoint.parts.identity.id)
  town.publishBundle()
  await town.settle()
  await plant.endpoint.close()
  await town.pass(3 * DAY, DAY)
  desk = await town.member('desk', {}, { announce: true })
  clock.forget()
  plant = await town.restart(plant)
  await town.settle()
})
afterEach(() => town.close())

describe('a granter that does not know the time', () => {
  it('carries out what a person decides for one whose credential is newer', async () => {
    want(desk, object)
    await town.pass(1000, 50)
    const [request] = await plant.endpoint.requests()
    if (request === undefined) throw new Error('the plant kept the request')
    const decision = request.grant({ from: new Date(START - DAY) })
    await plant.endpoint.decide(request.requestId, decision)
    await town.settle()
    expect(canOpen(desk, object)).toBe(true)
    expect(eventsOf(plant, 'granted')).toHaveLength(1)
  })

  it('grants such a one unasked', async () => {
    const grants = await plant.endpoint.grant(STREAM, desk.endpoint.id, {
      from: new Date(START - DAY),
    })
    expect(grants).toHaveLength(1)
    await town.settle()
    expect(canOpen(desk, object)).toBe(true)
  })

  it('tells such a one from another of the same name who was revoked', async () => {
    expect(plant.endpoint.parts.trustBook.known().filter(isDesk)).toHaveLength(2)
    const found = plant.endpoint.parts.trustBook.findPrincipal('desk')
    expect(found?.id).toEqual(desk.endpoint.parts.identity.id)
  })
})

function isDesk({ name }: { readonly name: string }): boolean {
  return name === 'desk'
}
