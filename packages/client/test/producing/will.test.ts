// SPDX-License-Identifier: Apache-2.0
/** Objects that are sealed for an intermediary to publish later, or never. */
import { decodeObject } from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import type { Producer } from '../../src/producing/producer.js'
import { DAY, HOUR, keyAndNonce, pass, plantsOfTests, positionOf, START } from '../support/plant.js'

const STREAM = 'plant/1/state'
const plant = plantsOfTests()

function openedBy({ generation }: Producer, object: Uint8Array) {
  const outcome = generation.opener.open(decodeObject(object))
  if (outcome.kind !== 'opened') throw new Error(outcome.kind)
  return { text: new TextDecoder().decode(outcome.plaintext), metadata: outcome.metadata }
}

describe('a sealed will', () => {
  it('opens like any object, with all that an object may carry', async () => {
    const { endpoint } = await plant()
    const producer = await endpoint.producer(STREAM, { padToBytes: 64 })
    const clearPart = Uint8Array.of(1)
    const will = producer.sealWill('gone', { contentType: 'text/plain', clearPart })
    const { text, metadata } = openedBy(producer, will)
    expect(text).toBe('gone')
    expect(metadata).toMatchObject({ contentType: 'text/plain', offsetMs: 0 })
    expect(decodeObject(will).clearPart).toEqual(clearPart)
    expect(producer.sealWill('longer').length).toBe(producer.sealWill('x').length)
  })

  it('is alone in its session, and the session around it goes on without a hole', async () => {
    const made = await plant()
    const producer = await made.endpoint.producer(STREAM)
    const before = positionOf(producer.seal('a'))
    const wills = [producer.sealWill('gone'), producer.sealWill('gone')]
    const after = positionOf(producer.seal('b'))
    expect(after).toEqual({ ...before, counter: 1 })
    const positions = wills.map(positionOf)
    expect(positions).toMatchObject([{ counter: 0 }, { counter: 0 }])
    const sessions = [before, ...positions].map(({ session }) => session)
    expect(new Set(sessions).size).toBe(3)
    expect(new Set(wills.map((will) => keyAndNonce(made, will))).size).toBe(2)
  })

  it('is told of by no trail, and tells of none', async () => {
    const first = await plant()
    const producer = await first.endpoint.producer(STREAM)
    producer.seal('a')
    await producer.newSession()
    expect(openedBy(producer, producer.sealWill('gone')).metadata.trail).toBeUndefined()
    const { session } = positionOf(producer.seal('b'))
    await first.endpoint.close()

    const second = await plant({ store: first.store, clock: first.clock })
    const next = await second.endpoint.producer(STREAM)
    const { trail } = openedBy(next, next.seal('c')).metadata
    expect(trail).toMatchObject({ sessionCount: 2, objectCount: 2 })
    expect(trail?.latest).toHaveLength(2)
    expect(Buffer.from(trail?.latest[0]?.session ?? []).toString('hex')).toBe(session)
  })

  it('holds the producer to its epoch, like any object', async () => {
    const { endpoint, clock } = await plant()
    const producer = await endpoint.producer(STREAM)
    const { kid } = producer
    await pass(clock, HOUR)
    const { epoch } = positionOf(producer.sealWill('gone'))
    clock.set(START + HOUR - 1000)
    expect(positionOf(producer.seal('a'))).toMatchObject({ kid, epoch })
  })

  it('asks to be made ready, and is refused once the producer is closed', async () => {
    const { endpoint, clock } = await plant()
    const producer = await endpoint.producer(STREAM)
    clock.set(START + 7 * DAY)
    const attempt = (): unknown => producer.sealWill('gone')
    expect(attempt).toThrow(expect.objectContaining({ code: 'ERR_NOT_READY' }))
    await producer.ready()
    expect(attempt).not.toThrow()
    await producer.close()
    expect(attempt).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }))
  })
})
