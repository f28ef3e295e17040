import { toHex } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { UpstreamOrder } from '../../src/granting/upstream-order.js'
import type { UpstreamOrders } from '../../src/granting/upstream-orders.js'
import { faultyStore } from '../../src/testing.js'
import { DAY, START } from '../support/plant.js'
import { Town, type Resident } from '../support/town.js'

const STREAM = 'plant/1'
const SHARE = { from: new Date(START - DAY), rights: 'share' } as const
const TABLE = 'revocation-upstream'

let town: Town
let plant: Resident
let keeper: Resident
let stranger: Resident
let orders: UpstreamOrders
let reads: string[]
beforeEach(async () => {
  town = await Town.found()
  reads = []
  plant = await town.member('plant', { produces: ['plant/#'] }, { announce: true })
  keeper = await town.member('keeper', {}, { announce: true }, (store) =>
    faultyStore(store, { beforeRead: (table) => void reads.push(table) }),
  )
  stranger = await town.member('stranger', {}, { announce: true })
  orders = keeper.endpoint.parts.granter.authorities.orders
})
afterEach(() => town.close())

const random = (): Uint8Array => nodeProvider.randomBytes(32)
const now = (): number => Math.floor((town.clock.now() ?? 0) / 1000)

/** The order of one, about somebody, that may be replayed for an hour. */
function order({ endpoint }: Resident, generationId: Uint8Array | null = random()): Uint8Array {
  const body = { principalId: random(), since: now(), generationId }
  const options = { recipient: null, lifeSeconds: 3600 }
  return endpoint.parts.messenger.compose('revocation', body, options)
}

async function shareWithKeeper(): Promise<Uint8Array> {
  const producer = await plant.endpoint.producer(STREAM)
  await producer.ready()
  await plant.endpoint.grant(STREAM, keeper.endpoint.id, SHARE)
  await town.settle()
  return producer.generation.manifest.generationId
}

const kept = async (): Promise<number> => (await keeper.store.scan(TABLE)).length

function said(author: string, generation: Uint8Array | null = random()): UpstreamOrder {
  const id = generation === null ? null : toHex(generation)
  const principal = stranger.endpoint.id
  return { digest: toHex(random()), principal, author, generation: id, until: now() + 3600 }
}

async function say(count: number, author: string, generation?: Uint8Array | null): Promise<void> {
  for (let i = 0; i < count; i++) await orders.keep(said(author, generation), [])
}

describe('what is said of generations that are not held', () => {
  it('is forgotten when it is over, if its author granted us nothing', async () => {
    for (let i = 0; i < 3; i++) await keeper.endpoint.receive(order(stranger))
    expect(await kept()).toBe(3)
    await town.pass(3 * DAY, DAY)
    await keeper.endpoint.receive(order(stranger))
    expect(await kept()).toBe(1)
    expect(await keeper.store.scan('revocation')).toHaveLength(1)
    await town.pass(3 * DAY, DAY)
    keeper = await town.restart(keeper)
    await town.settle()
    expect(await kept()).toBe(0)
  })

  it('is kept for a year at the most, whatever it says itself', async () => {
    await orders.keep({ ...said(stranger.endpoint.id), until: now() + 100 * 31_536_000 }, [])
    await town.pass(364 * DAY, 91 * DAY)
    await orders.forgetOver()
    expect(await kept()).toBe(1)
    await town.pass(4 * DAY, DAY)
    await orders.forgetOver()
    expect(await kept()).toBe(0)
  })

  it('is kept as long as a chain of its author is held', async () => {
    await shareWithKeeper()
    await keeper.endpoint.receive(order(plant))
    await town.pass(3 * DAY, DAY)
    await keeper.endpoint.receive(order(plant))
    expect(await kept()).toBe(2)
  })

  it('is not read again for each order', async () => {
    await keeper.endpoint.receive(order(stranger))
    reads.length = 0
    for (let i = 0; i < 3; i++) await keeper.endpoint.receive(order(stranger))
    // What was said against the one whom the order is about, and nothing else.
    expect(reads.filter((table) => table === TABLE)).toHaveLength(3)
  })

  it('is so much of one author, and no more', async () => {
    await say(1024, plant.endpoint.id)
    await orders.assertRoomFor(said(stranger.endpoint.id))
    await expect(orders.assertRoomFor(said(plant.endpoint.id))).rejects.toMatchObject({
      code: 'ERR_LIMIT',
      details: { rule: 'revocations of unknown generations' },
    })
  })

  it('is so much of all that granted us nothing, but for the first few of each', async () => {
    await shareWithKeeper()
    for (let i = 0; i < 8; i++) await say(1000, `stranger ${i}`)
    await say(192, 'stranger 8')
    await expect(orders.assertRoomFor(said('stranger 8'))).rejects.toMatchObject({
      code: 'ERR_LIMIT',
      details: { rule: 'revocations of strangers' },
    })
    await say(64, 'stranger 9')
    await expect(orders.assertRoomFor(said('stranger 9'))).rejects.toThrow()
    await say(200, plant.endpoint.id)
    await orders.assertRoomFor(said(plant.endpoint.id))
  })
})

describe('what is said of a generation that is held', () => {
  it('is so much of one author, and no more', async () => {
    const generation = await shareWithKeeper()
    await say(4096, plant.endpoint.id, generation)
    const one = said(plant.endpoint.id, generation)
    await expect(orders.assertRoomFor(one)).rejects.toMatchObject({
      code: 'ERR_LIMIT',
      details: { rule: 'revocations of one generation' },
    })
    await orders.assertRoomFor(said(plant.endpoint.id, null))
  })

  it('is refused of whoever granted us nothing of it', async () => {
    const generation = await shareWithKeeper()
    await expect(keeper.endpoint.receive(order(stranger, generation))).rejects.toMatchObject({
      code: 'ERR_NOT_AUTHORIZED',
    })
    expect(await kept()).toBe(0)
  })
})

describe('what all say together', () => {
  it('is bounded, but for the first few of each', async () => {
    for (let i = 0; i < 64; i++) {
      const author = `author ${i}`
      const changes = Array.from({ length: 1024 }, () => said(author, null))
      await Promise.all(changes.map((one) => orders.keep(one, [])))
    }
    await shareWithKeeper()
    const { id } = plant.endpoint
    await say(255, id, null)
    await orders.assertRoomFor(said(id, null))
    await say(1, id, null)
    await expect(orders.assertRoomFor(said(id, null))).rejects.toMatchObject({
      code: 'ERR_LIMIT',
      details: { rule: 'revocations' },
    })
  })
})

describe('whoever acknowledged an order', () => {
  it('is given it anew before keys, once the order is over: it may have been forgotten', async () => {
    await shareWithKeeper()
    await plant.endpoint.revoke(STREAM, stranger.endpoint.id)
    await town.pass(70_000, 1000)
    const { tellings } = plant.endpoint.parts.granter
    const [generation] = plant.endpoint.generations()
    if (generation === undefined) throw new Error('the plant produces')
    const delegate = { id: keeper.endpoint.id, generation }
    const struck = [stranger.endpoint.id]
    expect(await tellings.missing(delegate, struck)).toEqual({ untold: [], isAwaited: false })
    await town.pass(350 * DAY, 50 * DAY)
    expect(await tellings.missing(delegate, struck)).toEqual({ untold: [], isAwaited: false })
    await town.pass(9 * DAY, DAY)
    expect(await tellings.missing(delegate, struck)).toEqual({ untold: struck, isAwaited: false })
  })
})
