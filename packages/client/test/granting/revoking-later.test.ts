import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { decodeMessage, inboxAddress } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { Domain } from '../../src/domain/domain.js'
import { DueWatch } from '../../src/granting/due-watch.js'
import { PostponedOrders } from '../../src/granting/postponed-orders.js'
import type { RevocationOrder } from '../../src/granting/revocation-order.js'
import { memoryStore } from '../../src/memory-store.js'
import type { Decide } from '../../src/options.js'
import { fixedClock, manualTimers } from '../../src/testing.js'
import { TimeKeeper } from '../../src/time-keeper.js'
import type { Timers } from '../../src/timers.js'
import { DAY, HOUR, START } from '../support/plant.js'
import { canOpen, eventsOf, Town, want, type Resident } from '../support/town.js'

const STREAM = 'plant/1'
const MINUTE = 60_000
/** Later than the longest delay of the platform's own timers. */
const SINCE = START + 40 * DAY
const grantAll: Decide = (request) => request.grant({ from: new Date(START - DAY) })

let town: Town
let plant: Resident
let desk: Resident

beforeEach(async () => {
  town = await Town.found()
  plant = await town.member('plant', { produces: ['plant/#'] }, { decide: grantAll })
  desk = await town.member('desk')
  want(desk, await seal())
  await town.pass(1000, 50)
})
afterEach(() => town.close())

async function seal(): Promise<Uint8Array> {
  const producer = await plant.endpoint.producer(STREAM)
  await producer.ready()
  return producer.seal('21.5')
}

const revoked = (): number => eventsOf(plant, 'revoked').length
const rotations = (): number => eventsOf(plant, 'rotated').length

describe('a principal that the bundle revokes as of a later time', () => {
  async function announce(): Promise<void> {
    await town.domain.revoke(desk.endpoint.parts.identity.id, new Date(SINCE))
    await plant.endpoint.receive(town.domain.bundle)
    await town.settle()
  }

  async function expectRevokedInTime(): Promise<void> {
    await town.pass(SINCE - 10 * MINUTE - town.clock.now()!, 2 * DAY)
    expect(revoked()).toBe(0)
    expect(canOpen(desk, await seal())).toBe(true)
    await town.pass(10 * MINUTE, MINUTE)
    expect([revoked(), rotations()]).toEqual([1, 1])
    expect(canOpen(desk, await seal())).toBe(false)
  }

  it('loses its grants at that time', async () => {
    await announce()
    await expectRevokedInTime()
  })

  it('loses them at that time after a restart as well', async () => {
    await announce()
    await plant.endpoint.close()
    plant = await town.restart(plant)
    await expectRevokedInTime()
    const errors = eventsOf(plant, 'error')
    expect(errors).toEqual([])
  })

  it('loses them when the clock is put right, and it is later than was thought', async () => {
    await announce()
    town.clock.set(SINCE)
    await town.pass(2 * MINUTE, MINUTE / 2)
    expect([revoked(), rotations()]).toEqual([1, 1])
  })

  it('does not while the clock shows an earlier time again', async () => {
    await announce()
    town.clock.set(SINCE - DAY)
    await town.pass(DAY / 2, HOUR)
    town.clock.set(START + 10 * DAY)
    await town.pass(2 * DAY, HOUR)
    expect(revoked()).toBe(0)
    await town.pass(28 * DAY, DAY)
    expect(revoked()).toBe(1)
  })

  it('loses them at the time that a newer bundle says', async () => {
    await announce()
    const sooner = new Date(START + 2 * DAY)
    await town.domain.revoke(desk.endpoint.parts.identity.id, sooner)
    await plant.endpoint.receive(town.domain.bundle)
    await town.pass(2 * DAY, HOUR)
    expect([revoked(), rotations()]).toEqual([1, 1])
    await town.pass(40 * DAY, 4 * DAY)
    expect(revoked()).toBe(1)
  })

  it('is struck with all others of its bundle, although the stream rotates once a minute', async () => {
    const other = await town.member('other')
    want(other, await seal())
    await town.pass(1000, 50)
    await (await plant.endpoint.producer(STREAM)).rotate()
    await town.domain.revoke(other.endpoint.parts.identity.id)
    await announce()
    expect(eventsOf(plant, 'revoked').map(({ principal }) => principal)).toEqual([
      other.endpoint.id,
    ])
    await town.domain.revoke(desk.endpoint.parts.identity.id, new Date(START))
    await plant.endpoint.receive(town.domain.bundle)
    await town.settle()
    expect(revoked()).toBe(2)
    await town.pass(2 * MINUTE, 1000)
    expect(rotations()).toBe(2)
  })

  it('leaves no timer behind', async () => {
    await announce()
    await Promise.all([plant.endpoint.close(), desk.endpoint.close()])
    expect(town.timers.pendingCount).toBe(0)
  })
})

describe('a revocation message as of a later time', () => {
  async function order(since = SINCE): Promise<Uint8Array> {
    return (await town.domain.revoke(desk.endpoint.parts.identity.id, new Date(since))).revocation
  }
  const acks = (): number =>
    town.broker.carried.filter(({ address }) => address === inboxAddress(town.domain.anchorId))
      .length

  it('is kept until then, carried out, and acknowledged only then', async () => {
    const message = await order()
    expect(await plant.endpoint.receive(message)).toEqual([])
    expect(await plant.endpoint.receive(message)).toEqual([])
    await plant.endpoint.close()
    plant = await town.restart(plant)
    await town.pass(39 * DAY, 3 * DAY)
    expect(revoked()).toBe(0)
    const before = acks()
    await town.pass(DAY, HOUR)
    expect([revoked(), rotations()]).toEqual([1, 1])
    expect(acks()).toBe(before + 1)
    expect(await plant.endpoint.receive(message)).toHaveLength(1)
    expect([revoked(), rotations()]).toEqual([1, 1])
    await town.pass(DAY, HOUR)
    expect(acks()).toBe(before + 1)
  })

  it('is kept with so many others of its author, and with no more', async () => {
    const orders = new PostponedOrders(memoryStore())
    const from = (author: number, number: number): RevocationOrder => ({
      digest: `${author} ${number}`,
      author: new Uint8Array(32).fill(author),
      byAnchor: false,
      principal: 'somebody',
      since: SINCE / 1000,
      generation: null,
      issued: START / 1000,
      expires: SINCE / 1000,
    })
    for (let i = 0; i < 1024; i++) await orders.keep(from(1, i))
    await orders.keep(from(1, 0))
    await expect(orders.keep(from(1, 1024))).rejects.toMatchObject({ code: 'ERR_LIMIT' })
    await orders.keep(from(2, 0))
    await orders.done(from(1, 0))
    await orders.keep(from(1, 1024))
    expect(await orders.all()).toHaveLength(1025)
    expect(await orders.all()).toContainEqual(from(2, 0))
  })
})

describe('whoever is told of a revocation', () => {
  it('by a granter is told since when: not later than now', async () => {
    const keeper = await town.member('keeper', {}, { announce: true, decide: grantAll })
    await town.domain.addKeeper(keeper.endpoint.parts.identity.id)
    town.publishBundle()
    await town.settle()
    await town.pass(HOUR, MINUTE)
    const composed: Uint8Array[] = []
    const { messenger } = plant.endpoint.parts
    const compose = messenger.compose.bind(messenger)
    messenger.compose = (type, body, options) => {
      const bytes = compose(type, body, options)
      if (type === 'revocation') composed.push(bytes)
      return bytes
    }
    await town.domain.revoke(desk.endpoint.parts.identity.id, new Date(START - HOUR))
    town.publishBundle()
    await town.settle()
    expect(composed.length).toBeGreaterThan(0)
    const message = decodeMessage(nodeProvider, composed[0] ?? new Uint8Array())
    expect(message.body).toMatchObject({ since: (START - HOUR) / 1000 })
    expect(eventsOf(keeper, 'revoked')).toHaveLength(1)
  })

  it('by a partner’s bundle acts on it, although it does not know the time', async () => {
    const { clock } = town
    const partner = await Domain.create({ store: memoryStore(), clock, name: 'p', recovery: false })
    const own = fixedClock(START)
    let device = await town.member('device', { produces: ['device/#'] }, { clock: own })
    await town.domain.addPartner({
      ...town.domain.readPartnerCard(partner.partnerCard()),
      patterns: ['p/#'],
    })
    await device.endpoint.receive(town.domain.bundle)
    const guest = await town.open('guest')
    await guest.endpoint.admit(await partner.admit(await guest.endpoint.enrolment({ name: 'g' })))
    await device.endpoint.receive(guest.endpoint.parts.identity.credential ?? new Uint8Array())
    await device.endpoint.receive(guest.endpoint.parts.identity.card.bytes)
    await (await device.endpoint.producer('device/1')).ready()
    await device.endpoint.grant('device/1', guest.endpoint.id)
    await device.endpoint.close()
    await town.pass(3 * DAY, DAY)
    own.forget()
    device = await town.restart(device)
    await partner.revoke(guest.endpoint.parts.identity.id)
    await device.endpoint.receive(partner.bundle)
    await town.settle()
    expect(eventsOf(device, 'revoked')).toHaveLength(1)
  })
})

describe('waiting for a time', () => {
  it('never asks more of a timer than a platform can do', () => {
    const clock = fixedClock(START)
    const manual = manualTimers(clock)
    const delays: number[] = []
    const timers: Timers = {
      after: (delayMs, run) => {
        delays.push(delayMs)
        return manual.after(delayMs, run)
      },
    }
    let ran = 0
    const runtime = { time: new TimeKeeper({ clock }), timers }
    const watch = new DueWatch(runtime, () => ran++)
    watch.waitFor(SINCE / 1000)
    clock.advance(40 * DAY - 1)
    expect(ran).toBe(0)
    clock.advance(1)
    expect(ran).toBe(1)
    clock.advance(DAY)
    expect(ran).toBe(1)
    expect(Math.max(...delays)).toBeLessThan(2 ** 31)
    watch.close()
  })
})
