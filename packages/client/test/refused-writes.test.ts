// SPDX-License-Identifier: Apache-2.0
/** What is true after a store refused a write: nothing that it does not hold. */
import { decodeObject, WaxwingError, type Change, type Store } from '@waxwing/core'
import { afterEach, describe, expect, it } from 'vitest'
import type { IncomingRequest } from '../src/options.js'
import { memoryStore } from '../src/memory-store.js'
import { SeenRecord } from '../src/reading/seen-record.js'
import { faultyStore } from '../src/testing.js'
import { DAY, START } from './support/plant.js'
import { canOpen, eventsOf, Town, want, type Resident } from './support/town.js'

const STREAM = 'plant/1'
const HOUR = 3_600_000
const towns: Town[] = []
afterEach(async () => {
  for (const town of towns.splice(0)) await town.close().catch(() => undefined)
})

/** Refuses writes of a kind while it is told to. */
class Refusal {
  isOn = false
  readonly #concerns: (change: Change) => boolean

  constructor(concerns: (change: Change) => boolean = () => true) {
    this.#concerns = concerns
  }

  readonly around = (store: Store): Store =>
    faultyStore(store, {
      beforeWrite: (_, changes) => {
        if (!this.isOn || !changes.some(this.#concerns)) return
        throw new WaxwingError('ERR_STORE_FULL', 'the disk is full')
      },
    })
}

async function townWith(
  refusal: Refusal,
): Promise<{ town: Town; plant: Resident; desk: Resident }> {
  const town = await Town.found()
  towns.push(town)
  const options = {
    decide: (request: IncomingRequest) => request.grant({ from: new Date(START - DAY) }),
  }
  const plant = await town.member('plant', { produces: ['plant/#'] }, options, refusal.around)
  const desk = await town.member('desk')
  return { town, plant, desk }
}

describe('a rotation that the store refuses', () => {
  it('leaves the generation in use as it was, here and at its readers', async () => {
    const refusal = new Refusal(({ table }) => table === 'generation')
    const { town, plant, desk } = await townWith(refusal)
    const producer = await plant.endpoint.producer(STREAM)
    await producer.ready()
    const { kid } = producer
    refusal.isOn = true
    await expect(producer.rotate()).rejects.toMatchObject({ code: 'ERR_STORE_FULL' })
    refusal.isOn = false
    expect(plant.endpoint.generations()).toMatchObject([{ kid, closingEpoch: undefined }])
    want(desk, producer.seal('now'))
    await town.pass(2 * HOUR, 60_000)
    await producer.ready()
    const object = decodeObject(producer.seal('later'))
    expect(producer.kid).toBe(kid)
    for (const { endpoint } of [plant, desk]) {
      const [generation] = endpoint.parts.book.byKid(kid)
      expect(generation?.opener.open(object)).toMatchObject({ kind: 'opened' })
    }
  })

  it('is made up for by the next, which closes the old one', async () => {
    const refusal = new Refusal(({ table }) => table === 'generation')
    const { plant } = await townWith(refusal)
    const producer = await plant.endpoint.producer(STREAM)
    refusal.isOn = true
    await expect(producer.rotate()).rejects.toThrow()
    refusal.isOn = false
    await producer.rotate()
    const [old, current] = plant.endpoint.generations()
    expect(old?.closingEpoch).toBeTypeOf('number')
    expect(current?.kid).toBe(producer.kid)
  })
})

describe('a grant that the store refuses', () => {
  it('is not acknowledged before it is recorded', async () => {
    const refusal = new Refusal(({ table }) => table === 'generation')
    const town = await Town.found()
    towns.push(town)
    const plant = await town.member('plant', { produces: ['plant/#'] }, { announce: true })
    const keeper = await town.member('keeper', {}, { announce: true }, refusal.around)
    await town.domain.addKeeper(keeper.endpoint.parts.identity.id)
    town.publishBundle()
    await town.pass(3000, 100)
    refusal.isOn = true
    const producer = await plant.endpoint.producer(STREAM)
    await producer.ready()
    await town.pass(3000, 100)
    expect(eventsOf(plant, 'ack')).toEqual([])
    refusal.isOn = false
    await town.pass(180_000, 1000)
    expect(eventsOf(plant, 'ack').length).toBeGreaterThan(0)
    expect(await keeper.store.scan('generation')).toHaveLength(1)
  })
})

describe('a decision that the store refuses', () => {
  it('is carried out when the store works again, and not left to a person', async () => {
    const refusal = new Refusal(({ table }) => table === 'ledger')
    const { town, plant, desk } = await townWith(refusal)
    const producer = await plant.endpoint.producer(STREAM)
    await producer.ready()
    const object = producer.seal('now')
    refusal.isOn = true
    want(desk, object)
    await town.pass(500, 50)
    refusal.isOn = false
    await town.pass(10_000, 100)
    expect(eventsOf(desk, 'denial')).toEqual([])
    expect(eventsOf(plant, 'request')).toEqual([])
    expect(eventsOf(plant, 'granted')).toHaveLength(1)
    expect(canOpen(desk, object)).toBe(true)
  })
})

describe('closing while the store refuses', () => {
  it('closes everything all the same, and says what was refused', async () => {
    const refusal = new Refusal()
    const { plant } = await townWith(refusal)
    const producer = await plant.endpoint.producer(STREAM)
    producer.seal('one')
    refusal.isOn = true
    await expect(plant.endpoint.close()).rejects.toMatchObject({ code: 'ERR_STORE_FULL' })
    await expect(plant.transport.send('a', new Uint8Array(1))).rejects.toThrow()
  })
})

describe('a snapshot that another process made first', () => {
  it('is read without disturbing what reads already', async () => {
    const base = memoryStore()
    const gates: (() => void)[] = []
    let isHeld = false
    const beforeRead = (): Promise<void> | undefined =>
      isHeld ? new Promise((resolve) => gates.push(resolve)) : undefined
    const record = new SeenRecord(faultyStore(base, { beforeRead }), 'reader/generation/session/')
    const other = new SeenRecord(base, 'reader/generation/session/')
    await record.read()
    const digest = new Uint8Array(8)
    await base.write([record.settlingChange(1, digest)])
    record.settled(1, digest)
    await other.read()
    await other.compact()
    isHeld = true
    const reading = record.read()
    const compacting = record.compact()
    await base.write([record.settlingChange(2, digest)])
    record.settled(2, digest)
    isHeld = false
    for (const open of gates) open()
    await Promise.all([reading, compacting])
    expect([1, 2, 3].map((counter) => record.ranges().check(counter, digest))).toEqual([
      'duplicate',
      'duplicate',
      'new',
    ])
  })
})

describe('a revocation by a process that missed a rotation', () => {
  it('rotates after it, because the revoked may have been granted what the other began', async () => {
    const { town, plant } = await townWith(new Refusal())
    const other = await town.open('plant', plant.store)
    const behind = await plant.endpoint.producer(STREAM)
    const ahead = await other.endpoint.producer(STREAM)
    await ahead.rotate()
    expect(behind.kid).not.toBe(ahead.kid)
    await behind.rotate('revocation')
    expect(behind.kid).not.toBe(ahead.kid)
    const [, second, third] = plant.endpoint.generations()
    expect(second).toMatchObject({ kid: ahead.kid })
    expect(second?.closingEpoch).toBeTypeOf('number')
    expect(third).toMatchObject({ kid: behind.kid, closingEpoch: undefined })
  })
})
