import { requestAddress, toHex, fromHex } from '@waxwing/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Decide, IncomingRequest } from '../../src/options.js'
import { DAY, HOUR, START } from '../support/plant.js'
import { canOpen, eventsOf, Town, want, wantedFor, type Resident } from '../support/town.js'

const STREAM = 'plant/1'
const MINUTE = 60_000
const REQUESTS = requestAddress(new Uint8Array())

let town: Town
beforeEach(async () => {
  town = await Town.found()
})
afterEach(() => town.close())

/** A producer that answers as told, with an object that it sealed. */
async function plantThat(
  decide: Decide | undefined,
): Promise<{ plant: Resident; object: Uint8Array }> {
  const options = decide === undefined ? {} : { decide }
  const plant = await town.member('plant', { produces: ['plant/#'] }, options)
  const object = (await plant.endpoint.producer(STREAM)).seal('21.5')
  return { plant, object }
}

function sentTo(address: string): number {
  return town.broker.carried.filter((message) => message.address === address).length
}

function requestsFor(object: Uint8Array, resident: Resident): number {
  return sentTo(requestAddress(fromHex(wantedFor(resident, object).kid)))
}

const random = (): string => toHex(crypto.getRandomValues(new Uint8Array(8)))

describe('asking for keys', () => {
  it('merges what is wanted within 50 ms into one request', async () => {
    const asked: IncomingRequest[] = []
    const { object } = await plantThat((request) => {
      asked.push(request)
      return request.grant({ from: new Date(START - DAY) })
    })
    const desk = await town.member('desk')
    const { epoch } = wantedFor(desk, object)
    for (const back of [0, 1, 2, 5]) {
      want(desk, object, { epoch: epoch - back, andLater: false })
    }
    await town.pass(1000, 25)
    expect(asked).toHaveLength(1)
    expect(asked[0]?.spans).toEqual([
      { first: epoch - 5, last: epoch - 5 },
      { first: epoch - 2, last: epoch },
    ])
    expect(eventsOf(desk, 'requested')).toHaveLength(1)
    expect(canOpen(desk, object)).toBe(true)
  })

  it('repeats after two seconds, each time twice as late, with jitter, up to an hour', async () => {
    const desk = await town.member('desk')
    const times: number[] = []
    desk.endpoint.on(
      'event',
      ({ type }) => type === 'requested' && times.push(town.clock.monotonic()),
    )
    const wanted = { kid: random(), epoch: 5, address: 'a', generation: undefined }
    desk.endpoint.parts.requester.want({ ...wanted, reason: undefined, andLater: false })
    await town.pass(10 * MINUTE, 500)
    await town.pass(8 * HOUR, 30_000)
    const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0))
    for (const [i, gap] of gaps.entries()) {
      const ideal = Math.min(2000 * 2 ** i, HOUR)
      const step = ideal < 300_000 ? 500 : 30_000
      expect(gap).toBeGreaterThanOrEqual(ideal * 0.75 - step)
      expect(gap).toBeLessThanOrEqual(ideal * 1.25 + step)
    }
    expect(gaps.length).toBeGreaterThan(14)
    expect(
      new Set(gaps.map((gap, i) => Math.round((gap / 2000 / 2 ** i) * 100))).size,
    ).toBeGreaterThan(3)
  })

  it('goes on when the clock is set back or ahead by a week', async () => {
    for (const jump of [-7 * DAY, 7 * DAY]) {
      const desk = await town.member(`desk ${jump}`)
      const wanted = { kid: random(), epoch: 5, address: 'a', generation: undefined }
      desk.endpoint.parts.requester.want({ ...wanted, reason: undefined, andLater: false })
      await town.pass(1000, 50)
      expect(eventsOf(desk, 'requested')).toHaveLength(1)
      town.clock.set(START + jump)
      await town.pass(20_000, 500)
      expect(eventsOf(desk, 'requested').length).toBeGreaterThanOrEqual(3)
      expect(eventsOf(desk, 'requested').length).toBeLessThanOrEqual(6)
      town.clock.set(START)
    }
  })

  it('goes on after the broker refused a request, for this kid and for others', async () => {
    const { object } = await plantThat((request) => request.grant())
    const desk = await town.member('desk')
    town.broker.faults.once('waxwing/v1/request/#', { kind: 'refuse' })
    want(desk, object)
    const other = {
      kid: random(),
      epoch: 5,
      address: 'a',
      generation: undefined,
      reason: undefined,
    }
    desk.endpoint.parts.requester.want({ ...other, andLater: false })
    await town.pass(10_000, 50)
    expect(eventsOf(desk, 'error')[0]?.error.code).toBe('ERR_TRANSPORT')
    expect(sentTo(requestAddress(fromHex(other.kid)))).toBeGreaterThanOrEqual(1)
    expect(canOpen(desk, object)).toBe(true)
  })

  it('sends nothing twice while it is off-line, and gets its answer when it is back', async () => {
    const { object } = await plantThat((request) => request.grant({ from: new Date(START) }))
    const desk = await town.member('desk')
    desk.transport.disconnect()
    want(desk, object)
    await town.pass(2 * HOUR, MINUTE)
    expect(requestsFor(object, desk)).toBe(0)
    desk.transport.reconnect()
    await town.settle()
    expect(requestsFor(object, desk)).toBe(1)
    await town.pass(5000, 100) // the one that had waited for so long is no longer valid
    expect(canOpen(desk, object)).toBe(true)
    expect(requestsFor(object, desk)).toBe(2)
  })

  it('seals to the keepers first, and goes bare after three sendings without any answer', async () => {
    const { object } = await plantThat(undefined)
    const keeper = await town.member('keeper', {}, { announce: true })
    await town.domain.addKeeper(keeper.endpoint.parts.identity.id)
    const desk = await town.member('desk')
    town.publishBundle()
    await town.settle()
    await keeper.endpoint.close()
    want(desk, object, { kid: random() })
    await town.pass(MINUTE, 250)
    const sealed = eventsOf(desk, 'requested').map((event) => event.sealed)
    expect(sealed.slice(0, 4)).toEqual([true, true, true, false])
  })

  it('never goes bare where that is forbidden, on a transport or without', async () => {
    const { object } = await plantThat((request) => request.grant())
    const desk = await town.member('desk', {}, { sealedRequestsOnly: true })
    want(desk, object)
    await town.pass(HOUR, 10_000)
    expect(eventsOf(desk, 'requested')).toEqual([])
    expect(requestsFor(object, desk)).toBe(0)
    const { requester } = desk.endpoint.parts
    await expect(requester.makeRequest(wantedFor(desk, object))).rejects.toMatchObject({
      code: 'ERR_KEY_UNKNOWN',
    })
  })

  it('stays sealed while somebody answers, however often it has to ask', async () => {
    const { plant, object } = await plantThat((request) =>
      request.grant({ until: new Date(START) }),
    )
    const desk = await town.member('desk')
    want(desk, object)
    await town.pass(1000, 50)
    expect(canOpen(desk, object)).toBe(true)
    const [generation] = desk.endpoint.generations()
    await plant.endpoint.parts.granter.ledger.update(STREAM, desk.endpoint.id, () => undefined)
    const later = wantedFor(desk, object).epoch + 3
    want(desk, object, { epoch: later, generation, andLater: false })
    await town.pass(12 * HOUR, MINUTE)
    const requested = eventsOf(desk, 'requested').slice(1)
    expect(requested.length).toBeGreaterThan(6)
    expect(requested.every(({ sealed }) => sealed)).toBe(true)
    expect(eventsOf(desk, 'denial').at(-1)?.code).toBe('out-of-span')
  })

  it('asks the producer in the end, however often a delegate says that it has nothing', async () => {
    const refuse: Decide = () => ({ kind: 'deny', code: 'not-authorized', retrySeconds: 60 })
    const keeper = await town.member('keeper', {}, { announce: true, decide: refuse })
    await town.domain.addKeeper(keeper.endpoint.parts.identity.id)
    town.publishBundle()
    await town.settle()
    const { object } = await plantThat((request) => request.grant())
    await town.settle()
    const desk = await town.member('desk')
    want(desk, object)
    await town.pass(HOUR, MINUTE / 4)
    const sealed = eventsOf(desk, 'requested').map((event) => event.sealed)
    expect(sealed).toEqual([true, true, true, false])
    expect(canOpen(desk, object)).toBe(true)
  })

  it('asks at once about a kid that waits for its turn when its manifest gets known', async () => {
    const { object } = await plantThat((request) => request.grant({ until: new Date(START) }))
    const desk = await town.member('desk')
    want(desk, object)
    await town.pass(1000, 50)
    const [generation] = desk.endpoint.generations()
    const { epoch, ...rest } = wantedFor(desk, object)
    const unknown = { ...rest, epoch: epoch + 3, generation: undefined, andLater: false }
    for (let i = 0; i < 100; i++) {
      desk.endpoint.parts.requester.want({ ...unknown, kid: random() })
    }
    desk.endpoint.parts.requester.want(unknown)
    await town.pass(1000, 50)
    const count = (): number =>
      eventsOf(desk, 'requested').filter(({ kid }) => kid === rest.kid).length
    const before = count()
    desk.endpoint.parts.requester.want({ ...unknown, generation })
    await town.pass(1000, 50)
    expect(count()).toBe(before + 1)
  })

  it('asks no more about what was granted while it waited for its turn', async () => {
    const { plant, object } = await plantThat((request) => request.grant())
    const desk = await town.member('desk', {}, { announce: true })
    await town.settle()
    const { requester } = desk.endpoint.parts
    const wanted = wantedFor(desk, object)
    for (let i = 0; i < 30; i++) requester.want({ ...wanted, kid: random() })
    requester.want(wanted)
    await town.pass(100, 50)
    await plant.endpoint.grant(STREAM, 'desk', { from: new Date(START - DAY) })
    await town.pass(500, 50)
    expect(canOpen(desk, object)).toBe(true)
    await town.pass(15 * MINUTE, 500)
    const about = eventsOf(desk, 'requested').filter(({ kid }) => kid === wanted.kid)
    expect(about).toEqual([])
  })

  it('is done with a kid that was asked about before its turn came', async () => {
    const { plant, object } = await plantThat(undefined)
    const desk = await town.member('desk', {}, { announce: true })
    await town.settle()
    const { requester } = desk.endpoint.parts
    const wanted = wantedFor(desk, object)
    for (let i = 0; i < 30; i++) requester.want({ ...wanted, kid: random() })
    requester.want(wanted)
    await town.pass(100, 50)
    const until = new Date(START - DAY + 1000)
    await plant.endpoint.grant(STREAM, 'desk', { from: new Date(START - DAY), until })
    await town.pass(500, 50)
    want(desk, object) // now its manifest is known
    await town.pass(300, 50)
    await plant.endpoint.grant(STREAM, 'desk', { from: new Date(START - DAY) })
    await town.pass(500, 50)
    const count = (): number =>
      eventsOf(desk, 'requested').filter(({ kid }) => kid === wanted.kid).length
    const before = count()
    expect(canOpen(desk, object)).toBe(true)
    await town.pass(15 * MINUTE, 500)
    expect(count()).toBe(before)
  })

  it('asks about eight new kids a minute and address, the others drawn at random', async () => {
    const desk = await town.member('desk')
    const kids = Array.from({ length: 100 }, random)
    const { requester } = desk.endpoint.parts
    for (const kid of kids) {
      requester.want({
        kid,
        epoch: 1,
        address: 'a',
        generation: undefined,
        reason: undefined,
        andLater: false,
      })
    }
    requester.want({
      kid: random(),
      epoch: 1,
      address: 'b',
      generation: undefined,
      reason: undefined,
      andLater: false,
    })
    const asked = (): string[] => [...new Set(eventsOf(desk, 'requested').map(({ kid }) => kid))]
    await town.pass(MINUTE - 1000, 500)
    expect(asked()).toHaveLength(9)
    await town.pass(MINUTE, 500)
    expect(asked()).toHaveLength(17)
    await town.pass(MINUTE, 500)
    const drawn = asked()
      .slice(9)
      .map((kid) => kids.indexOf(kid))
    expect(drawn).toHaveLength(16)
    expect(drawn).not.toEqual(drawn.toSorted((x, y) => x - y))
  })

  it('sends no crowd of requests for junk on many addresses, and asks for what is genuine', async () => {
    const { object } = await plantThat((request) => request.grant())
    const desk = await town.member('desk')
    const { requester } = desk.endpoint.parts
    const genuine = wantedFor(desk, object)
    for (let second = 0; second < 10; second++) {
      for (let i = 0; i < 1000; i++) {
        requester.want({ ...genuine, kid: random(), address: `plant/x${second}/${i}` })
      }
      if (!canOpen(desk, object)) want(desk, object)
      await town.pass(1000, 100)
    }
    const bare = town.broker.carried.filter(({ address }) => address.startsWith(REQUESTS))
    expect(new Set(bare.map(({ address }) => address)).size).toBeLessThanOrEqual(256 + 8 * 10)
    expect(bare.length).toBeLessThan(1200)
    expect(canOpen(desk, object)).toBe(true)
    expect(eventsOf(desk, 'error')).toEqual([])
  })

  it('forgets nothing that was wanted while a kid waited for its turn', async () => {
    const asked: IncomingRequest[] = []
    const { object } = await plantThat((request) => {
      asked.push(request)
      return request.grant({ from: new Date(START - DAY) })
    })
    const desk = await town.member('desk')
    const { requester } = desk.endpoint.parts
    for (let i = 0; i < 8; i++) {
      requester.want({ ...wantedFor(desk, object), kid: random() })
    }
    const { epoch } = wantedFor(desk, object)
    want(desk, object, { epoch: epoch - 7, andLater: false })
    want(desk, object, { epoch, andLater: false })
    await town.pass(2 * MINUTE, 500)
    expect(asked[0]?.spans).toEqual([
      { first: epoch - 7, last: epoch - 7 },
      { first: epoch, last: epoch },
    ])
  })

  it('does not count the generations whose manifest is known', async () => {
    const { plant, object } = await plantThat((request) =>
      request.grant({ until: new Date(START) }),
    )
    const desk = await town.member('desk')
    want(desk, object)
    await town.pass(1000, 50)
    const { requester } = desk.endpoint.parts
    for (let i = 0; i < 20; i++)
      requester.want({ ...wantedFor(desk, object), kid: random(), generation: undefined })
    await town.pass(1000, 50)
    want(desk, object, { epoch: wantedFor(desk, object).epoch + 9, andLater: false })
    await town.pass(1000, 50)
    expect(eventsOf(desk, 'denial').map(({ code }) => code)).toEqual(['out-of-span'])
    expect(eventsOf(plant, 'denied')).toHaveLength(1)
  })
})

describe('a denial', () => {
  it('holds back what was asked for as long as it says', async () => {
    let count = 0
    const { object } = await plantThat((request) => {
      count++
      return request.deny('not-authorized', 600)
    })
    const desk = await town.member('desk')
    want(desk, object)
    await town.pass(590_000, 1000)
    expect(count).toBe(1)
    await town.pass(90_000, 1000)
    expect(count).toBe(2)
    expect(eventsOf(desk, 'denial')[0]).toMatchObject({ code: 'not-authorized', retrySeconds: 600 })
  })

  it('holds back nothing for more than an hour', async () => {
    let count = 0
    const { object } = await plantThat((request) => {
      count++
      return request.deny('not-authorized', 3600)
    })
    const desk = await town.member('desk')
    want(desk, object)
    await town.pass(HOUR + 5000, 5000)
    expect(count).toBe(2)
  })

  it('does not hold back what was not asked for yet', async () => {
    const { object } = await plantThat((request) =>
      request.spans.length > 1 ? request.grant() : request.deny('out-of-span', 3600),
    )
    const desk = await town.member('desk')
    const { epoch } = wantedFor(desk, object)
    want(desk, object, { epoch: epoch - 100, andLater: false })
    await town.pass(5000, 50)
    expect(eventsOf(desk, 'denial')).toHaveLength(1)
    want(desk, object)
    await town.pass(5000, 50)
    expect(canOpen(desk, object)).toBe(true)
  })

  it('cannot be got around by junk that makes up epochs', async () => {
    let count = 0
    const { object } = await plantThat((request) => {
      count++
      return request.deny('not-authorized', 3600)
    })
    const desk = await town.member('desk')
    want(desk, object)
    await town.pass(1000, 50)
    for (let i = 0; i < 300; i++) {
      want(desk, object, { epoch: i * 7, andLater: false })
      await town.pass(200, 200)
    }
    expect(count).toBeLessThanOrEqual(11)
  })

  it('is outranked by any grant, whichever comes first', async () => {
    const { plant, object } = await plantThat((request) => request.deny('not-authorized', 3600))
    const desk = await town.member('desk')
    want(desk, object)
    await town.pass(1000, 50)
    await plant.endpoint.grant(STREAM, 'desk')
    await town.settle()
    expect(canOpen(desk, object)).toBe(true)
    await town.pass(2 * HOUR, MINUTE)
    expect(eventsOf(desk, 'requested')).toHaveLength(1)
  })

  it('that nobody asked for, or without proof, has no effect', async () => {
    const { plant, object } = await plantThat((request) => request.grant())
    const desk = await town.member('desk')
    const stranger = await town.member('stranger')
    const { messenger, book } = plant.endpoint.parts
    const [generation] = book.all()
    if (generation === undefined) throw new Error('the plant has a generation')
    const { producerId, payloadDigest: manifestDigest, generationId } = generation.manifest
    const recipient = desk.endpoint.parts.identity.id
    const kid = generationId.slice(0, 8)
    const body = {
      kid,
      code: 'not-authorized',
      retrySeconds: 3600,
      producerId,
      manifestDigest,
      chain: [],
    } as const
    const unasked = messenger.compose('denial', body, {
      recipient,
      inReplyTo: { digest: new Uint8Array(32) },
    })
    expect(await desk.endpoint.receive(unasked)).toEqual([])
    expect(eventsOf(desk, 'denial')).toEqual([])

    town.broker.faults.always(requestAddress(kid), { kind: 'drop' })
    want(desk, object)
    await town.pass(1000, 50)
    const request = town.broker.carried.at(-1)?.payload ?? new Uint8Array()
    const digest = desk.endpoint.parts.runtime.crypto.sha256(request)
    const forged = stranger.endpoint.parts.messenger.compose('denial', body, {
      recipient,
      inReplyTo: { digest },
    })
    await expect(desk.endpoint.receive(forged)).rejects.toMatchObject({ code: 'ERR_CHAIN' })
    const proven = messenger.compose('denial', body, { recipient, inReplyTo: { digest } })
    await desk.endpoint.receive(proven)
    expect(eventsOf(desk, 'denial')).toHaveLength(1)
  })

  it('for good ends the asking a day later', async () => {
    let count = 0
    const { object } = await plantThat((request) => {
      count++
      return request.deny('not-authorized', 3600)
    })
    const desk = await town.member('desk')
    want(desk, object)
    await town.pass(27 * HOUR, 5 * MINUTE)
    const before = count
    expect(before).toBeGreaterThan(20)
    await town.pass(10 * HOUR, 5 * MINUTE)
    expect(count).toBe(before)
    want(desk, object)
    await town.pass(1000, 50)
    expect(count).toBe(before + 1)
  })
})

describe('a grant', () => {
  it('ends the asking for what it covers, and for that alone', async () => {
    const { object } = await plantThat((request) => request.grant())
    const desk = await town.member('desk')
    const { epoch } = wantedFor(desk, object)
    want(desk, object, { epoch: epoch - 50, andLater: false })
    want(desk, object)
    await town.pass(10_000, 50)
    expect(canOpen(desk, object)).toBe(true)
    expect(eventsOf(desk, 'requested').map(({ spans }) => spans[0]?.first)).toEqual([
      epoch - 50,
      epoch - 50,
    ])
    expect(eventsOf(desk, 'requested')[1]?.spans).toEqual([{ first: epoch - 50, last: epoch - 50 }])
    expect(eventsOf(desk, 'denial').map(({ code }) => code)).toEqual(['out-of-span'])
  })
})
