import {
  fromHex,
  inboxAddress,
  trustAddress,
  WaxwingError,
  type Span,
  type Store,
} from '@waxwing/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Decide } from '../../src/options.js'
import { faultyStore } from '../../src/testing.js'
import { DAY, HOUR, START } from '../support/plant.js'
import type { Outcome } from '../../src/control/intake-queue.js'
import { canOpen, eventsOf, Town, want, wantedFor, type Resident } from '../support/town.js'

const STREAM = 'plant/1'
const grantAll: Decide = (asked) => asked.grant({ from: new Date(START - DAY) })

/** A store of which some tables cannot be written for a while. */
class Trouble {
  tables: readonly string[] = []
  /** What writes to them wait for, before they fail. */
  delay: Promise<void> | undefined
  error: () => Error | undefined = () =>
    new WaxwingError('ERR_STORE_BUSY', 'another process holds it')
  readonly wrap = (store: Store): Store =>
    faultyStore(store, {
      beforeWrite: async (_count, changes) => {
        if (!changes.some(({ table }) => this.tables.includes(table))) return
        await this.delay
        const error = this.error()
        if (error !== undefined) throw error
      },
    })
}

let town: Town
let trouble: Trouble
let plant: Resident
beforeEach(async () => {
  town = await Town.found()
  trouble = new Trouble()
  plant = await town.member('plant', { produces: ['plant/#'] }, { decide: grantAll }, trouble.wrap)
})
afterEach(() => town.close())

/** Puts a message where the plant listens. Returns whether the transport was told, and how. */
function take(payload: Uint8Array): { readonly answer: Promise<Outcome>; outcome(): unknown } {
  const { intake, identity } = plant.endpoint.parts
  let outcome: unknown = 'waiting'
  const answer = intake.take(inboxAddress(identity.id), payload)
  void answer.then((result) => (outcome = result))
  return { answer, outcome: () => outcome }
}

describe('a control message that meets a store in trouble', () => {
  it('is not acknowledged, and counts as soon as the store works', async () => {
    trouble.tables = ['bundle']
    const taken = take(await newBundle())
    await town.pass(10_000, 500)
    expect(taken.outcome()).toBe('waiting')
    expect(plant.endpoint.parts.trustBook.trust.bundle?.version).toBe(1)
    trouble.tables = []
    await town.pass(60_000, 1000)
    expect(taken.outcome()).toBe('handled')
    expect(plant.endpoint.parts.trustBook.trust.bundle?.version).toBe(2)
  })

  it('costs the revoked their access, although the bundle came only once', async () => {
    const desk = await town.member('desk')
    const producer = await plant.endpoint.producer(STREAM)
    await producer.ready()
    const before = producer.seal('before')
    want(desk, before)
    await town.pass(1000, 50)
    expect(canOpen(desk, before)).toBe(true)
    await town.domain.revoke(desk.endpoint.parts.identity.id)
    trouble.tables = ['bundle']
    town.broker.inject(trustAddress(town.domain.id), town.domain.bundle, { retained: false })
    await town.pass(5000, 500)
    trouble.tables = []
    await town.pass(3 * HOUR, 60_000)
    await producer.ready()
    expect(canOpen(desk, producer.seal('after'))).toBe(false)
  })

  it('is told of once, however often it is tried, and no more often than the pause allows', async () => {
    let writes = 0
    trouble.error = () => {
      writes++
      return new WaxwingError('ERR_STORE_FULL', 'no room')
    }
    trouble.tables = ['bundle']
    take(await newBundle())
    await town.pass(HOUR, 1000)
    expect(eventsOf(plant, 'error').map(({ error }) => error.code)).toEqual(['ERR_STORE_FULL'])
    expect(eventsOf(plant, 'control-refused')).toEqual([])
    expect(writes).toBeGreaterThan(50)
    expect(writes).toBeLessThan(70)
  })

  it('is tried again after an error that nobody foresaw, too', async () => {
    trouble.tables = ['bundle']
    trouble.error = () => new TypeError('unforeseen')
    const taken = take(await newBundle())
    await town.pass(5000, 500)
    expect(taken.outcome()).toBe('waiting')
    const [told] = eventsOf(plant, 'error')
    expect(told?.error).toMatchObject({ code: 'ERR_INTERNAL', cause: trouble.error() })
    trouble.tables = []
    await town.pass(60_000, 1000)
    expect(taken.outcome()).toBe('handled')
  })

  it('brings the key card with it that had come before its credential', async () => {
    const { identity } = (await town.member('late')).endpoint.parts
    const { trustBook } = plant.endpoint.parts
    await take(identity.card.bytes).answer
    let writes = 0
    trouble.tables = ['principal']
    trouble.error = () => (++writes === 2 ? new WaxwingError('ERR_STORE_BUSY', 'busy') : undefined)
    const taken = take(identity.credential ?? new Uint8Array())
    await town.pass(10_000, 500)
    expect(taken.outcome()).toBe('handled')
    expect(trustBook.cardOf(identity.id)?.issued).toBe(identity.card.issued)
  })

  it('brings the granter’s card with it, where that could not be kept at once', async () => {
    const desk = await town.member('desk', {}, { announce: true }, trouble.wrap)
    const { identity } = plant.endpoint.parts
    const producer = await plant.endpoint.producer(STREAM)
    await producer.ready()
    trouble.tables = ['principal']
    await plant.endpoint.grant(STREAM, desk.endpoint.id, { from: new Date(START - DAY) })
    await town.pass(500, 50)
    trouble.tables = []
    await town.pass(10_000, 500)
    expect(canOpen(desk, producer.seal('x'))).toBe(true)
    expect(desk.endpoint.parts.trustBook.cardOf(identity.id)?.issued).toBe(identity.card.issued)
  })

  it('is not acknowledged before a revocation is durable, however long that takes', async () => {
    const desk = await town.member('desk')
    const producer = await plant.endpoint.producer(STREAM)
    await producer.ready()
    want(desk, producer.seal('before'))
    await town.pass(1000, 50)
    const { revocation } = await town.domain.revoke(desk.endpoint.parts.identity.id)
    let finish = (): void => undefined
    trouble.delay = new Promise((resolve) => (finish = resolve))
    trouble.error = () => undefined
    trouble.tables = ['ledger']
    const taken = take(revocation)
    await town.pass(60_000, 1000)
    expect(taken.outcome()).toBe('waiting')
    finish()
    await town.pass(3000, 100)
    expect(taken.outcome()).toBe('handled')
    expect(eventsOf(plant, 'revoked')).toHaveLength(1)
  })

  it('is left to the transport when the endpoint is closed', async () => {
    trouble.tables = ['bundle']
    const taken = take(await newBundle())
    await town.pass(5000, 500)
    await plant.endpoint.close()
    expect(await taken.answer).toBe('later')
  })

  it('is not refused for coming often, where only our trouble makes it come', async () => {
    const desk = await town.member('desk')
    const { kid } = await plant.endpoint.producer(STREAM)
    const requests = Array.from({ length: 50 }, () => requestFor(kid, desk))
    trouble.tables = ['principal']
    const taken = requests.map(take)
    await town.pass(2000, 500)
    trouble.tables = []
    await town.pass(600_000, 1000)
    expect(new Set(taken.map(({ outcome }) => outcome()))).toEqual(new Set(['handled']))
    expect(eventsOf(plant, 'control-refused')).toEqual([])
  })

  it('is answered as it would have been, and not as one that comes too often', async () => {
    const desk = await town.member('desk', {}, { announce: true })
    const producer = await plant.endpoint.producer(STREAM)
    await producer.ready()
    await town.pass(2000, 500)
    await plant.endpoint.grant(STREAM, 'desk', { from: new Date(START - DAY) })
    await town.pass(2000, 500)
    plant.events.length = 0
    const { epoch } = wantedFor(desk, producer.seal('x'))
    const requests = Array.from({ length: 60 }, (_, back) =>
      requestFor(producer.kid, desk, { first: epoch - (back % 20), last: epoch }),
    )
    trouble.tables = ['ledger']
    const taken = requests.map(take)
    await town.pass(6500, 500)
    trouble.tables = []
    await town.pass(60_000, 1000)
    expect(new Set(taken.map(({ outcome }) => outcome()))).toEqual(new Set(['handled']))
    expect(eventsOf(plant, 'denied')).toEqual([])
    expect(eventsOf(plant, 'granted')).toHaveLength(60)
    expect(eventsOf(plant, 'control-refused')).toEqual([])
  })

  it('is not learnt more slowly for it where a partner certifies many', async () => {
    const credentials = await credentialsOfPartner(40)
    trouble.tables = ['principal']
    const taken = credentials.map(take)
    await town.pass(500, 100)
    trouble.tables = []
    await town.pass(1000, 100)
    expect(new Set(taken.map(({ outcome }) => outcome()))).toEqual(new Set(['handled']))
  })

  it('is refused for good where it is bad', async () => {
    const bundle = (await newBundle()).slice()
    bundle[bundle.length - 1] = (bundle.at(-1) ?? 0) ^ 1
    expect(await take(bundle).answer).toBe('ERR_SIGNATURE')
    expect(eventsOf(plant, 'control-refused')).toMatchObject([{ code: 'ERR_SIGNATURE' }])
  })

  it('takes bounded room: what gives way is left to the transport', async () => {
    const bundle = await newBundle()
    trouble.tables = ['bundle']
    const outcomes: Outcome[] = []
    for (let count = 0; count < 1100; count++) {
      void take(bundle).answer.then((result) => outcomes.push(result))
    }
    await town.pass(700, 10)
    expect(outcomes).toEqual(Array.from({ length: 1100 - 1024 }, () => 'later'))
    expect(eventsOf(plant, 'overload')).not.toEqual([])
  })
})

/** The domain's second bundle, which nobody has got yet. */
async function newBundle(): Promise<Uint8Array> {
  const other = await town.member('other')
  await town.domain.revoke(other.endpoint.parts.identity.id)
  return town.domain.bundle
}

/** The credentials of principals of a partner, whom the plant does not know yet. */
async function credentialsOfPartner(count: number): Promise<readonly Uint8Array[]> {
  const village = await Town.found()
  const partner = town.domain.readPartnerCard(village.domain.partnerCard())
  await plant.endpoint.receive(await town.domain.addPartner({ ...partner, patterns: [] }))
  const residents = await Promise.all(
    Array.from({ length: count }, (_, index) => village.member(`villager ${index}`)),
  )
  await village.close()
  return residents.map(({ endpoint }) => endpoint.parts.identity.credential ?? new Uint8Array())
}

function requestFor(
  kid: string,
  { endpoint }: Resident,
  span: Span = { first: 1, last: 1 },
): Uint8Array {
  const body = { kid: fromHex(kid), spans: [span], rights: 'read', reason: undefined } as const
  const options = { recipient: null, lifeSeconds: 3600 }
  return endpoint.parts.messenger.compose('request', body, options)
}
