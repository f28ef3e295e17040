import { signKeyCard, type Store } from '@waxwing/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Decide, EndpointOptions } from '../../src/options.js'
import { faultyStore } from '../../src/testing.js'
import { DAY, HOUR, START } from '../support/plant.js'
import { canOpen, eventsOf, Town, want, type Resident } from '../support/town.js'

const STREAM = 'plant/1'
const grantAll: Decide = (request) => request.grant({ from: new Date(START - DAY) })

let town: Town
let plant: Resident

beforeEach(async () => {
  town = await Town.found()
})
afterEach(() => town.close())

async function begin(
  options: Partial<EndpointOptions> = { decide: grantAll },
  wrap?: (store: Store) => Store,
): Promise<void> {
  plant = await town.member('plant', { produces: ['plant/#'] }, options, wrap)
}

async function seal(): Promise<Uint8Array> {
  const producer = await plant.endpoint.producer(STREAM)
  await producer.ready()
  return producer.seal('21.5')
}

async function rotate(): Promise<void> {
  await (await plant.endpoint.producer(STREAM)).rotate()
  await town.settle()
}

async function readers(count: number): Promise<readonly Resident[]> {
  const object = await seal()
  const made: Resident[] = []
  for (let i = 0; i < count; i++) {
    const reader = await town.member(`reader ${i}`)
    want(reader, object)
    made.push(reader)
  }
  await town.pass(3000, 50)
  expect(made.every((reader) => canOpen(reader, object))).toBe(true)
  return made
}

describe('a rotation', () => {
  it('brings the new generation to all who may read, before they ask', async () => {
    await begin()
    const all = await readers(40)
    await rotate()
    const object = await seal()
    expect(all.filter((reader) => !canOpen(reader, object))).toEqual([])
    expect(eventsOf(plant, 'granted').length).toBeGreaterThanOrEqual(80)
  })

  it('brings it again to those of a process that is gone', async () => {
    await begin()
    const [reader] = await readers(1)
    await plant.endpoint.close()
    plant = await town.restart(plant)
    await rotate()
    expect(canOpen(reader!, await seal())).toBe(true)
  })

  it('brings nothing to who was revoked, whose grant is over, or whose card ran out', async () => {
    const until = new Date(START + DAY)
    const decide: Decide = (request) =>
      request.grant(request.principal.name === 'reader 2' ? { until } : {})
    await begin({ decide })
    const [kept, revoked, visitor] = await readers(3)
    await plant.endpoint.revoke(STREAM, 'reader 1')
    await town.pass(2 * DAY, DAY / 8)
    await rotate()
    const object = await seal()
    expect([kept!, revoked!, visitor!].map((one) => canOpen(one, object))).toEqual([
      true,
      false,
      false,
    ])
    await kept!.endpoint.close()
    await town.pass(60 * DAY, DAY)
    const before = eventsOf(plant, 'granted').length
    await rotate()
    expect(eventsOf(plant, 'granted')).toHaveLength(before)
  })

  it('brings nothing to whom nobody vouches for any more', async () => {
    await begin()
    const object = await seal()
    const guest = await town.member('guest', { days: 1 })
    want(guest, object)
    await town.pass(1000, 50)
    expect(eventsOf(plant, 'granted')).toHaveLength(1)
    await town.pass(2 * DAY, DAY / 8)
    await rotate()
    expect(eventsOf(plant, 'granted')).toHaveLength(1)
  })

  it('brings what a rule gave only while the rule stands', async () => {
    await begin({})
    const rule = { id: 'all', streams: '#', to: { role: 'reader' } }
    await plant.endpoint.rules.set(rule)
    const object = await seal()
    const reader = await town.member('reader', { roles: ['reader'] })
    want(reader, object)
    await town.pass(1000, 50)
    await rotate()
    expect(canOpen(reader, await seal())).toBe(true)
    await plant.endpoint.rules.remove('all')
    await town.pass(61_000, 1000)
    await rotate()
    expect(canOpen(reader, await seal())).toBe(false)
  })

  it('leaves those who share to ask: they have to acknowledge first who is revoked', async () => {
    await begin({ decide: (request) => request.grant({ rights: 'share' }) })
    const object = await seal()
    const delegate = await town.member('delegate')
    want(delegate, object)
    await town.pass(1000, 50)
    const before = eventsOf(plant, 'granted').length
    await rotate()
    expect(eventsOf(plant, 'granted')).toHaveLength(before)
  })

  it('gives nobody keys to share, whatever its rule says by now', async () => {
    await begin({})
    const rule = { id: 'all', streams: '#', to: { role: 'reader' } }
    await plant.endpoint.rules.set(rule)
    const object = await seal()
    const reader = await town.member('reader', { roles: ['reader'] })
    want(reader, object)
    await town.pass(1000, 50)
    await plant.endpoint.rules.set({ ...rule, rights: 'share' })
    const before = eventsOf(plant, 'granted').length
    await rotate()
    expect(eventsOf(plant, 'granted')).toHaveLength(before)
  })

  it('gives nothing for a time that is over', async () => {
    await begin({ decide: (request) => request.grant({ until: new Date(START + DAY) }) })
    await readers(1)
    await town.pass(2 * DAY, DAY / 8)
    await rotate()
    expect(eventsOf(plant, 'granted')).toHaveLength(1)
  })

  it('renews no lease: what it gives ends with it', async () => {
    await begin({ decide: (request) => request.grant({ leaseSeconds: 7200 }) })
    const [reader] = await readers(1)
    await reader!.endpoint.close()
    await town.pass(HOUR, 60_000)
    const [entry] = await plant.endpoint.parts.granter.ledger.all()
    await rotate()
    const epoch = (ms: number): number => Math.floor(ms / HOUR)
    const end = epoch((entry?.granted ?? 0) * 1000 + 2 * HOUR)
    expect(eventsOf(plant, 'granted').map(({ span }) => span.last)).toEqual([end, end])
    await town.pass(HOUR, 60_000)
    await rotate()
    expect(eventsOf(plant, 'granted')).toHaveLength(2)
  })

  it('reaches the others where one reader’s key is one that nothing can be sealed to', async () => {
    await begin()
    const all = await readers(6)
    const entries = await plant.endpoint.parts.granter.ledger.all()
    // The first of the readers: whom the stream is shared with stands among them, by a random key.
    const bad = entries.flatMap((entry) => all.filter(({ name }) => name === entry.name))[0]!
    const { identity } = bad.endpoint.parts
    const { trustBook } = plant.endpoint.parts
    const issued = Math.floor((town.clock.now() ?? 0) / 1000) + 5
    const keys = [{ kind: 'x25519', publicKey: new Uint8Array(32) }] as const
    const card = { issued, expires: issued + DAY / 1000, keys }
    const bytes = signKeyCard(card, identity.id, identity.signingKey)
    await trustBook.keepCard(bytes, trustBook.principalOf(identity.id)!)
    await rotate()
    const object = await seal()
    expect(all.filter((reader) => !canOpen(reader, object))).toEqual([bad])
    expect(eventsOf(plant, 'error').map(({ error }) => error.code)).toEqual(['ERR_KEY_INVALID'])
  })

  it('reaches the others where the broker refuses one of them', async () => {
    await begin()
    const all = await readers(6)
    const { send } = plant.transport
    const refused = all[3]!
    plant.transport.send = (address, payload, options) =>
      address.includes(refused.endpoint.id)
        ? Promise.reject(new Error('not allowed'))
        : send.call(plant.transport, address, payload, options)
    await rotate()
    const object = await seal()
    expect(all.filter((reader) => !canOpen(reader, object))).toEqual([refused])
  })

  it('ends with the next rotation, and whoever waits for the wire gets the newest', async () => {
    await begin()
    const all = await readers(40)
    const { send } = plant.transport
    const held: (() => void)[] = []
    plant.transport.send = (address, payload, options) =>
      address.includes('/inbox/')
        ? new Promise((resolve, reject) => {
            held.push(() => {
              send.call(plant.transport, address, payload, options).then(resolve, reject)
            })
          })
        : send.call(plant.transport, address, payload, options)
    await rotate()
    expect(held.length).toBeLessThan(40)
    await town.pass(61_000, 1000)
    await rotate()
    for (let rounds = 0; rounds < 10; rounds++) {
      for (const go of held.splice(0)) go()
      await town.settle()
    }
    const object = await seal()
    expect(all.filter((reader) => !canOpen(reader, object))).toEqual([])
    // Of the first of the two, nobody was granted anything any more.
    expect(eventsOf(plant, 'granted').length).toBeLessThan(3 * 40)
  })

  it('overlooks nobody who is revoked while it grants', async () => {
    let isArmed = false
    const hook = async (changes: Parameters<Store['write']>[0]): Promise<void> => {
      if (!isArmed || changes.length !== 2 || changes[0]?.table !== 'ledger') return
      isArmed = false
      await plant.endpoint.revoke(STREAM, 'reader 1', { rotate: false })
    }
    await begin({ decide: grantAll }, (store) => ({
      ...faultyStore(store, {}),
      write: async (changes) => {
        await hook(changes)
        return store.write(changes)
      },
    }))
    const [kept, revoked] = await readers(2)
    isArmed = true
    await rotate()
    const object = await seal()
    expect(isArmed).toBe(false)
    expect(canOpen(kept!, object)).toBe(true)
    expect(canOpen(revoked!, object)).toBe(false)
  })

  it('that cannot send is reported, and whoever got nothing asks', async () => {
    await begin()
    const [reader] = await readers(1)
    const { send } = plant.transport
    plant.transport.send = (address, payload, options) =>
      address.includes('/inbox/')
        ? Promise.reject(new Error('the wire is cut'))
        : send.call(plant.transport, address, payload, options)
    await rotate()
    const object = await seal()
    expect(canOpen(reader!, object)).toBe(false)
    expect(eventsOf(plant, 'error').map(({ error }) => error.message)).toContain('the wire is cut')
    plant.transport.send = send
    want(reader!, object)
    await town.pass(1000, 50)
    expect(canOpen(reader!, object)).toBe(true)
  })
})
