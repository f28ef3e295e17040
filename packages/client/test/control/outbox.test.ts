import { inboxAddress, WaxwingError, type Change } from '@waxwing/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Outbox, type Posting } from '../../src/control/outbox.js'
import type { Decide } from '../../src/options.js'
import { faultyStore, type StoreFaults } from '../../src/testing.js'
import { DAY, START } from '../support/plant.js'
import { eventsOf, Town, want, type Resident } from '../support/town.js'

const STREAM = 'plant/1'
const HOUR = 3_600_000

const grantAll: Decide = (request) => request.grant({ from: new Date(START - DAY) })

let town: Town
let plant: Resident
let faults: StoreFaults
beforeEach(async () => {
  town = await Town.found()
  faults = {}
  const options = { announce: true, decide: grantAll }
  plant = await town.member('plant', { produces: ['plant/#'] }, options, (store) =>
    faultyStore(store, {
      beforeWrite: (count, changes) => faults.beforeWrite?.(count, changes),
      afterWrite: (count, changes) => faults.afterWrite?.(count, changes),
    }),
  )
})
afterEach(() => town.close())

/** Fails one write of a kind. */
function failOnce(
  concerns: (changes: readonly Change[]) => boolean,
): NonNullable<StoreFaults['beforeWrite']> {
  let isDone = false
  return (_, changes) => {
    if (isDone || !concerns(changes)) return
    isDone = true
    throw new WaxwingError('ERR_STORE_BUSY', 'the disk is busy')
  }
}

const isInOutbox = ({ table }: Change): boolean => table === 'outbox'
const isDone = (change: Change): boolean => isInOutbox(change) && change.value === null

function postingFor(digest: string): Posting {
  const awaiting = { digest, principal: 'somebody', about: 'share' as const }
  return { address: 'a', payload: Uint8Array.of(1), retained: false, awaiting }
}

const carriedTo = (to: string): number =>
  town.broker.carried.filter(({ address }) => address === to).length

describe('what waits for an acknowledgement', () => {
  it('still waits after the store failed to note that it came', async () => {
    const { outbox } = plant.endpoint.parts
    const digest = 'ab'.repeat(32)
    await outbox.post([postingFor(digest)])
    faults = { beforeWrite: failOnce((changes) => changes.some(isDone)) }
    await expect(outbox.acknowledged(digest, 'somebody')).rejects.toMatchObject({
      code: 'ERR_STORE_BUSY',
    })
    expect(await outbox.acknowledged(digest, 'somebody')).toBe(true)
    expect(await plant.store.scan('outbox')).toEqual([])
  })

  it('is left in the same write in which something newer takes its place', async () => {
    const { outbox, runtime } = plant.endpoint.parts
    const old = { digest: 'ab'.repeat(32), principal: 'somebody' }
    await outbox.post([postingFor(old.digest)])
    const { changes, within, send } = await outbox.prepare([postingFor('cd'.repeat(32))], [old])
    expect(await plant.store.scan('outbox')).toHaveLength(1)
    await within(() => runtime.store.write(changes))
    await send()
    expect(await plant.store.scan('outbox')).toHaveLength(1)
    expect(await outbox.acknowledged(old.digest, 'somebody')).toBe(false)
    expect(await outbox.acknowledged('cd'.repeat(32), 'somebody')).toBe(true)
  })
})

describe('what waits for no acknowledgement', () => {
  it('is tried again when the store failed to note that it was sent', async () => {
    const { outbox } = plant.endpoint.parts
    faults = { beforeWrite: failOnce((changes) => changes.some(isDone)) }
    const { awaiting: _, ...posting } = postingFor('')
    await expect(outbox.post([posting])).rejects.toMatchObject({ code: 'ERR_STORE_BUSY' })
    expect(carriedTo('a')).toBe(1)
    await town.pass(60_000, 1000)
    expect(carriedTo('a')).toBe(2)
    expect(await plant.store.scan('outbox')).toEqual([])
  })
})

describe('what is handed out, where there is no transport', () => {
  it('is handed out by the next try, if the store failed to note that it was', async () => {
    const outbox = new Outbox(plant.endpoint.parts.runtime, undefined)
    const { awaiting: _, ...posting } = postingFor('')
    await outbox.post([posting])
    faults = { beforeWrite: failOnce((changes) => changes.some(isDone)) }
    await expect(outbox.take()).rejects.toMatchObject({ code: 'ERR_STORE_BUSY' })
    expect(await outbox.take()).toEqual([posting])
    expect(await outbox.take()).toEqual([])
  })
})

describe('an order to a keeper', () => {
  let desk: Resident
  let keeper: Resident
  beforeEach(async () => {
    desk = await town.member('desk', {}, { announce: true })
    keeper = await town.member('keeper', {}, { announce: true })
    await town.domain.addKeeper(keeper.endpoint.parts.identity.id)
    town.publishBundle()
    await town.pass(3000, 100)
    const producer = await plant.endpoint.producer(STREAM)
    await producer.ready()
    want(desk, producer.seal('1'))
    await town.pass(70_000, 1000)
  })

  const keeperInbox = (): string => inboxAddress(keeper.endpoint.parts.identity.id)

  it('is sent although the store cannot delete what it replaces by itself', async () => {
    const stop = town.broker.faults.always(keeperInbox(), { kind: 'drop' })
    await plant.endpoint.revoke(STREAM, desk.endpoint.id, { rotate: false })
    await town.pass(3000, 500)
    const isBareDeletion = (changes: readonly Change[]): boolean =>
      changes.length === 1 && changes.some(isDone)
    faults = { beforeWrite: failOnce(isBareDeletion) }
    const revoked = plant.endpoint.revoke(STREAM, desk.endpoint.id)
    await town.pass(120_000, 1000)
    await revoked
    faults = {}
    stop()
    await town.pass(8 * HOUR, 60_000)
    expect(eventsOf(keeper, 'revoked')).toHaveLength(1)
    expect(await plant.store.scan('outbox')).toEqual([])
    expect(keeper.endpoint.generations()).toHaveLength(2)
  })

  it('is sent although the write that it was part of seemed to fail', async () => {
    const isTelling = (changes: readonly Change[]): boolean =>
      changes.some(({ table }) => table === 'revocation-told')
    faults = { afterWrite: failOnce(isTelling) }
    await expect(plant.endpoint.revoke(STREAM, desk.endpoint.id)).rejects.toMatchObject({
      code: 'ERR_STORE_BUSY',
    })
    await town.pass(120_000, 1000)
    expect(eventsOf(keeper, 'revoked')).toHaveLength(1)
    expect(await plant.store.scan('outbox')).toEqual([])
  })
})
