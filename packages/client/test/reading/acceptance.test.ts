// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { isSealedMessage, utf8 } from '@waxwing/core'
import type { UnprotectedMessage } from '../../src/message.js'
import type { Reader } from '../../src/reading/reader.js'
import { EPOCH, giveKeys, makeStream, NOW, SessionSealer, STREAM } from '../support/stream.js'
import { prepare, setting, settle, texts, typesOf } from './setting.js'

const HOUR_MS = 3_600_000

describe('what is no object', () => {
  it('is reported with its size and acknowledged', async () => {
    await using made = await setting({ receiveMaximum: 1 })
    made.inject(utf8('21.5'))
    made.inject(new Uint8Array(0))
    made.inject(made.sealer.seal(0))
    expect(texts(await made.take())).toEqual(['message 0'])
    expect(made.events).toEqual([
      { type: 'malformed', code: 'ERR_MALFORMED', byteCount: 4, address: STREAM },
      { type: 'malformed', code: 'ERR_MALFORMED', byteCount: 0, address: STREAM },
    ])
  })

  it('is passed on, marked, to who asks for it', async () => {
    await using made = await setting({ passUnprotected: true, receiveMaximum: 1 })
    const reader = made.reader as Reader<never> as unknown as Reader<UnprotectedMessage>
    const iterator = reader[Symbol.asyncIterator]()
    made.broker.inject(STREAM, utf8('21.5'), { properties: { unit: 'C' } })
    const { value } = await iterator.next()
    expect(value).toMatchObject({ kind: 'unprotected', address: STREAM })
    expect(value?.unprotectedPayload).toEqual(utf8('21.5'))
    expect(value?.unverifiedProperties).toEqual({ unit: 'C' })
    await value?.acknowledge()
    expect(await made.store.scan('seen')).toEqual([])
    made.inject(made.sealer.seal(0))
    expect((await iterator.next()).value).toMatchObject({ kind: 'message' })
    expect(made.events).toEqual([])
  })

  it('is reported if it is an object of a form that is not known', async () => {
    await using made = await setting({ passUnprotected: true })
    const object = made.sealer.seal(0)
    const unknownAlg = object.slice()
    unknownAlg[unknownAlg.indexOf(0x18) + 1] = 99
    made.inject(unknownAlg)
    await settle()
    expect(made.events).toMatchObject([{ type: 'malformed', code: 'ERR_UNSUPPORTED' }])
  })

  it('is ignored where it is a control message under a filter for everything', async () => {
    await using made = await setting({ filter: '#', receiveMaximum: 1 })
    expect(isSealedMessage(utf8('x'))).toBe(false)
    made.inject(utf8('control'), 'waxwing/v1/trust/abc')
    made.inject(made.sealer.seal(0))
    expect(texts(await made.take())).toEqual(['message 0'])
    expect(made.events).toEqual([])
  })
})

describe('topic binding', () => {
  it('refuses an object that was moved, and still takes it where it belongs', async () => {
    await using made = await setting({ filter: 'plant/+/temperature' })
    const object = made.sealer.seal(0)
    made.inject(object, 'plant/2/temperature')
    expect(await made.take()).toEqual([])
    expect(made.events).toMatchObject([
      { type: 'moved', stream: STREAM, address: 'plant/2/temperature', counter: 0 },
    ])
    made.inject(object)
    expect(texts(await made.take())).toEqual(['message 0'])
  })

  it('reports it on the message, if the application chose that', async () => {
    await using made = await setting({ filter: 'plant/#', topicBinding: 'report' })
    made.inject(made.sealer.seal(0), 'plant/2/temperature')
    const [message] = await made.take()
    expect(message).toMatchObject({ stream: STREAM, address: 'plant/2/temperature' })
    expect(message?.protection.addressMatches).toBe(false)
  })

  it('refuses a stream that the filter does not ask for, however it came there', async () => {
    await using made = await setting({ filter: 'door/#', topicBinding: 'report' })
    made.inject(made.sealer.seal(0), 'door/1')
    expect(await made.take()).toEqual([])
    expect(typesOf(made.events)).toEqual(['moved'])
  })

  it('matches streams with what is behind the group of a shared subscription', async () => {
    await using made = await setting({ filter: '$share/desks/plant/+/temperature' })
    made.inject(made.sealer.seal(0))
    expect(texts(await made.take())).toEqual(['message 0'])
  })
})

describe('signatures', () => {
  it('are required unless the application does without', async () => {
    for (const acceptUnsigned of [false, true]) {
      await using made = await setting({ keys: false, acceptUnsigned })
      const stream = makeStream(made.trust, { nonce: 3, fields: { signatureMode: 'none' } })
      await giveKeys(made.book, stream)
      made.inject(new SessionSealer(stream).seal(0, 'by anyone'))
      const messages = await made.take()
      expect(texts(messages)).toEqual(acceptUnsigned ? ['by anyone'] : [])
      if (acceptUnsigned) {
        expect(messages[0]?.protection).toMatchObject({ signed: false, signedBy: undefined })
      } else {
        expect(made.events).toMatchObject([{ type: 'refused', code: 'ERR_SIGNATURE' }])
      }
    }
  })
})

describe('freshness', () => {
  it('refuses what is too old and what does not say its age', async () => {
    await using made = await setting({ maxAgeMs: 60_000 })
    const at = (offsetMs: number): { metadata: { offsetMs: number } } => ({
      metadata: { offsetMs },
    })
    made.runtime.clock.advance(HOUR_MS / 2)
    made.inject(made.sealer.seal(0, 'fresh', at(HOUR_MS / 2 - 60_000)))
    made.inject(made.sealer.seal(1, 'old', at(HOUR_MS / 2 - 60_001)))
    made.inject(made.sealer.seal(2, 'ageless'))
    made.inject(made.sealer.seal(3, 'ahead', at(HOUR_MS / 2 + 1)))
    expect(texts(await made.take())).toEqual(['fresh', 'ahead'])
    expect(made.events).toMatchObject([
      { type: 'stale', counter: 1, ageMs: 60_001 },
      { type: 'stale', counter: 2, ageMs: undefined },
    ])
  })

  it('cannot be told by a device that does not know the time', async () => {
    await using made = await setting({ maxAgeMs: 60_000 })
    made.runtime.clock.forget()
    made.inject(made.sealer.seal(0, 'recorded', { metadata: { offsetMs: 0 } }))
    expect(await made.take()).toEqual([])
    expect(made.events).toMatchObject([{ type: 'stale', ageMs: undefined }])
  })

  it('leaves no gap, because what is stale was verified', async () => {
    await using made = await setting({ maxAgeMs: 60_000 })
    const old = { metadata: { offsetMs: 0 } }
    const fresh = { metadata: { offsetMs: HOUR_MS / 2 } }
    made.runtime.clock.advance(HOUR_MS / 2)
    made.inject(made.sealer.seal(0, 'a', fresh))
    made.inject(made.sealer.seal(1, 'b', old))
    await settle()
    made.inject(made.sealer.seal(1, 'b', old))
    made.inject(made.sealer.seal(2, 'c', fresh))
    expect(texts(await made.take())).toEqual(['a', 'c'])
    expect(typesOf(made.events)).toEqual(['stale', 'stale'])
  })
})

describe('an authentic object', () => {
  it('is refused after its generation was closed', async () => {
    await using made = await setting()
    const { generationId } = made.stream.manifest
    const predecessor = { generationId, closingEpoch: EPOCH }
    const successor = makeStream(made.trust, { nonce: 5, fields: { predecessor } })
    await giveKeys(made.book, successor)
    made.inject(new SessionSealer(made.stream, { epoch: EPOCH + 1 }).seal(0))
    made.inject(made.sealer.seal(0))
    expect(texts(await made.take())).toEqual(['message 0'])
    expect(made.events).toMatchObject([
      { type: 'refused', code: 'ERR_CLOSED_GENERATION', epoch: EPOCH + 1, stream: STREAM },
    ])
  })

  it('of a second producer of the name is reported once for each pair', async () => {
    await using made = await setting()
    const other = makeStream(made.trust, { producer: 'impostor', nonce: 9 })
    made.inject(made.sealer.seal(0))
    await settle()
    await giveKeys(made.book, other)
    const sealer = new SessionSealer(other)
    for (const counter of [1, 2]) made.inject(made.sealer.seal(counter))
    for (const counter of [0, 1]) made.inject(sealer.seal(counter))
    expect(await made.take()).toHaveLength(5)
    expect(made.events).toMatchObject([{ type: 'two-writers', stream: STREAM }])
    const [event] = made.events
    expect(event?.type === 'two-writers' && event.producers).toHaveLength(2)
  })
})

describe('what no key opens', () => {
  it('is not authentic where a proven node covers it', async () => {
    await using made = await setting({ receiveMaximum: 1 })
    made.inject(made.sealer.seal(0))
    const [message] = await made.take()
    await message?.acknowledge()
    const forged = made.sealer.seal(1)
    forged[forged.length - 1]! ^= 1
    made.inject(forged)
    made.inject(made.sealer.seal(1))
    expect(texts(await made.take())).toEqual(['message 1'])
    expect(made.events).toMatchObject([{ type: 'not-authentic', counter: 1, kid: made.stream.kid }])
  })
})

describe('options', () => {
  it('are checked when the reader is made', async () => {
    const wrong = [
      { filter: 'a/#/b' },
      { filter: '' },
      { filter: '$share/g/' },
      { maxInFlight: 0 },
      { holdMs: -1 },
      { maxAgeMs: 1.5 },
      { maxParkedObjects: 0 },
    ]
    for (const options of wrong) {
      await expect(prepare(options), JSON.stringify(options)).rejects.toThrow(/must|may/)
    }
    expect(NOW).toBeGreaterThan(0)
  })

  it('let readers of different names keep different states in one store', async () => {
    await using first = await setting({ name: 'one' })
    first.inject(first.sealer.seal(0))
    const [message] = await first.take()
    await message?.acknowledge()
    await using second = await setting({ name: 'two', store: first.store })
    second.inject(second.sealer.seal(0))
    expect(await second.take()).toHaveLength(1)
    expect(second.events).toEqual([])
  })
})

describe('listeners', () => {
  it('that throw are reported and stop nothing', async () => {
    await using made = await setting()
    made.reader.on('event', () => {
      throw new Error('in the listener')
    })
    made.inject(Uint8Array.of(0))
    made.inject(made.sealer.seal(0))
    expect(await made.take()).toHaveLength(1)
    expect(made.runtime.errors).toMatchObject([{ message: 'in the listener' }])
    expect(typesOf(made.events)).toEqual(['malformed'])
  })

  it('are not called after they were removed; the endpoint hears everything', async () => {
    await using made = await setting()
    const heard: string[] = []
    const remove = made.reader.on('event', ({ type }) => heard.push(type))
    made.inject(Uint8Array.of(0))
    await settle()
    remove()
    made.inject(Uint8Array.of(1))
    await settle()
    expect(heard).toEqual(['malformed'])
    expect(made.runtime.events).toHaveLength(2)
  })
})
