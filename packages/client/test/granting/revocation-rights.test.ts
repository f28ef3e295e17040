import { fromBase64Url, inboxAddress, signMessage } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Domain } from '../../src/domain/domain.js'
import { DomainRecords } from '../../src/domain/domain-records.js'
import { memoryStore, type MemoryStore } from '../../src/memory-store.js'
import type { Decide } from '../../src/options.js'
import { DAY, START } from '../support/plant.js'
import { canOpen, eventsOf, Town, want, type Resident } from '../support/town.js'

const STREAM = 'plant/1'
const ALWAYS = { from: new Date(START - DAY) }
const SHARE = { ...ALWAYS, rights: 'share' } as const
const grantAll: Decide = (request) => request.grant(ALWAYS)

let town: Town
let plant: Resident
let desk: Resident
let domainStore: MemoryStore
beforeEach(async () => {
  town = new Town()
  domainStore = memoryStore()
  const { clock, recoveryStore } = town
  town.domain = await Domain.create({ store: domainStore, clock, name: 'town', recoveryStore })
  plant = await member('plant', grantAll)
  desk = await town.member('desk', {}, { announce: true })
})
afterEach(() => town.close())

/** One whom all others know, and who may produce what the plant produces. */
function member(name: string, decide?: Decide): Promise<Resident> {
  return town.member(name, { produces: ['plant/#'] }, { announce: true, ...(decide && { decide }) })
}

async function seal({ endpoint }: Resident = plant): Promise<Uint8Array> {
  const producer = await endpoint.producer(STREAM)
  await producer.ready()
  return producer.seal('21.5')
}

async function share(from: Resident, to: Resident): Promise<void> {
  await from.endpoint.grant(STREAM, to.endpoint.id, SHARE)
  await town.settle()
}

async function ask(resident: Resident, object: Uint8Array): Promise<void> {
  want(resident, object)
  await town.pass(5000, 50)
}

/** The order of one, signed, that another be granted nothing more. */
function order(author: Resident, revoked: Resident, generationId: Uint8Array | null): Uint8Array {
  const since = Math.floor(town.clock.now()! / 1000)
  const principalId = fromBase64Url(revoked.endpoint.id) ?? new Uint8Array()
  const body = { principalId, since, generationId }
  return author.endpoint.parts.messenger.compose('revocation', body, { recipient: null })
}

async function generationOf({ endpoint }: Resident): Promise<Uint8Array> {
  return (await endpoint.producer(STREAM)).generation.manifest.generationId
}

const rotations = (resident: Resident): number => eventsOf(resident, 'rotated').length

describe('what a producer makes itself', () => {
  it('is nobody else’s to grant it, and nobody else’s to revoke', async () => {
    const delegate = await member('delegate')
    const object = await seal()
    await share(plant, delegate)
    await ask(desk, object)
    await delegate.endpoint.grant(STREAM, plant.endpoint.id, ALWAYS)
    await town.settle()
    expect(eventsOf(plant, 'control-refused').map(({ code }) => code)).toEqual([
      'ERR_NOT_AUTHORIZED',
    ])
    const generation = await generationOf(plant)
    await expect(plant.endpoint.receive(order(delegate, desk, generation))).rejects.toMatchObject({
      code: 'ERR_NOT_AUTHORIZED',
    })
    await expect(plant.endpoint.receive(order(delegate, desk, null))).rejects.toMatchObject({
      code: 'ERR_NOT_AUTHORIZED',
    })
    await town.pass(70_000, 1000)
    expect(rotations(plant)).toBe(0)
    expect(eventsOf(plant, 'revoked')).toEqual([])
    expect(canOpen(desk, await seal())).toBe(true)
  })

  it('is not revoked by another producer of the same name, who granted it its own', async () => {
    const twin = await member('twin', grantAll)
    const [object, own] = [await seal(twin), await seal()]
    await share(twin, plant)
    await ask(desk, own)
    await plant.endpoint.receive(order(twin, desk, await generationOf(twin)))
    await town.pass(70_000, 1000)
    expect(rotations(plant)).toBe(0)
    expect(canOpen(desk, await seal())).toBe(true)
    expect(await plant.endpoint.parts.granter.standing(desk.endpoint.id)).toHaveLength(1)
    await twin.endpoint.close()
    await ask(desk, object)
    expect(canOpen(desk, object)).toBe(false)
    expect(eventsOf(desk, 'denial').at(-1)?.code).toBe('not-authorized')
  })
})

describe('a delegate', () => {
  it('goes on granting by the producer’s chain what somebody else revokes who shared it too', async () => {
    const keeper = await member('keeper', grantAll)
    const delegate = await member('delegate')
    const below = await member('below', grantAll)
    const object = await seal()
    await share(plant, keeper)
    await share(plant, delegate)
    await share(keeper, below)
    await share(delegate, keeper)
    await keeper.endpoint.receive(order(delegate, desk, await generationOf(plant)))
    await plant.endpoint.close()
    await ask(desk, object)
    expect(canOpen(desk, object)).toBe(true)
    expect(eventsOf(below, 'revoked')).toEqual([])
  })

  it('grants nothing more by the chain of whoever revokes, if it has no other', async () => {
    const delegate = await member('delegate', grantAll)
    const below = await member('below', grantAll)
    const object = await seal()
    await share(plant, delegate)
    await share(delegate, below)
    await below.endpoint.receive(order(delegate, desk, await generationOf(plant)))
    await Promise.all([plant.endpoint.close(), delegate.endpoint.close()])
    await ask(desk, object)
    expect(canOpen(desk, object)).toBe(false)
    expect(eventsOf(desk, 'denial').at(-1)?.code).toBe('not-authorized')
    expect(eventsOf(below, 'revoked')).toEqual([
      { type: 'revoked', principal: desk.endpoint.id, stream: STREAM },
    ])
  })

  it('passes on what the producer revokes to those that grant by its own chain', async () => {
    const delegate = await member('delegate', grantAll)
    const below = await member('below', grantAll)
    const object = await seal()
    await share(plant, delegate)
    await share(delegate, below)
    await plant.endpoint.revoke(STREAM, desk.endpoint.id)
    await town.settle()
    expect(eventsOf(below, 'revoked')).toHaveLength(1)
    await Promise.all([plant.endpoint.close(), delegate.endpoint.close()])
    await ask(desk, object)
    expect(canOpen(desk, object)).toBe(false)
  })

  it('obeys an order that came before the generation that it names', async () => {
    const delegate = await member('delegate', grantAll)
    const object = await seal()
    const replies = await delegate.endpoint.receive(order(plant, desk, await generationOf(plant)))
    expect(replies).toHaveLength(1)
    await share(plant, delegate)
    await plant.endpoint.close()
    await ask(desk, object)
    expect(canOpen(desk, object)).toBe(false)
    expect(eventsOf(desk, 'denial').at(-1)?.code).toBe('not-authorized')
  })

  it('grants in spite of an order what a person decided since, until the next one', async () => {
    const delegate = await member('delegate', grantAll)
    const object = await seal()
    await share(plant, delegate)
    const generation = await generationOf(plant)
    const first = order(plant, desk, generation)
    await delegate.endpoint.receive(first)
    await delegate.endpoint.grant(STREAM, desk.endpoint.id, ALWAYS)
    await delegate.endpoint.receive(first)
    await town.settle()
    expect(canOpen(desk, object)).toBe(true)
    await plant.endpoint.close()
    const late = await town.member('late')
    const { authorities } = delegate.endpoint.parts.granter
    const [held] = delegate.endpoint.generations()
    if (held === undefined) throw new Error('the delegate was granted')
    expect(await authorities.openTo(desk.endpoint.id, authorities.over(held))).toHaveLength(1)
    await delegate.endpoint.receive(order(plant, desk, generation))
    expect(await authorities.openTo(desk.endpoint.id, authorities.over(held))).toHaveLength(0)
    expect(await authorities.openTo(late.endpoint.id, authorities.over(held))).toHaveLength(1)
  })
})

describe('an anchor’s order for a generation that is not held yet', () => {
  it('is carried out, and acknowledged, when it is', async () => {
    const keeper = await member('keeper', grantAll)
    const object = await seal()
    const { anchorId } = town.domain
    const record = await new DomainRecords(nodeProvider, domainStore).read()
    const key = nodeProvider.ed25519SigningKey(record?.seed ?? new Uint8Array())
    const now = Math.floor(START / 1000)
    const message = signMessage({
      type: 'revocation',
      envelope: { id: new Uint8Array(16).fill(7), issued: now, expires: now + 86_400 },
      body: {
        principalId: fromBase64Url(desk.endpoint.id) ?? new Uint8Array(),
        since: now,
        generationId: await generationOf(plant),
      },
      author: anchorId,
      key,
      recipient: null,
    })
    expect(await keeper.endpoint.receive(message)).toEqual([])
    expect(await keeper.endpoint.receive(message)).toEqual([])
    await share(plant, keeper)
    await town.settle()
    const acks = town.broker.carried.filter(({ address }) => address === inboxAddress(anchorId))
    expect(acks).toHaveLength(1)
    expect(eventsOf(keeper, 'revoked')).toEqual([
      { type: 'revoked', principal: desk.endpoint.id, stream: STREAM },
    ])
    await plant.endpoint.close()
    await ask(desk, object)
    expect(canOpen(desk, object)).toBe(false)
  })
})
