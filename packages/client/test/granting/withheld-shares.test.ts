import { inboxAddress, toBase64Url } from '@waxwing/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Decide } from '../../src/options.js'
import { DAY, START } from '../support/plant.js'
import { canOpen, eventsOf, Town, want, type Resident } from '../support/town.js'

const STREAM = 'plant/1'
const MINUTE = 60_000
const ALWAYS = { from: new Date(START - DAY) }
const SHARE = { ...ALWAYS, rights: 'share' } as const
const grantAll: Decide = (request) => request.grant(ALWAYS)

let town: Town
let plant: Resident
let desk: Resident
beforeEach(async () => {
  town = await Town.found()
  const terms = { produces: ['plant/#'] }
  plant = await town.member('plant', terms, { announce: true, decide: grantAll })
  desk = await town.member('desk', {}, { announce: true })
})
afterEach(() => town.close())

async function keeperNamed(name: string): Promise<Resident> {
  const keeper = await town.member(name, {}, { announce: true, decide: grantAll })
  await town.domain.addKeeper(keeper.endpoint.parts.identity.id)
  town.publishBundle()
  await town.pass(3000, 100)
  return keeper
}

async function seal(): Promise<Uint8Array> {
  const producer = await plant.endpoint.producer(STREAM)
  await producer.ready()
  return producer.seal('21.5')
}

async function ask(resident: Resident, object: Uint8Array): Promise<void> {
  want(resident, object)
  await town.pass(5000, 50)
}

/** What is ordered does not arrive; what is left for it to find does. */
function delayOrders({ endpoint }: Resident): () => void {
  return town.broker.faults.always(inboxAddress(endpoint.parts.identity.id), { kind: 'drop' })
}

const generations = ({ endpoint }: Resident): number => endpoint.generations().length

describe('the keys that are used because somebody was revoked', () => {
  let keeper: Resident
  beforeEach(async () => {
    keeper = await keeperNamed('keeper')
    await ask(desk, await seal())
    await town.pass(70_000, 1000)
  })

  it('reach a keeper only after it has acknowledged that', async () => {
    const stop = delayOrders(keeper)
    await plant.endpoint.revoke(STREAM, desk.endpoint.id)
    await town.settle()
    const during = await seal()
    await ask(desk, during)
    expect(generations(keeper)).toBe(1)
    stop()
    await town.pass(5 * MINUTE, 1000)
    expect(eventsOf(keeper, 'revoked')).toHaveLength(1)
    expect(generations(keeper)).toBe(2)
    const after = await seal()
    expect(canOpen(keeper, after)).toBe(true)
    await plant.endpoint.close()
    await ask(desk, after)
    expect([during, after].map((object) => canOpen(desk, object))).toEqual([false, false])
    expect(eventsOf(desk, 'denial').at(-1)?.code).toBe('not-authorized')
  })

  it('are withheld from nobody else: neither another keeper nor a reader waits', async () => {
    const other = await keeperNamed('other')
    const reader = await town.member('reader', {}, { announce: true })
    const stop = delayOrders(keeper)
    await plant.endpoint.revoke(STREAM, desk.endpoint.id)
    await town.pass(2000, 50)
    const object = await seal()
    expect([keeper, other].map((one) => canOpen(one, object))).toEqual([false, true])
    await plant.endpoint.close()
    await ask(reader, object)
    expect(canOpen(reader, object)).toBe(true)
    stop()
  })

  it('reach it after a restart of the producer as well', async () => {
    const stop = delayOrders(keeper)
    await plant.endpoint.revoke(STREAM, desk.endpoint.id)
    await town.settle()
    await plant.endpoint.close()
    plant = await town.restart(plant)
    await seal()
    await town.settle()
    expect(generations(keeper)).toBe(1)
    stop()
    await town.pass(5 * MINUTE, 1000)
    expect(canOpen(keeper, await seal())).toBe(true)
  })

  it('reach it when it has acknowledged all who were revoked meanwhile', async () => {
    const others: Resident[] = []
    for (const name of ['a', 'b']) others.push(await town.member(name, {}, { announce: true }))
    for (const other of others) await ask(other, await seal())
    const stop = delayOrders(keeper)
    for (const one of [desk, ...others]) {
      const revoked = plant.endpoint.revoke(STREAM, one.endpoint.id)
      await town.pass(65_000, 1000)
      await revoked
    }
    expect(generations(keeper)).toBe(1)
    stop()
    await town.pass(15 * MINUTE, 1000)
    expect(eventsOf(keeper, 'revoked')).toHaveLength(3)
    expect(generations(keeper)).toBe(4)
  })

  it('are withheld from a keeper that comes back after months, until it believes an order', async () => {
    const stop = delayOrders(keeper)
    await keeper.endpoint.close()
    await plant.endpoint.revoke(STREAM, desk.endpoint.id)
    await town.pass(200 * DAY, DAY)
    await town.admit(plant, { produces: ['plant/#'] })
    await town.domain.renewBundle()
    town.publishBundle()
    await town.settle()
    keeper = await town.restart(keeper)
    await town.admit(keeper)
    stop()
    await town.pass(DAY, MINUTE)
    expect(eventsOf(keeper, 'revoked')).toHaveLength(1)
    expect(canOpen(keeper, await seal())).toBe(true)
  })
})

describe('whoever is made to grant a stream', () => {
  it('learns who was revoked before, and only then gets keys', async () => {
    await ask(desk, await seal())
    await plant.endpoint.revoke(STREAM, desk.endpoint.id)
    await town.settle()
    const keeper = await keeperNamed('keeper')
    const object = await seal()
    expect(canOpen(keeper, object)).toBe(true)
    await plant.endpoint.close()
    await ask(desk, object)
    expect(canOpen(desk, object)).toBe(false)
    expect(eventsOf(desk, 'denial').at(-1)?.code).toBe('not-authorized')
  })

  it('learns of hundreds who were revoked before within seconds', async () => {
    await seal()
    const revoked = Array.from({ length: 200 }, (_, n) => new Uint8Array(32).fill(n))
    for (const id of revoked) await plant.endpoint.revoke(STREAM, toBase64Url(id))
    const keeper = await keeperNamed('keeper')
    await town.pass(5000, 100)
    expect(canOpen(keeper, await seal())).toBe(true)
    expect(eventsOf(keeper, 'control-refused')).toEqual([])
  })

  it('by a person is refused the keys until then: the next try succeeds', async () => {
    const friend = await town.member('friend', {}, { announce: true, decide: grantAll })
    await ask(desk, await seal())
    await plant.endpoint.revoke(STREAM, desk.endpoint.id)
    await expect(plant.endpoint.grant(STREAM, 'friend', SHARE)).rejects.toMatchObject({
      code: 'ERR_NOT_AUTHORIZED',
      details: { rule: 'unacknowledged' },
    })
    await town.settle()
    expect(eventsOf(plant, 'ack')).toEqual([{ type: 'ack', principal: friend.endpoint.id }])
    expect(await plant.endpoint.grant(STREAM, 'friend', SHARE)).toHaveLength(2)
    await town.settle()
    const object = await seal()
    expect(canOpen(friend, object)).toBe(true)
    await plant.endpoint.close()
    await ask(desk, object)
    expect(canOpen(desk, object)).toBe(false)
  })

  it('by a request is told to wait until then', async () => {
    const friend = await town.member('friend', {}, { announce: true })
    const object = await seal()
    await ask(desk, object)
    await plant.endpoint.revoke(STREAM, desk.endpoint.id)
    const to = { principal: friend.endpoint.id }
    await plant.endpoint.rules.set({ id: 'sharing', streams: STREAM, to, rights: 'share' })
    const answered: string[] = []
    plant.endpoint.on('event', (event) => {
      if (event.type === 'denied') answered.push(event.code)
      if (event.type === 'granted') answered.push(event.rights)
    })
    await ask(friend, object)
    await town.pass(2 * MINUTE, 1000)
    expect(answered).toEqual(['pending-approval', 'share'])
  })
})
