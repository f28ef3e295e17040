import type { Store } from '@waxwing/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { memoryStore } from '../../src/memory-store.js'
import type { Decide } from '../../src/options.js'
import { faultyStore } from '../../src/testing.js'
import { handlesOf } from '../identity/fixture.js'
import { DAY, START } from '../support/plant.js'
import { canOpen, eventsOf, Town, want, type Resident } from '../support/town.js'

const STREAM = 'plant/1'
const grantAll: Decide = (request) => request.grant({ from: new Date(START - DAY) })

let town: Town
beforeEach(async () => {
  town = await Town.found()
})
afterEach(() => town.close())

async function seal({ endpoint }: Resident): Promise<Uint8Array> {
  const producer = await endpoint.producer(STREAM)
  await producer.ready()
  return producer.seal('21.5')
}

describe('several processes on one store', () => {
  let processes: readonly Resident[]
  let desk: Resident

  /** One that answers, and two that only act. */
  async function begin(): Promise<void> {
    const handles = handlesOf(memoryStore(), 3)
    const open = (name: string, index: number, passive: boolean): Promise<Resident> => {
      const options = { decide: grantAll, passive, name: 'plant' }
      return town.open(name, memoryStore(), options, () => handles[index] ?? memoryStore())
    }
    const active = await open('active', 0, false)
    await town.admit(active, { produces: ['plant/#'] })
    processes = [active, await open('one', 1, true), await open('two', 2, true)]
    desk = await town.member('desk')
    want(desk, await seal(active))
    await town.pass(1000, 50)
    await town.pass(70_000, 1000)
  }

  const count = (type: 'rotated' | 'revoked'): number =>
    processes.reduce((sum, one) => sum + eventsOf(one, type).length, 0)

  it('follow a bundle that one of them accepts with one rotation', async () => {
    await begin()
    const [active] = processes as [Resident]
    await (await active.endpoint.producer(STREAM)).rotate()
    await town.domain.revoke(desk.endpoint.parts.identity.id)
    await active.endpoint.receive(town.domain.bundle)
    await town.pass(10 * 60_000, 1000)
    expect([count('revoked'), count('rotated')]).toEqual([1, 2])
    expect(canOpen(desk, await seal(active))).toBe(false)
    expect(processes.flatMap((one) => eventsOf(one, 'error'))).toEqual([])
  })

  it('rotate in the end, although the one that struck ended before it could', async () => {
    await begin()
    const [active, one] = processes as [Resident, Resident]
    await (await active.endpoint.producer(STREAM)).rotate()
    const { revoking } = one.endpoint.parts
    one.endpoint.parts.hooks.rotate = () => Promise.reject(new Error('the process is killed'))
    await expect(revoking.revoke(STREAM, desk.endpoint.id, true)).rejects.toThrow('killed')
    revoking.close()
    await town.domain.revoke(desk.endpoint.parts.identity.id)
    await active.endpoint.receive(town.domain.bundle)
    await town.pass(5 * 60_000, 1000)
    expect(eventsOf(active, 'rotated')).toHaveLength(2)
    expect(canOpen(desk, await seal(active))).toBe(false)
  })
})

describe('closing', () => {
  it('waits for what a time that has come set off', async () => {
    const gate: { closed?: Promise<void> } = {}
    let release = (): void => undefined
    let isOver = false
    const wrap = (store: Store): Store =>
      faultyStore(store, { beforeRead: (table) => (table === 'ledger' ? gate.closed : undefined) })
    const plant = await town.member('plant', { produces: ['plant/#'] }, { decide: grantAll }, wrap)
    const desk = await town.member('desk')
    want(desk, await seal(plant))
    await town.pass(1000, 50)
    const id = desk.endpoint.parts.identity.id
    await town.domain.revoke(id, new Date(town.clock.now()! + DAY))
    await plant.endpoint.receive(town.domain.bundle)
    gate.closed = new Promise((resolve) => (release = resolve))
    await town.pass(DAY + 120_000, 60_000)
    const closing = plant.endpoint.close().then(() => (isOver = true))
    await town.settle()
    expect(isOver).toBe(false)
    release()
    await closing
    const entries = await plant.endpoint.parts.granter.ledger.ofStream(STREAM)
    const struck = entries.filter(({ principal }) => principal === desk.endpoint.id)
    expect(struck.map(({ revoked }) => revoked !== null)).toEqual([true])
  })
})
