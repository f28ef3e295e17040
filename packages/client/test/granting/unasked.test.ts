import type { Store } from '@waxwing/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Decide } from '../../src/options.js'
import { faultyStore } from '../../src/testing.js'
import { DAY, HOUR, START } from '../support/plant.js'
import { canOpen, eventsOf, Town, want, type Resident } from '../support/town.js'

const STREAM = 'plant/1'
const ALWAYS = { from: new Date(START - DAY) }
const grantAll: Decide = (request) => request.grant(ALWAYS)
const MINUTE = 60_000

let town: Town
let plant: Resident
beforeEach(async () => {
  town = await Town.found()
  plant = await town.member('plant', { produces: ['plant/#'] })
})
afterEach(() => town.close())

async function seal(): Promise<Uint8Array> {
  const producer = await plant.endpoint.producer(STREAM)
  await producer.ready()
  return producer.seal('21.5')
}

async function rotate(): Promise<void> {
  const rotated = (await plant.endpoint.producer(STREAM)).rotate()
  await town.pass(61_000, 1000)
  await rotated
}

describe('a grant unasked', () => {
  it('is left in the broker, and found by whoever comes later', async () => {
    const desk = await town.member('desk', {}, { announce: true })
    const object = await seal()
    await desk.endpoint.close()
    await plant.endpoint.grant(STREAM, 'desk', ALWAYS)
    await plant.endpoint.close()
    const late = await town.restart(desk)
    await town.settle()
    expect(canOpen(late, object)).toBe(true)
    expect(eventsOf(late, 'requested')).toEqual([])
  })

  it('covers each generation that its terms reach, at an address for each', async () => {
    const desk = await town.member('desk', {}, { announce: true })
    const objects: Uint8Array[] = []
    for (let i = 0; i < 3; i++) {
      objects.push(await seal())
      await rotate()
    }
    await desk.endpoint.close()
    const before = town.broker.carried.length
    const grants = await plant.endpoint.grant(STREAM, 'desk', ALWAYS)
    expect(grants).toHaveLength(4)
    const left = town.broker.carried.slice(before).filter(({ retained }) => retained)
    expect(new Set(left.map(({ address }) => address)).size).toBe(4)
    const late = await town.restart(desk)
    await town.settle()
    expect(objects.map((object) => canOpen(late, object))).toEqual([true, true, true])
  })

  it('for the future leaves out generations that are closed', async () => {
    await town.member('desk', {}, { announce: true })
    await seal()
    await town.pass(5 * HOUR, 10 * MINUTE)
    await rotate()
    await town.pass(5 * HOUR, 10 * MINUTE)
    expect(await plant.endpoint.grant(STREAM, 'desk')).toHaveLength(1)
  })

  it('is not made for one who was revoked, or of whom no card is held', async () => {
    const desk = await town.member('desk', {}, { announce: true })
    const silent = await town.member('silent')
    await seal()
    await plant.endpoint.receive(silent.endpoint.parts.identity.credential ?? new Uint8Array())
    await expect(plant.endpoint.grant(STREAM, 'silent')).rejects.toMatchObject({
      code: 'ERR_KEY_UNKNOWN',
    })
    await expect(plant.endpoint.grant('plant/2', 'desk')).rejects.toMatchObject({
      code: 'ERR_KEY_UNKNOWN',
    })
    await town.domain.revoke(desk.endpoint.parts.identity.id)
    town.publishBundle()
    await town.settle()
    await expect(plant.endpoint.grant(STREAM, desk.endpoint.id)).rejects.toMatchObject({
      code: 'ERR_REVOKED',
    })
  })

  it('stands not in spite of a bundle that revokes while it is being made', async () => {
    const desk = await town.member('desk', {}, { announce: true })
    await seal()
    const { granter, messenger } = plant.endpoint.parts
    const seals = messenger.sealFor.bind(messenger)
    await town.domain.revoke(desk.endpoint.parts.identity.id)
    messenger.sealFor = async (...inputs) => {
      const reply = await seals(...inputs)
      await plant.endpoint.receive(town.domain.bundle)
      await town.settle()
      return reply
    }
    await plant.endpoint.grant(STREAM, desk.endpoint.id, ALWAYS)
    await town.pass(70_000, 1000)
    expect(await granter.standing(desk.endpoint.id)).toEqual([])
    expect(eventsOf(plant, 'rotated')).toHaveLength(1)
    await town.settle()
    expect(canOpen(desk, await seal())).toBe(false)
  })

  it('is not made if a bundle revokes before it is noted', async () => {
    let hold: Promise<void> | undefined
    const wrap = (store: Store): Store =>
      faultyStore(store, {
        beforeRead: (table) => {
          if (table !== 'ledger' || hold === undefined) return
          const held = hold
          hold = undefined
          return held
        },
      })
    plant = await town.member('other plant', { produces: ['plant/#'] }, {}, wrap)
    const desk = await town.member('desk', {}, { announce: true })
    await seal()
    await town.domain.revoke(desk.endpoint.parts.identity.id)
    let release = (): void => undefined
    hold = new Promise((resolve) => (release = resolve))
    const granting = Promise.allSettled([plant.endpoint.grant(STREAM, desk.endpoint.id, ALWAYS)])
    await town.settle()
    await plant.endpoint.receive(town.domain.bundle)
    await town.settle()
    release()
    const [{ reason }] = (await granting) as [PromiseRejectedResult]
    expect(reason).toMatchObject({ code: 'ERR_REVOKED' })
    expect(await plant.endpoint.parts.granter.standing(desk.endpoint.id)).toEqual([])
    expect(eventsOf(plant, 'granted')).toEqual([])
  })

  it('of hundreds at once is taken whole', async () => {
    const desk = await town.member('desk', {}, { announce: true })
    await desk.endpoint.close()
    for (let i = 0; i < 150; i++) {
      await plant.endpoint.producer(`plant/${i}`)
      await plant.endpoint.grant(`plant/${i}`, 'desk')
    }
    const late = await town.restart(desk)
    for (let i = 0; i < 50; i++) await town.settle()
    expect(late.endpoint.generations()).toHaveLength(150)
  }, 60_000)
})

describe('a delegate', () => {
  it('with two separate shares grants from the one that is asked for', async () => {
    await town.member('delegate', {}, { announce: true, decide: grantAll })
    const early = await seal()
    const share = { rights: 'share' as const }
    const hour = (n: number): Date => new Date(START + n * HOUR)
    await plant.endpoint.grant(STREAM, 'delegate', { ...share, from: hour(0), until: hour(0.5) })
    await town.pass(3 * HOUR, 10 * MINUTE)
    const middle = await seal()
    await town.pass(3 * HOUR, 10 * MINUTE)
    const late = await seal()
    await plant.endpoint.grant(STREAM, 'delegate', { ...share, from: hour(6), until: hour(20) })
    await town.settle()
    await plant.endpoint.close()
    const desk = await town.member('desk')
    want(desk, early, { andLater: false })
    await town.pass(3000, 50)
    want(desk, late, { andLater: false })
    want(desk, middle, { andLater: false })
    await town.pass(10_000, 50)
    expect([early, middle, late].map((object) => canOpen(desk, object))).toEqual([
      true,
      false,
      true,
    ])
    expect(eventsOf(desk, 'denial').at(-1)?.code).toBe('out-of-span')
  })

  it('whose upstream was revoked serves nothing any more, and does not pretend to', async () => {
    const one = await town.member('one', {}, { announce: true, decide: grantAll })
    const two = await town.member('two', {}, { announce: true, decide: grantAll })
    const object = await seal()
    await plant.endpoint.grant(STREAM, 'one', { ...ALWAYS, rights: 'share' })
    await town.settle()
    await one.endpoint.grant(STREAM, 'two', { ...ALWAYS, rights: 'share' })
    await town.settle()
    expect(canOpen(two, object)).toBe(true)
    await town.domain.revoke(one.endpoint.parts.identity.id)
    town.publishBundle()
    await town.settle()
    const [generation] = two.endpoint.generations()
    if (generation === undefined) throw new Error('two was granted')
    expect(two.endpoint.parts.granter.authoritiesOver(generation)).toEqual([])
  })
})

describe('what stands in for a producer', () => {
  it('is shared before the first object, and again until it is acknowledged', async () => {
    const keeper = await town.member('keeper', {}, { announce: true })
    await town.domain.addKeeper(keeper.endpoint.parts.identity.id)
    town.publishBundle()
    await town.settle()
    const inbox = `waxwing/v1/inbox/${keeper.endpoint.id}/#`
    const stop = town.broker.faults.always(inbox, { kind: 'drop' })
    const producer = await plant.endpoint.producer(STREAM)
    await producer.publish('first')
    await town.settle()
    const addresses = town.broker.carried.map(({ address }) => address)
    const shares = addresses.filter((address) => address.startsWith('waxwing/v1/inbox/'))
    expect(shares.length).toBeGreaterThanOrEqual(2) // the keeper's and the recovery principal's
    expect(addresses.lastIndexOf(shares.at(-1) ?? '')).toBeLessThan(addresses.indexOf(STREAM))
    await town.pass(10 * MINUTE, 5000)
    expect(eventsOf(plant, 'no-ack')).toEqual([
      { type: 'no-ack', principal: keeper.endpoint.id, about: 'share' },
    ])
    stop()
    await town.pass(20 * MINUTE, 10_000)
    expect(eventsOf(plant, 'ack')).toHaveLength(1)
    expect(keeper.endpoint.generations()).toHaveLength(1)
  })

  it('gives a lost ack again', async () => {
    const keeper = await town.member('keeper', {}, { announce: true })
    await town.domain.addKeeper(keeper.endpoint.parts.identity.id)
    town.publishBundle()
    await town.settle()
    town.broker.faults.once(`waxwing/v1/inbox/${plant.endpoint.id}`, { kind: 'drop' })
    await seal()
    await town.settle()
    expect(eventsOf(plant, 'ack')).toEqual([])
    expect(keeper.endpoint.generations()).toHaveLength(1)
    await town.pass(2 * MINUTE, 1000)
    expect(eventsOf(plant, 'ack')).toHaveLength(1)
    expect(eventsOf(keeper, 'grant')).toHaveLength(1)
  })

  it('does not keep a producer from sealing that is off-line when it starts', async () => {
    plant.transport.disconnect()
    const producer = await plant.endpoint.producer(STREAM)
    const object = producer.seal('in the tunnel')
    expect(object.length).toBeGreaterThan(0)
    plant.transport.reconnect()
    await town.settle()
    const recovery = town.broker.carried.filter(({ address }) => address.includes('/inbox/'))
    expect(recovery).toHaveLength(1)
  })

  it('is shared with a keeper that was named later, of all generations', async () => {
    const object = await seal()
    await rotate()
    const keeper = await town.member('keeper', {}, { announce: true })
    await town.domain.addKeeper(keeper.endpoint.parts.identity.id)
    town.publishBundle()
    await town.settle()
    expect(keeper.endpoint.generations()).toHaveLength(2)
    expect(canOpen(keeper, object)).toBe(true)
    expect(canOpen(keeper, await seal())).toBe(true)
  })
})
