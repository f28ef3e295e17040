import { decodeObject, toHex, type Store } from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import type { GrantTerms } from '../../src/options.js'
import { assemble } from '../../src/parts.js'
import { Endpoint } from '../../src/endpoint.js'
import { memoryStore } from '../../src/memory-store.js'
import type { WaxwingEvent } from '../../src/events.js'
import { fixedClock, manualTimers } from '../../src/testing.js'
import { pass } from '../support/plant.js'

const START = Date.UTC(2026, 5, 1)
const HOUR = 3_600_000

async function pair(decide?: (r: { grant(t?: GrantTerms): unknown }) => unknown) {
  const clock = fixedClock(START)
  const timers = manualTimers(clock)
  const open = async (name: string, store: Store = memoryStore()) => {
    const endpoint = new Endpoint(
      await assemble({
        store,
        clock,
        timers,
        name,
        ...(decide ? { decide: decide as never } : {}),
      }),
    )
    await endpoint.start()
    const events: WaxwingEvent[] = []
    endpoint.on('event', (event) => events.push(event))
    return { endpoint, store, events }
  }
  const plant = await open('plant')
  const desk = await open('desk')
  const keyOf = (e: Endpoint) => e.parts.identity.signingKey.publicKey
  await plant.endpoint.trust({ publicKey: keyOf(desk.endpoint), name: 'desk' })
  await desk.endpoint.trust({
    publicKey: keyOf(plant.endpoint),
    name: 'plant',
    produces: ['plant/#'],
  })
  return { clock, plant, desk }
}

/** Asks for the keys of an object, and carries the messages to and fro. */
async function ask(plant: Endpoint, desk: Endpoint, object: Uint8Array): Promise<void> {
  const { kid, epoch } = decodeObject(object)
  const { requester } = desk.parts
  const request = await requester.makeRequest({
    kid: toHex(kid),
    epoch,
    address: 'plant/1',
    generation: desk.parts.book.byKid(toHex(kid))[0],
    reason: 'test',
    andLater: false,
  })
  for (const reply of await plant.receive(request)) await desk.receive(reply)
}

function canOpen(desk: Endpoint, object: Uint8Array): boolean {
  const decoded = decodeObject(object)
  const [generation] = desk.parts.book.byKid(toHex(decoded.kid))
  return generation?.opener.open(decoded).kind === 'opened'
}

describe('granting between two endpoints without a transport', () => {
  it('opens what was granted, and nothing before or after', async () => {
    const from = new Date(START + 2 * HOUR)
    const until = new Date(START + 3 * HOUR)
    const { clock, plant, desk } = await pair((request) => request.grant({ from, until }))
    const producer = await plant.endpoint.producer('plant/1')
    const objects: Uint8Array[] = []
    for (let hour = 0; hour < 6; hour++) {
      await producer.ready()
      objects.push(producer.seal(`hour ${hour}`))
      await pass(clock, HOUR)
    }
    const third = objects[2]
    if (third === undefined) throw new Error('six objects')
    await ask(plant.endpoint, desk.endpoint, third)
    expect(objects.map((object) => canOpen(desk.endpoint, object))).toEqual([
      false,
      false,
      true,
      true,
      false,
      false,
    ])
    expect(desk.events.map(({ type }) => type)).toContain('grant')
  })

  it('lets a person decide later, and says so meanwhile', async () => {
    const { plant, desk } = await pair()
    const producer = await plant.endpoint.producer('plant/1')
    const object = producer.seal('x')
    await ask(plant.endpoint, desk.endpoint, object)
    expect(desk.events.at(-1)).toMatchObject({ type: 'denial', code: 'pending-approval' })
    const [request] = await plant.endpoint.requests()
    expect(request).toMatchObject({ stream: 'plant/1', reason: 'test' })
    await plant.endpoint.decide(request?.requestId ?? '', { kind: 'grant', terms: {} })
    for (const { payload } of await plant.endpoint.takeOutbox())
      await desk.endpoint.receive(payload)
    expect(canOpen(desk.endpoint, object)).toBe(true)
    expect(await plant.endpoint.requests()).toEqual([])
  })

  it('grants a new generation to whom it granted before, and not to whom it revoked', async () => {
    let asked = 0
    const { plant, desk } = await pair((request) => {
      asked++
      return request.grant()
    })
    const producer = await plant.endpoint.producer('plant/1')
    await ask(plant.endpoint, desk.endpoint, producer.seal('one'))
    await producer.rotate()
    const two = producer.seal('two')
    expect(canOpen(desk.endpoint, two)).toBe(false)
    await ask(plant.endpoint, desk.endpoint, two)
    expect(canOpen(desk.endpoint, two)).toBe(true)
    expect(asked).toBe(1)
  })
})
