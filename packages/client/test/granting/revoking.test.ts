import type { Store } from '@waxwing/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Domain } from '../../src/domain/domain.js'
import { memoryStore } from '../../src/memory-store.js'
import type { Decide } from '../../src/options.js'
import { faultyStore, fixedClock } from '../../src/testing.js'
import { DAY, START } from '../support/plant.js'
import { canOpen, eventsOf, Town, want, type Resident } from '../support/town.js'

const STREAM = 'plant/1'
const ALWAYS = { from: new Date(START - DAY) }
const grantAll: Decide = (request) => request.grant(ALWAYS)

let town: Town
let plant: Resident
let desk: Resident

beforeEach(async () => {
  town = await Town.found()
})
afterEach(() => town.close())

async function begin(wrap?: (store: Store) => Store): Promise<Uint8Array> {
  plant = await town.member('plant', { produces: ['plant/#'] }, { decide: grantAll }, wrap)
  desk = await town.member('desk')
  const object = await seal()
  await ask(desk, object)
  expect(canOpen(desk, object)).toBe(true)
  return object
}

async function seal(): Promise<Uint8Array> {
  const producer = await plant.endpoint.producer(STREAM)
  await producer.ready()
  return producer.seal('21.5')
}

async function ask(resident: Resident, object: Uint8Array): Promise<void> {
  want(resident, object)
  await town.pass(1000, 50)
}

const rotations = (): number => eventsOf(plant, 'rotated').length

describe('a revocation', () => {
  it('survives a crash between the ledger and the rotation', async () => {
    let isDead = false
    await begin((store) =>
      faultyStore(store, {
        beforeWrite: () => {
          if (isDead) throw new Error('the power is gone')
        },
        afterWrite: (_, changes) => {
          if (!changes.some(({ table }) => table === 'rotation-owed')) return
          isDead = true
          throw new Error('the power is gone')
        },
      }),
    )
    await expect(plant.endpoint.revoke(STREAM, 'desk')).rejects.toThrow('the power is gone')
    await plant.endpoint.close().catch(() => undefined)
    plant = await town.restart(plant)
    await town.settle()
    expect(rotations()).toBe(1)
    const after = await seal()
    await ask(desk, after)
    expect(canOpen(desk, after)).toBe(false)
    expect(eventsOf(desk, 'denial').at(-1)?.code).toBe('not-authorized')
  })

  it('of the bundle is followed after a restart, if the process died before it was', async () => {
    await begin()
    await town.domain.revoke(desk.endpoint.parts.identity.id)
    await plant.endpoint.close()
    plant = await town.restart(plant)
    plant.events.length = 0
    await plant.endpoint.receive(town.domain.bundle)
    await town.settle()
    expect(rotations()).toBe(1)
    await plant.endpoint.close()
    plant = await town.restart(plant)
    await town.settle()
    expect(rotations()).toBe(0)
  })

  it('holds up nothing else while its rotation waits for the minute to pass', async () => {
    await begin()
    const other = await town.member('other')
    await (await plant.endpoint.producer(STREAM)).rotate()
    const { revocation } = await town.domain.revoke(desk.endpoint.parts.identity.id)
    town.broker.inject(`waxwing/v1/inbox/${plant.endpoint.id}`, revocation)
    await town.pass(3000, 100)
    expect(rotations()).toBe(1)
    await ask(other, await seal())
    expect(eventsOf(other, 'grant')).toHaveLength(1)
    await town.pass(60_000, 1000)
    expect(rotations()).toBe(2)
  })

  it('merges rotations: ten at once make one', async () => {
    await begin()
    const residents: Resident[] = []
    for (let i = 0; i < 10; i++) residents.push(await town.member(`r${i}`))
    const object = await seal()
    for (const resident of residents) want(resident, object)
    await town.pass(3000, 50)
    const revoked = residents.map(({ name }) => plant.endpoint.revoke(STREAM, name))
    await town.pass(120_000, 1000)
    await Promise.all(revoked)
    expect(rotations()).toBeLessThanOrEqual(2)
    const after = await seal()
    await town.pass(3000, 50)
    for (const resident of residents) expect(canOpen(resident, after)).toBe(false)
  })

  it('that is replayed does not undo what a person granted since', async () => {
    await begin()
    const { revocation } = await town.domain.revoke(desk.endpoint.parts.identity.id)
    await plant.endpoint.receive(revocation)
    expect(rotations()).toBe(1)
    const { granter } = plant.endpoint.parts
    const principal = desk.endpoint.parts.trustBook.trust.resolve(
      desk.endpoint.parts.identity.id,
      desk.endpoint.parts.identity.credential,
    )
    const terms = { from: 0, until: null, leaseSeconds: null, rights: 'read', depth: null } as const
    await granter.record(STREAM, principal, { terms, rule: null, isExplicit: true })
    expect(await plant.endpoint.receive(revocation)).toHaveLength(1)
    await town.pass(70_000, 1000)
    expect(rotations()).toBe(1)
    expect(await granter.standing(desk.endpoint.id)).toHaveLength(1)
  })

  it('by a partner concerns its own principals only', async () => {
    await begin()
    const partner = await Domain.create({
      store: memoryStore(),
      clock: town.clock,
      name: 'p',
      recovery: false,
    })
    await town.domain.addPartner({
      ...town.domain.readPartnerCard(partner.partnerCard()),
      patterns: ['p/#'],
    })
    await plant.endpoint.receive(town.domain.bundle)
    const member = await town.open('partner member')
    await member.endpoint.admit(await partner.admit(await member.endpoint.enrolment({ name: 'm' })))
    await partner.revoke(desk.endpoint.parts.identity.id)
    await plant.endpoint.receive(partner.bundle)
    await town.settle()
    const [bundle] = plant.endpoint.parts.trustBook.trust.partnerBundles
    expect(bundle?.revoked).toHaveLength(1)
    expect(rotations()).toBe(0)
    expect(await plant.endpoint.parts.granter.standing(desk.endpoint.id)).toHaveLength(1)
  })

  it('reaches those who grant as well: a keeper grants the revoked nothing any more', async () => {
    const keeper = await town.member('keeper', {}, { announce: true, decide: grantAll })
    await town.domain.addKeeper(keeper.endpoint.parts.identity.id)
    town.publishBundle()
    await town.settle()
    await begin()
    await town.settle()
    expect(canOpen(keeper, await seal())).toBe(true)
    await plant.endpoint.revoke(STREAM, desk.endpoint.id)
    await town.settle()
    expect(eventsOf(keeper, 'revoked')).toEqual([
      { type: 'revoked', principal: desk.endpoint.id, stream: STREAM },
    ])
    const after = await seal()
    expect(canOpen(keeper, after)).toBe(true)
    await plant.endpoint.close()
    await ask(desk, after)
    await town.pass(10_000, 100)
    expect(canOpen(desk, after)).toBe(false)
    expect(eventsOf(keeper, 'denied').at(-1)?.code).toBe('not-authorized')
  })

  it('reaches a keeper that does not know the time, by a granter with a newer credential', async () => {
    const clock = fixedClock(START)
    let keeper = await town.member('keeper', {}, { announce: true, decide: grantAll, clock })
    await town.domain.addKeeper(keeper.endpoint.parts.identity.id)
    town.publishBundle()
    await town.settle()
    await begin()
    await town.settle()
    await keeper.endpoint.close()
    await town.pass(3 * DAY, DAY)
    await town.admit(plant, { produces: ['plant/#'] })
    clock.forget()
    keeper = await town.restart(keeper)
    await plant.endpoint.revoke(STREAM, desk.endpoint.id)
    await town.settle()
    expect(eventsOf(keeper, 'control-refused')).toEqual([])
    expect(eventsOf(keeper, 'revoked')).toHaveLength(1)
  })

  it('of one whom a keeper granted, and not we, rotates as well', async () => {
    const keeper = await town.member('keeper', {}, { announce: true, decide: grantAll })
    await town.domain.addKeeper(keeper.endpoint.parts.identity.id)
    town.publishBundle()
    await town.settle()
    plant = await town.member('plant', { produces: ['plant/#'] })
    desk = await town.member('desk')
    const before = await seal()
    await town.settle()
    await ask(desk, before)
    expect(canOpen(desk, before)).toBe(true)
    await town.domain.revoke(desk.endpoint.parts.identity.id)
    town.publishBundle()
    await town.settle()
    expect(rotations()).toBe(1)
    expect(canOpen(desk, await seal())).toBe(false)
  })

  it('is told again until it is acknowledged, and the revoker is alarmed', async () => {
    const keeper = await town.member('keeper', {}, { announce: true, decide: grantAll })
    await town.domain.addKeeper(keeper.endpoint.parts.identity.id)
    town.publishBundle()
    await town.settle()
    await begin()
    await town.settle()
    const inbox = `waxwing/v1/inbox/${keeper.endpoint.id}`
    const stop = town.broker.faults.always(inbox, { kind: 'drop' })
    await plant.endpoint.revoke(STREAM, desk.endpoint.id)
    await town.pass(10 * 60_000, 5000)
    expect(eventsOf(plant, 'no-ack').filter(({ about }) => about === 'revocation')).toHaveLength(1)
    stop()
    await town.pass(30 * 60_000, 10_000)
    expect(eventsOf(keeper, 'revoked')).toHaveLength(1)
    const sent = town.broker.carried.length
    await town.pass(DAY, 600_000)
    const again = town.broker.carried.slice(sent).filter(({ address }) => address === inbox)
    expect(again).toEqual([])
  })

  it('whose rotation waits survives a restart: closing does not wait for the minute', async () => {
    const object = await begin()
    const other = await town.member('other')
    await ask(other, object)
    await plant.endpoint.close()
    plant = await town.restart(plant)
    await plant.endpoint.revoke(STREAM, 'other')
    const revoking = plant.endpoint.revoke(STREAM, 'desk')
    const ended = Promise.allSettled([revoking])
    await town.settle()
    await plant.endpoint.close()
    const [{ reason }] = (await ended) as [PromiseRejectedResult]
    expect(reason).toMatchObject({ code: 'ERR_CLOSED' })
    expect(rotations()).toBe(1)
    plant = await town.restart(plant)
    await town.settle()
    expect(rotations()).toBe(1)
    const after = await seal()
    await ask(desk, after)
    expect(canOpen(desk, after)).toBe(false)
  })

  it('rotates a stream that the application opens later with options of its own', async () => {
    await begin()
    await plant.endpoint.close()
    plant = await town.restart(plant)
    await plant.endpoint.revoke(STREAM, 'desk')
    const producer = await plant.endpoint.producer(STREAM, { padToBytes: 1024 })
    expect(producer.seal('x').length).toBeGreaterThan(1024)
    expect(canOpen(desk, producer.seal('x'))).toBe(false)
  })

  describe('that first only renewed nothing', () => {
    let before: Uint8Array
    beforeEach(async () => {
      await begin()
      await plant.endpoint.revoke(STREAM, 'desk', { rotate: false })
      before = await seal()
    })

    async function expectShutOut(): Promise<void> {
      expect(rotations()).toBe(1)
      const after = await seal()
      await ask(desk, after)
      expect([before, after].map((object) => canOpen(desk, object))).toEqual([true, false])
      expect(eventsOf(plant, 'revoked')).toHaveLength(1)
    }

    it('rotates when it is said again, once, and leaves nothing held then', async () => {
      const { ledger } = plant.endpoint.parts.granter
      expect(await ledger.heldBy(desk.endpoint.id)).toHaveLength(1)
      await plant.endpoint.revoke(STREAM, 'desk', { rotate: false })
      expect(rotations()).toBe(0)
      await plant.endpoint.revoke(STREAM, 'desk')
      await plant.endpoint.revoke(STREAM, 'desk')
      await town.pass(70_000, 1000)
      expect(await ledger.heldBy(desk.endpoint.id)).toEqual([])
      await expectShutOut()
    })

    it('rotates when the bundle says it', async () => {
      await town.domain.revoke(desk.endpoint.parts.identity.id)
      await plant.endpoint.receive(town.domain.bundle)
      await town.settle()
      await expectShutOut()
    })

    it('rotates when an anchor says it', async () => {
      const { revocation } = await town.domain.revoke(desk.endpoint.parts.identity.id)
      await plant.endpoint.receive(revocation)
      await expectShutOut()
    })
  })
})
