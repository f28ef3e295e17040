// SPDX-License-Identifier: Apache-2.0
import { requestAddress, toHex } from '@waxwing/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { memoryStore } from '../../src/memory-store.js'
import type { Decide } from '../../src/options.js'
import { controlMessages, openPhone, phone, type Sent } from '../support/costly.js'
import { HOUR, START } from '../support/plant.js'
import { canOpen, eventsOf, Town, want, type Resident } from '../support/town.js'

const STREAM = 'plant/1'
const MINUTE = 60_000
/** Eight hourly epochs that are one node. */
const EIGHT_HOURS = { from: new Date(START), until: new Date(START + 8 * HOUR - 1) }
const grantHours: Decide = (request) => request.grant(EIGHT_HOURS)

let town: Town
beforeEach(async () => {
  town = await Town.found()
})
afterEach(() => town.close())

async function plantThat(decide: Decide = grantHours): Promise<Resident> {
  return phone(town, 'plant', { produces: ['plant/#'] }, { options: { decide } })
}

async function seal(plant: Resident, stream = STREAM): Promise<Uint8Array> {
  const producer = await plant.endpoint.producer(stream)
  await producer.ready()
  return producer.seal('21.5')
}

/** What is sent while somebody gets the keys of an object, or while time passes. */
async function sentWhile(work: () => Promise<void> | void, minutes = 1): Promise<readonly Sent[]> {
  const before = town.broker.carried.length
  await work()
  await town.pass(minutes * MINUTE, 1000)
  return controlMessages(town, before)
}

const refusals = (resident: Resident): readonly string[] =>
  eventsOf(resident, 'control-refused').map(({ code }) => code)

describe('over a medium where each byte costs', () => {
  it('a first request takes 4 SMS, and its grant of one node 7', async () => {
    const plant = await plantThat()
    const desk = await phone(town, 'desk', { unit: 'control room', roles: ['operator'] })
    const object = await seal(plant)
    const sent = await sentWhile(() => want(desk, object))
    expect(canOpen(desk, object)).toBe(true)
    expect(sent.map(({ isSealed }) => isSealed)).toEqual([false, true])
    expect(sent.map(({ sms }) => sms)).toEqual([4, 7])
  })

  it('those who know each other need 2 for a request, and 5 for a grant', async () => {
    const plant = await plantThat()
    const desk = await phone(town, 'desk', { unit: 'control room', roles: ['operator'] })
    const first = await seal(plant)
    await sentWhile(() => want(desk, first))
    await (await plant.endpoint.producer(STREAM)).rotate()
    await town.pass(10 * MINUTE, 1000)
    const second = await seal(plant, 'plant/1/more')
    const sent = await sentWhile(() => want(desk, second, { address: STREAM }))
    expect(canOpen(desk, second)).toBe(true)
    expect(sent.map(({ isSealed }) => isSealed)).toEqual([true, true])
    expect(sent.map(({ sms }) => sms)).toEqual([2, 5])
  })

  it('they know it still after both have started anew', async () => {
    let plant = await plantThat()
    let desk = await phone(town, 'desk')
    const first = await seal(plant)
    await sentWhile(() => want(desk, first))
    for (const one of [plant, desk]) await one.endpoint.close()
    const snapshots = [plant, desk].map(({ store }) => memoryStore({ from: store.snapshot() }))
    plant = await openPhone(town, 'plant', snapshots[0]!, { options: { decide: grantHours } })
    desk = await openPhone(town, 'desk', snapshots[1]!)
    const second = await seal(plant, 'plant/2')
    const sent = await sentWhile(() => want(desk, second, { address: STREAM }))
    expect(canOpen(desk, second)).toBe(true)
    expect(sent.map(({ sms }) => sms)).toEqual([2, 5])
  })

  it('with keys of X-Wing it is three times as much, and more', async () => {
    const kems = ['x25519', 'x-wing'] as const
    const options = { kems, decide: grantHours }
    const plant = await phone(town, 'plant', { produces: ['plant/#'] }, { options })
    const desk = await phone(town, 'desk', {}, { options: { kems } })
    const first = await seal(plant)
    const sent = await sentWhile(() => want(desk, first))
    expect(canOpen(desk, first)).toBe(true)
    const expected = [1750, 3250]
    for (const [i, { bytes }] of sent.entries())
      expect(Math.abs(bytes - expected[i]!)).toBeLessThan(70)
    const second = await seal(plant, 'plant/2')
    const later = await sentWhile(() => want(desk, second, { address: STREAM }))
    expect(canOpen(desk, second)).toBe(true)
    const usual = [1310, 1750]
    for (const [i, { bytes }] of later.entries())
      expect(Math.abs(bytes - usual[i]!)).toBeLessThan(40)
  })

  it('who is on a cheap medium packs for whoever packs, and for nobody else', async () => {
    const terms = { produces: ['plant/#'] }
    const plant = await town.member('plant', terms, { decide: grantHours, kems: ['x25519'] })
    const desk = await phone(town, 'desk')
    const object = await seal(plant)
    const [request, grant] = await sentWhile(() => want(desk, object))
    expect(canOpen(desk, object)).toBe(true)
    expect([request?.sms, grant?.sms]).toEqual([4, 7])
    const rich = await town.member('rich', {}, { kems: ['x25519'] })
    const dear = await sentWhile(() => want(rich, object))
    expect(canOpen(rich, object)).toBe(true)
    expect(dear[0]?.bytes).toBeGreaterThan(590)
    expect(dear[1]?.bytes).toBeGreaterThan(1500)
  })
})

describe('what was lost on a costly medium', () => {
  it('is asked for and answered whole at the next try, and opens', async () => {
    const plant = await plantThat()
    const desk = await phone(town, 'desk')
    const first = await seal(plant)
    await sentWhile(() => want(desk, first))
    const second = await seal(plant, 'plant/2')
    town.broker.faults.once('waxwing/v1/inbox/#', { kind: 'drop' })
    const lost = await sentWhile(() => want(desk, second, { address: STREAM }), 4)
    expect(canOpen(desk, second)).toBe(true)
    // The second request is whole; its answer is the first, and may refer.
    expect(lost.map(({ sms }) => sms)).toEqual([2, 5, 5])
    const third = await seal(plant, 'plant/3')
    let inbox = 0
    const end = town.broker.faults.rule(({ address }) =>
      address.startsWith('waxwing/v1/inbox/') && ++inbox === 2 ? { kind: 'drop' } : undefined,
    )
    const unanswered = await sentWhile(() => want(desk, third, { address: STREAM }), 4)
    end()
    expect(canOpen(desk, third)).toBe(true)
    expect(unanswered.map(({ sms }) => sms)).toEqual([2, 5, 5, 8])
  })

  it('is told everything again where a store was put back, and the message opens', async () => {
    const plant = await plantThat()
    const desk = await phone(town, 'desk')
    const before = desk.store.snapshot()
    const first = await seal(plant)
    await sentWhile(() => want(desk, first))
    // Only what is sealed to the plant shows that its card is held.
    const second = await seal(plant, 'plant/2')
    await sentWhile(() => want(desk, second, { address: STREAM }))
    await desk.endpoint.close()
    const again = await openPhone(town, 'desk', memoryStore({ from: before }))
    await (await plant.endpoint.producer(STREAM)).rotate()
    await town.pass(3 * MINUTE, 1000)
    expect(refusals(again)).toEqual(['ERR_KEY_UNKNOWN'])
    const object = await seal(plant)
    await sentWhile(() => want(again, object), 10)
    expect(canOpen(again, object)).toBe(true)
  })

  it('is told everything again where the other side forgot who asks', async () => {
    const plant = await plantThat()
    const desk = await phone(town, 'desk')
    const before = plant.store.snapshot()
    const first = await seal(plant)
    await sentWhile(() => want(desk, first))
    await plant.endpoint.close()
    const options = { decide: grantHours }
    const again = await openPhone(town, 'plant', memoryStore({ from: before }), { options })
    const object = await seal(again)
    await sentWhile(() => want(desk, object, { address: STREAM }), 10)
    expect(refusals(again)).toEqual(['ERR_KEY_UNKNOWN'])
    expect(canOpen(desk, object)).toBe(true)
  })

  it('is asked for whole by whoever started anew before it was answered', async () => {
    const plant = await plantThat()
    const desk = await phone(town, 'desk')
    const first = await seal(plant)
    await sentWhile(() => want(desk, first))
    const second = await seal(plant, 'plant/2')
    const end = town.broker.faults.always('waxwing/v1/inbox/#', { kind: 'drop' })
    const lost = await sentWhile(() => want(desk, second, { address: STREAM }), 0.5)
    end()
    await desk.endpoint.close()
    const again = await openPhone(town, 'desk', memoryStore({ from: desk.store.snapshot() }))
    const answered = await sentWhile(() => want(again, second, { address: STREAM }))
    expect(canOpen(again, second)).toBe(true)
    expect([...lost, ...answered].map(({ sms }) => sms)).toEqual([2, 4, 5])
  })

  it('is not told less to whom something is left, or who has to acknowledge it', async () => {
    const plant = await plantThat()
    const desk = await phone(town, 'desk')
    const first = await seal(plant)
    await sentWhile(() => want(desk, first))
    const [left] = await sentWhile(async () => {
      await plant.endpoint.grant(STREAM, 'desk', EIGHT_HOURS)
    })
    expect(left?.sms).toBe(8)
  })
})

describe('where an answer takes its time', () => {
  const times = (resident: Resident): readonly number[] => {
    const at: number[] = []
    resident.endpoint.on('event', ({ type }) => {
      if (type === 'requested') at.push(town.clock.monotonic())
    })
    return at
  }
  const gapsOf = (at: readonly number[]): readonly number[] =>
    at.slice(1).map((time, i) => time - at[i]!)

  it('a request is repeated after that time first, and seldom later', async () => {
    const desk = await phone(town, 'desk', {}, { answerSeconds: 3600 })
    const at = times(desk)
    const wanted = { kid: '0011223344556677', epoch: 5, address: 'a', generation: undefined }
    desk.endpoint.parts.requester.want({ ...wanted, reason: undefined, andLater: false })
    await town.pass(100 * HOUR, 5 * MINUTE)
    const gaps = gapsOf(at)
    expect(gaps.length).toBeGreaterThan(4)
    for (const [i, gap] of gaps.entries()) {
      const ideal = Math.min(2 ** i, 24) * HOUR
      expect(gap).toBeGreaterThanOrEqual(ideal * 0.75 - 5 * MINUTE)
      expect(gap).toBeLessThanOrEqual(ideal * 1.25 + 5 * MINUTE)
    }
  })

  it('a request lives until the last answer to it may come', async () => {
    const plant = await plantThat()
    const desk = await phone(town, 'desk', {}, { answerSeconds: 3600 })
    const object = await seal(plant)
    const { kid } = desk.endpoint.parts.book.all()[0] ?? {}
    expect(kid).toBeUndefined()
    town.broker.faults.once('waxwing/v1/request/#', { kind: 'delay' })
    want(desk, object)
    await town.pass(30 * MINUTE, MINUTE)
    town.clock.advance(12 * HOUR)
    town.broker.faults.release()
    await town.pass(MINUTE, 1000)
    expect(refusals(plant)).toEqual([])
    expect(canOpen(desk, object)).toBe(true)
  })

  it('a lease is renewed sooner, while three answers may still come', async () => {
    const plant = await plantThat((request) => request.grant({ leaseSeconds: 86_400 }))
    const desk = await phone(town, 'desk', {}, { answerSeconds: 4 * 3600 })
    const at = times(desk)
    want(desk, await seal(plant))
    await town.pass(12.5 * HOUR, 5 * MINUTE)
    expect(at).toHaveLength(1)
    await town.pass(HOUR, 5 * MINUTE)
    expect(at).toHaveLength(2)
    await town.pass(24 * HOUR, 10 * MINUTE)
    expect(canOpen(desk, await seal(plant))).toBe(true)
  })

  it('whoever waits for a person is asked less and less often, and told when it is decided', async () => {
    const plant = await plantThat(() => undefined)
    const desk = await phone(town, 'desk')
    const object = await seal(plant)
    const at = times(desk)
    want(desk, object)
    await town.pass(24 * HOUR, 2 * MINUTE)
    const gaps = gapsOf(at)
    expect(at.length).toBeLessThan(32)
    expect(Math.max(...gaps)).toBeGreaterThan(0.9 * HOUR)
    const [request] = await plant.endpoint.requests()
    await plant.endpoint.decide(request!.requestId, request!.grant(EIGHT_HOURS))
    await town.settle()
    expect(canOpen(desk, object)).toBe(true)
  })

  it('what waits for an acknowledgement is repeated after that time first', async () => {
    const keeper = await town.member('keeper', {}, { announce: true, kems: ['x25519'] })
    await town.domain.addKeeper(keeper.endpoint.parts.identity.id)
    town.publishBundle()
    await keeper.endpoint.close()
    const terms = { produces: ['plant/#'] }
    const plant = await phone(town, 'plant', terms, { answerSeconds: 3600 })
    await town.settle()
    await seal(plant)
    const inbox = (): number =>
      controlMessages(town).filter(({ address }) => address.includes('/inbox/')).length
    await town.settle()
    const first = inbox()
    await town.pass(58 * MINUTE, MINUTE)
    expect(inbox()).toBe(first)
    await town.pass(4 * MINUTE, MINUTE)
    expect(inbox()).toBe(first + 1)
    await town.pass(100 * MINUTE, MINUTE)
    expect(inbox()).toBe(first + 1)
    await town.pass(30 * MINUTE, MINUTE)
    expect(inbox()).toBe(first + 2)
  })

  it('objects under made-up kids do not make it talk all day', async () => {
    const desk = await phone(town, 'desk')
    for (let hour = 0; hour < 6; hour++) {
      for (let i = 0; i < 50; i++) {
        const wanted = { kid: toHex(crypto.getRandomValues(new Uint8Array(8))), epoch: 5 }
        const where = { address: `number ${i % 5}`, generation: undefined, reason: undefined }
        desk.endpoint.parts.requester.want({ ...wanted, ...where, andLater: false })
      }
      await town.pass(HOUR, 2 * MINUTE)
    }
    const asked = new Set(controlMessages(town).map(({ address }) => address))
    expect(asked.size).toBeGreaterThan(80)
    expect(asked.size).toBeLessThanOrEqual(16 + 6 * 16)
  })

  it('a quiet day costs no message', async () => {
    const plant = await plantThat()
    const desk = await phone(town, 'desk')
    const reader = desk.endpoint.reader('plant/#')
    const object = await seal(plant)
    await plant.transport.send(STREAM, object)
    await sentWhile(() => undefined, 3)
    expect(canOpen(desk, object)).toBe(true)
    const quiet = await sentWhile(() => undefined, 0)
    expect(quiet).toEqual([])
    const before = town.broker.carried.length
    await town.pass(24 * HOUR, 5 * MINUTE)
    expect(town.broker.carried.slice(before)).toEqual([])
    await reader.close()
  })
})

describe('hostile packed messages', () => {
  it('are refused, and keep nobody from being answered', async () => {
    const plant = await plantThat()
    const desk = await phone(town, 'desk')
    const object = await seal(plant)
    const inbox = `waxwing/v1/inbox/${plant.endpoint.id}`
    const junk = [
      '82',
      '8280',
      '82804100',
      '828041',
      '828043030000',
      '8281480000000000000000420300',
    ]
    for (const one of junk) town.broker.inject(inbox, Buffer.from(one, 'hex'))
    town.broker.inject(requestAddress(new Uint8Array(8)), Buffer.from('8280420300', 'hex'))
    await sentWhile(() => want(desk, object))
    expect(canOpen(desk, object)).toBe(true)
    expect(refusals(plant).length).toBe(junk.length)
    expect(new Set(refusals(plant))).toEqual(new Set(['ERR_MALFORMED', 'ERR_KEY_UNKNOWN']))
  })
})
