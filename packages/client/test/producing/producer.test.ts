import { decodeObject, LAST_EPOCH, utf8 } from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import { memoryStore } from '../../src/memory-store.js'
import { fixedClock } from '../../src/testing.js'
import {
  DAY,
  HOUR,
  keyAndNonce,
  pass,
  plantsOfTests,
  positionOf,
  START,
  type Plant,
} from '../support/plant.js'

const STREAM = 'plant/1/temperature'
const plant = plantsOfTests()

/** A copy of a device with its whole state on disk, as it is now. */
function clone({ store, clock }: Plant, at = clock): Promise<Plant> {
  return plant({ store: memoryStore({ from: store.snapshot() }), clock: at })
}

const epochOf = (object: Uint8Array): number => positionOf(object).epoch
const epochAtStart = Math.floor(START / HOUR)

describe('what an application gets', () => {
  it('has a buffer of its own, so that it may be given away', async () => {
    const { endpoint } = await plant()
    const producer = await endpoint.producer(STREAM)
    const objects = [producer.seal('a'), ...producer.sealAll(['b', 'c']), producer.sealWill('d')]
    for (const object of objects) {
      expect(object.buffer.byteLength).toBe(object.length)
      const message = await endpoint.reader(STREAM).open(object)
      if (message.kind !== 'message') throw new Error('its own key opens it')
      expect(message.plaintext.buffer.byteLength).toBe(1)
    }
  })
})

describe('a producer', () => {
  it('seals in the epoch of its clock, and goes on over the boundary without waiting', async () => {
    const { endpoint, clock } = await plant()
    const producer = await endpoint.producer(STREAM)
    expect(epochOf(producer.seal('a'))).toBe(epochAtStart)
    await pass(clock, HOUR - 30_000)
    expect(epochOf(producer.seal('b'))).toBe(epochAtStart)
    await pass(clock, 30_000)
    expect(epochOf(producer.seal('c'))).toBe(epochAtStart + 1)
  })

  it('carries on in its generation after a restart, with a session of its own', async () => {
    const first = await plant()
    const before = (await first.endpoint.producer(STREAM)).seal('a')
    await first.endpoint.close()
    const second = await plant({ store: first.store, clock: first.clock })
    const after = (await second.endpoint.producer(STREAM)).seal('b')
    expect(positionOf(after).kid).toBe(positionOf(before).kid)
    expect(positionOf(after).session).not.toBe(positionOf(before).session)
  })

  it('asks to be made ready after a jump ahead, then seals there and forgets nothing', async () => {
    const { endpoint, clock, events } = await plant()
    const producer = await endpoint.producer(STREAM, { history: 'forget' })
    const { kid } = producer
    clock.set(START + 7 * DAY)
    expect(() => producer.seal('x')).toThrow(expect.objectContaining({ code: 'ERR_NOT_READY' }))
    await producer.ready()
    expect(epochOf(producer.seal('x'))).toBe(epochAtStart + 7 * 24)
    expect(producer.kid).toBe(kid)
    expect(producer.generation.ring.spans()).toEqual([{ first: 0, last: LAST_EPOCH }])
    expect(events).toContainEqual({ type: 'clock', change: 'ahead' })
  })

  it('rotates when the clock was set back, and starts at the new time', async () => {
    const { endpoint, clock, events } = await plant()
    const producer = await endpoint.producer(STREAM)
    const { kid } = producer
    producer.seal('a')
    clock.set(START - 5 * HOUR)
    expect(() => producer.seal('b')).toThrow(expect.objectContaining({ code: 'ERR_NOT_READY' }))
    await producer.ready()
    expect(producer.kid).not.toBe(kid)
    expect(epochOf(producer.seal('b'))).toBe(epochAtStart - 5)
    expect(events).toContainEqual(expect.objectContaining({ type: 'rotated', reason: 'clock' }))
  })

  it('stays in its epoch when the clock steps back by a leap over the boundary', async () => {
    const { endpoint, clock } = await plant()
    const producer = await endpoint.producer(STREAM)
    await pass(clock, HOUR)
    const { kid } = producer
    expect(epochOf(producer.seal('a'))).toBe(epochAtStart + 1)
    clock.set(START + HOUR - 1000)
    expect(epochOf(producer.seal('b'))).toBe(epochAtStart + 1)
    expect(producer.kid).toBe(kid)
  })

  it('goes on by the monotonic clock when the time is lost, and rotates after a day', async () => {
    const { endpoint, clock } = await plant()
    const producer = await endpoint.producer(STREAM)
    const { kid } = producer
    producer.seal('a')
    clock.forget()
    await pass(clock, 3 * HOUR)
    await producer.ready()
    expect(epochOf(producer.seal('b'))).toBe(epochAtStart + 3)
    expect(producer.kid).toBe(kid)
    await pass(clock, 22 * HOUR)
    await producer.ready()
    expect(producer.kid).not.toBe(kid)
  })

  it('refuses to begin without any time at all', async () => {
    const clock = fixedClock(START)
    clock.forget()
    const { endpoint } = await plant({ clock })
    await expect(endpoint.producer(STREAM)).rejects.toMatchObject({ code: 'ERR_CLOCK' })
  })

  it('makes a new generation when what stands in the manifest is chosen anew', async () => {
    const first = await plant()
    const one = await first.endpoint.producer(STREAM)
    const { kid } = one
    await first.endpoint.close()
    const second = await plant({ store: first.store, clock: first.clock })
    const two = await second.endpoint.producer(STREAM, { epochSeconds: 600 })
    expect(two.kid).not.toBe(kid)
    expect(two.generation.manifest.predecessor?.generationId).toEqual(
      one.generation.manifest.generationId,
    )
  })

  it('merges rotations: at most one a minute', async () => {
    const { endpoint, clock, events } = await plant()
    const producer = await endpoint.producer(STREAM)
    await producer.rotate()
    const again = Promise.all([producer.rotate(), producer.rotate(), producer.rotate()])
    await pass(clock, 59_000)
    expect(events.filter(({ type }) => type === 'rotated')).toHaveLength(1)
    await pass(clock, 2_000)
    await again
    expect(events.filter(({ type }) => type === 'rotated')).toHaveLength(2)
  })

  it('tells in the trail how far the sessions before came', async () => {
    const first = await plant()
    const producer = await first.endpoint.producer(STREAM)
    for (let i = 0; i < 5; i++) producer.seal('x')
    const session = positionOf(producer.seal('x')).session
    await first.endpoint.close()
    const second = await plant({ store: first.store, clock: first.clock })
    const next = await second.endpoint.producer(STREAM)
    const outcome = next.generation.opener.open(decodeObject(next.seal('y')))
    if (outcome.kind !== 'opened') throw new Error(outcome.kind)
    const { trail } = outcome.metadata
    expect(trail).toMatchObject({ sessionCount: 1, objectCount: 6 })
    expect(trail?.latest).toEqual([
      { session: Uint8Array.from(Buffer.from(session, 'hex')), lastCounter: 5 },
    ])
  })

  it('pads to a multiple, so that sizes tell less', async () => {
    const { endpoint } = await plant()
    const producer = await endpoint.producer(STREAM, { padToBytes: 64 })
    for (let i = 0; i < 16; i++) producer.seal('warm up: the trail makes the first objects longer')
    const sizes = new Set(
      [0, 1, 20, 21, 22, 40].map((length) => producer.seal('x'.repeat(length)).length),
    )
    expect(sizes.size).toBe(1)
  })

  it('never uses a key and nonce twice, though its whole state was cloned and both publish', async () => {
    const original = await plant()
    const one = await original.endpoint.producer(STREAM)
    one.seal('before')
    const copy = await clone(original)
    const two = await copy.endpoint.producer(STREAM)
    const used = new Set<string>()
    for (let i = 0; i < 200; i++) {
      for (const [producer, device] of [
        [one, original],
        [two, copy],
      ] as const) {
        const name = keyAndNonce(device, producer.seal(utf8(`${i}`)))
        expect(used.has(name)).toBe(false)
        used.add(name)
      }
    }
  })

  it('begins a new session before a counter can repeat', async () => {
    const { endpoint, clock } = await plant()
    const producer = await endpoint.producer(STREAM)
    const { session } = positionOf(producer.seal('a'))
    await pass(clock, DAY)
    await producer.ready()
    expect(positionOf(producer.seal('b')).session).not.toBe(session)
    await producer.newSession()
    expect(positionOf(producer.seal('c')).counter).toBe(0)
  })
})
