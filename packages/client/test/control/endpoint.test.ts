import type { Transport, TransportStatus } from '@waxwing/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openEndpoint, type Endpoint } from '../../src/endpoint.js'
import { memoryStore } from '../../src/memory-store.js'
import type { Decide } from '../../src/options.js'
import { memoryTransport } from '../../src/testing.js'
import { handlesOf } from '../identity/fixture.js'
import { DAY, HOUR, START } from '../support/plant.js'
import { canOpen, eventsOf, Town, want, type Resident } from '../support/town.js'

const STREAM = 'plant/1'
const ALWAYS = { from: new Date(START - DAY) }
const grantAll: Decide = (request) => request.grant(ALWAYS)

let town: Town
beforeEach(async () => {
  town = await Town.found()
})
afterEach(() => town.close())

describe('an endpoint', () => {
  it('works off-line, and listens as soon as it is connected', async () => {
    const plant = await town.member('plant', { produces: ['plant/#'] }, { decide: grantAll })
    const object = (await plant.endpoint.producer(STREAM)).seal('x')
    await plant.endpoint.close()
    const transport = memoryTransport(town.broker, { clientId: 'plant' })
    transport.disconnect()
    const { clock, timers } = town
    const store = memoryStore({ from: plant.store.snapshot() })
    const opening = openEndpoint({ store, transport, clock, timers, decide: grantAll })
    await town.pass(6000, 500)
    const endpoint = await opening
    const producer = await endpoint.producer(STREAM)
    expect(producer.seal('in the tunnel').length).toBeGreaterThan(0)
    const desk = await town.member('desk')
    transport.reconnect()
    await town.settle()
    want(desk, object)
    await town.pass(5000, 100)
    expect(canOpen(desk, object)).toBe(true)
    await endpoint.close()
  })

  it('off-line from the beginning to the end can be closed', async () => {
    const transport = memoryTransport(town.broker, { clientId: 'lost' })
    transport.disconnect()
    const { clock, timers } = town
    const opening = openEndpoint({ store: memoryStore(), transport, clock, timers })
    await town.pass(6000, 500)
    const endpoint = await opening
    const producer = await endpoint.producer('own/1')
    const sending = producer.publish('never')
    await endpoint.close()
    await expect(sending).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  })

  it('tells what a transport fails with as a failure of the transport', async () => {
    let tell = (_status: TransportStatus): void => undefined
    const inner = memoryTransport(town.broker, { clientId: 'own' })
    const transport: Transport = {
      limits: inner.limits,
      send: (...sent) => inner.send(...sent),
      subscribe: (...wanted) => inner.subscribe(...wanted),
      onStatus: (listener) => {
        tell = listener
        return () => undefined
      },
      close: () => inner.close(),
    }
    const desk = await town.member('desk', {}, { transport })
    const cause = new Error('the cable broke')
    tell({ state: 'error', error: cause })
    const [told] = eventsOf(desk, 'error')
    expect(told?.error).toMatchObject({ code: 'ERR_TRANSPORT', message: cause.message, cause })
  })

  it('does not open, and leaves nothing running, if the broker refuses it', async () => {
    const transport = memoryTransport(town.broker, { clientId: 'refused' })
    const refusal = new Error('not allowed')
    transport.subscribe = () => Promise.reject(refusal)
    const { clock, timers } = town
    const before = timers.pendingCount
    const opening = openEndpoint({ store: memoryStore(), transport, clock, timers })
    await expect(opening).rejects.toBe(refusal)
    await expect(transport.send('a', new Uint8Array(1))).rejects.toMatchObject({
      code: 'ERR_CLOSED',
    })
    expect(timers.pendingCount).toBeLessThanOrEqual(before)
  })

  it('that is closed during work finishes it, and refuses what comes after', async () => {
    const plant = await town.member('plant', { produces: ['plant/#'] }, { decide: grantAll })
    const desk = await town.member('desk', {}, { announce: true })
    const producer = await plant.endpoint.producer(STREAM)
    const publishing = producer.publish('last')
    const granting = plant.endpoint.grant(STREAM, 'desk')
    await Promise.all([publishing, granting, plant.endpoint.close(), plant.endpoint.close()])
    await town.settle()
    expect(eventsOf(desk, 'grant')).toHaveLength(1)
    expect(() => plant.endpoint.reader('#')).toThrow('closed')
    await expect(plant.endpoint.receive(new Uint8Array())).rejects.toMatchObject({
      code: 'ERR_CLOSED',
    })
    expect(eventsOf(plant, 'error')).toEqual([])
  })

  it('gives a new producer of a name whose producer was closed', async () => {
    const plant = await town.member('plant', { produces: ['plant/#'] }, { decide: grantAll })
    const first = await plant.endpoint.producer(STREAM)
    await first.close()
    const second = await plant.endpoint.producer(STREAM)
    expect(second.seal('x').length).toBeGreaterThan(0)
    await second.close()
    await plant.endpoint.revoke(STREAM, plant.endpoint.id)
  })

  it('announces itself only if it is told to', async () => {
    await town.member('loud', {}, { announce: true })
    await town.member('quiet')
    const cards = town.broker.carried.filter(({ address }) => address.endsWith('/card'))
    expect(cards).toHaveLength(1)
  })

  it('goes on when the application’s own listener throws', async () => {
    const errors: unknown[] = []
    const catchError = (error: unknown): void => void errors.push(error)
    const listeners = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.on('uncaughtException', catchError)
    try {
      const plant = await town.member('plant', { produces: ['plant/#'] }, { decide: grantAll })
      const object = (await plant.endpoint.producer(STREAM)).seal('x')
      const desk = await town.member('desk')
      desk.endpoint.on('event', ({ type }) => {
        if (type === 'grant') throw new Error('a mistake of the application')
      })
      want(desk, object)
      await town.pass(1000, 50)
      expect(canOpen(desk, object)).toBe(true)
      await town.pass(HOUR, 60_000)
      expect(eventsOf(desk, 'requested')).toHaveLength(1)
      expect(errors).toHaveLength(1)
    } finally {
      process.off('uncaughtException', catchError)
      for (const listener of listeners) process.on('uncaughtException', listener)
    }
  })
})

describe('two endpoints on one store', () => {
  it('share what the one does: a passive one decides, rules and grants, the other answers', async () => {
    const plant = await town.member('plant', { produces: ['plant/#'] })
    await (await plant.endpoint.producer(STREAM)).ready()
    await plant.endpoint.close()
    const shared = memoryStore({ from: plant.store.snapshot() })
    const [daemonStore, toolStore] = handlesOf(shared, 2)
    if (daemonStore === undefined || toolStore === undefined) throw new Error('two handles')
    const open = (clientId: string, store: typeof daemonStore, passive: boolean) => {
      const transport = memoryTransport(town.broker, { clientId })
      const { clock, timers } = town
      return openEndpoint({ store, transport, clock, timers, passive })
    }
    const daemon = await open('plant', daemonStore, false)
    const tool = await open('tool', toolStore, true)
    const object = (await daemon.producer(STREAM)).seal('x')

    const desk = await town.member('desk')
    want(desk, object)
    await town.pass(1000, 50)
    const [request] = await tool.requests()
    if (request === undefined) throw new Error('the daemon kept the request')
    await tool.decide(request.requestId, request.grant(ALWAYS))
    await town.settle()
    expect(canOpen(desk, object)).toBe(true)
    expect(await daemon.requests()).toEqual([])

    await tool.rules.set({
      id: 'r',
      streams: '#',
      to: { role: 'dashboard' },
      historySeconds: 86_400,
    })
    await town.settle()
    const dashboard = await town.member('dashboard', { roles: ['dashboard'] })
    want(dashboard, object)
    await town.pass(1000, 50)
    expect(canOpen(dashboard, object)).toBe(true)

    await tool.revoke(STREAM, desk.endpoint.id)
    await town.settle()
    const after = (await daemon.producer(STREAM)).seal('after')
    expect(canOpen(desk, after)).toBe(false)
    want(desk, after)
    await town.pass(5000, 100)
    expect(eventsOf(desk, 'denial').at(-1)?.code).toBe('not-authorized')
    await tool.close()
    await daemon.close()
  })

  it('lose no message that both want to send, and take each other’s acks', async () => {
    const shared = memoryStore()
    const [one, other] = handlesOf(shared, 2)
    if (one === undefined || other === undefined) throw new Error('two handles')
    const { clock, timers } = town
    const options = { clock, timers }
    const first = await openEndpoint({ store: one, ...options })
    const second = await openEndpoint({ store: other, ...options })
    const reply = (n: number) => ({ address: `a/${n}`, payload: Uint8Array.of(n), retained: false })
    const awaiting = { digest: 'ab', principal: 'p', about: 'share' as const }
    await Promise.all([
      first.parts.outbox.post([reply(1)]),
      second.parts.outbox.post([{ ...reply(2), awaiting }]),
    ])
    await town.settle()
    expect(await first.parts.outbox.acknowledged('ab', 'q')).toBe(false)
    expect(await first.parts.outbox.acknowledged('ab', 'p')).toBe(true)
    await town.settle()
    expect(await second.takeOutbox()).toEqual([reply(1)])
    await first.close()
    await second.close()
  })
})

describe('the outbox', () => {
  async function posting(): Promise<Resident> {
    return town.member('sender', {}, {})
  }

  it('sends again what the broker refused, without being asked, and not all the time', async () => {
    const sender = await posting()
    const stop = town.broker.faults.always('far/away', { kind: 'refuse' })
    const { outbox } = sender.endpoint.parts
    const posted = outbox.post([
      { address: 'far/away', payload: Uint8Array.of(1), retained: false },
    ])
    await expect(posted).rejects.toMatchObject({ code: 'ERR_TRANSPORT' })
    await town.pass(60_000, 500)
    const tries = town.broker.carried.filter(({ address }) => address === 'far/away').length
    expect(tries).toBeGreaterThan(2)
    expect(tries).toBeLessThan(10)
    stop()
    await town.pass(15_000, 500)
    const after = town.broker.carried.length
    await town.pass(HOUR, 60_000)
    expect(town.broker.carried.slice(after).some(({ address }) => address === 'far/away')).toBe(
      false,
    )
  })

  it('sends what is left after a restart, and neither a jump of the clock stops it', async () => {
    const sender = await posting()
    const { outbox } = sender.endpoint.parts
    const awaiting = { digest: 'ab', principal: 'p', about: 'share' as const }
    await outbox.post([
      { address: 'far/away', payload: Uint8Array.of(1), retained: false, awaiting },
    ])
    const count = (): number =>
      town.broker.carried.filter(({ address }) => address === 'far/away').length
    town.clock.set(START - 30 * DAY)
    await town.pass(70_000, 1000)
    expect(count()).toBe(2)
    town.clock.set(START)
    await sender.endpoint.close()
    const again = await town.restart(sender)
    await town.pass(130_000, 1000)
    expect(count()).toBe(3)
    expect(eventsOf(again, 'no-ack')).toHaveLength(1)
    expect(await again.endpoint.parts.outbox.acknowledged('ab', 'p', 'refused')).toBe(true)
    expect(eventsOf(again, 'no-ack')).toHaveLength(2)
    await town.pass(DAY, HOUR)
    expect(count()).toBe(3)
  })

  it('sends once what waited for the connection', async () => {
    const sender = await posting()
    sender.transport.disconnect()
    const payload = Uint8Array.of(1)
    const posted = sender.endpoint.parts.outbox.post([
      { address: 'far/away', payload, retained: false },
    ])
    await town.pass(HOUR, 60_000)
    sender.transport.reconnect()
    await posted
    await town.pass(HOUR, 60_000)
    const sent = town.broker.carried.filter(({ address }) => address === 'far/away')
    expect(sent).toHaveLength(1)
  })
})

describe('an endpoint without a transport', () => {
  /** A member that is only told, and tells, by hand. */
  async function byHand(announce: boolean): Promise<Endpoint> {
    const { clock, timers } = town
    const endpoint = await openEndpoint({ store: memoryStore(), clock, timers, announce })
    const enrolment = await endpoint.enrolment({ name: 'vault' })
    await endpoint.admit(await town.domain.admit(enrolment), { domainId: town.domain.id })
    return endpoint
  }

  it('renews its key card as it goes, and leaves it in the outbox to be announced', async () => {
    const vault = await byHand(true)
    const { identity } = vault.parts
    const first = identity.card
    expect((await vault.takeOutbox()).map(({ payload }) => payload)).toEqual([
      identity.credential,
      first.bytes,
    ])
    await town.pass(21 * DAY, HOUR)
    expect(identity.card.issued).toBeGreaterThan(first.issued)
    const left = await vault.takeOutbox()
    expect(left.map(({ payload }) => payload)).toEqual([identity.credential, identity.card.bytes])
    expect(left.every(({ retained }) => retained)).toBe(true)
    await vault.close()
    expect(town.timers.pendingCount).toBe(0)
  })

  it('that announces nothing leaves nothing in the outbox', async () => {
    const vault = await byHand(false)
    const { issued } = vault.parts.identity.card
    await town.pass(21 * DAY, HOUR)
    expect(vault.parts.identity.card.issued).toBeGreaterThan(issued)
    expect(await vault.takeOutbox()).toEqual([])
    await vault.close()
  })
})
