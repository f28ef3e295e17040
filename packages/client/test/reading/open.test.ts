// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { fromUtf8, WaxwingError } from '@waxwing/core'
import { Message } from '../../src/message.js'
import { memoryStore } from '../../src/testing.js'
import { EPOCH, giveKeys, makeStream, SessionSealer, STREAM } from '../support/stream.js'
import { setting, settle, texts, typesOf, type Setting, type SettingOptions } from './setting.js'

function offline(options: SettingOptions = {}): Promise<Setting> {
  return setting({ ...options, transport: false })
}

async function opened(made: Setting, object: Uint8Array, address?: string): Promise<Message> {
  const result = await made.reader.open(object, address === undefined ? {} : { address })
  if (result instanceof Message) return result
  throw new Error('it was parked')
}

describe('opening without a transport', () => {
  it('gives the message, whose acknowledgement is durable', async () => {
    const store = memoryStore()
    const made = await offline({ store })
    const message = await opened(made, made.sealer.seal(0))
    expect(message.text()).toBe('message 0')
    expect(message.address).toBe('')
    expect(message.protection).toMatchObject({ addressMatches: true, replay: 'checked' })
    await message.acknowledge()
    const again = await offline({ store })
    await expect(again.reader.open(made.sealer.seal(0))).rejects.toMatchObject({
      code: 'ERR_REPLAYED',
    })
    expect(typesOf(again.events)).toEqual(['duplicate'])
  })

  it('gives each object once, and once more after a restart if it was not acknowledged', async () => {
    const store = memoryStore()
    const made = await offline({ store })
    const object = made.sealer.seal(0)
    await opened(made, object)
    await expect(made.reader.open(object)).rejects.toMatchObject({ code: 'ERR_REPLAYED' })
    const again = await offline({ store })
    expect((await opened(again, object)).text()).toBe('message 0')
  })

  it('parks what it has no key for and gives the request to send', async () => {
    const made = await offline({ keys: false })
    const object = made.sealer.seal(0)
    const result = await made.reader.open(object)
    if (result.kind !== 'parked') throw new Error('there is no key')
    expect(result).toMatchObject({ kid: made.stream.kid, epoch: EPOCH })
    expect(fromUtf8(result.request)).toBe(`request for ${made.stream.kid}`)
    expect(await made.reader.open(object)).toMatchObject({ kind: 'parked' })
    expect(await made.store.scan('parked-object')).toHaveLength(1)

    await giveKeys(made.book, made.stream)
    const message = await opened(made, object)
    expect(message.text()).toBe('message 0')
    await message.acknowledge()
    expect(await made.reader.parked()).toEqual([])
    expect(await made.take()).toEqual([])
    expect(made.runtime.errors).toEqual([])
  })

  it('hands what was parked to the iteration where nobody opens it again', async () => {
    const made = await offline({ keys: false })
    for (const counter of [0, 1]) await made.reader.open(made.sealer.seal(counter))
    await giveKeys(made.book, made.stream)
    await settle()
    expect((await opened(made, made.sealer.seal(1))).text()).toBe('message 1')
    const messages = await made.take()
    expect(texts(messages)).toEqual(['message 0'])
    await expect(made.reader.open(made.sealer.seal(0))).rejects.toMatchObject({
      code: 'ERR_REPLAYED',
    })
  })

  it('waits neither for room nor for what is parked', async () => {
    const made = await offline({ keys: false, maxInFlight: 2 })
    const objects = Array.from({ length: 10 }, (_, counter) => made.sealer.seal(counter))
    for (const object of objects) await made.reader.open(object)
    await giveKeys(made.book, made.stream)
    await settle()
    const got: string[] = []
    for (const object of objects.toReversed()) got.push((await opened(made, object)).text())
    expect(got).toHaveLength(10)
    expect(await made.take()).toEqual([])
  })

  it('refuses with the code of what is wrong', async () => {
    const made = await offline({ maxAgeMs: 1000 })
    const fresh = { metadata: { offsetMs: 0 } }
    const { reader, sealer } = made
    const codeOf = async (object: Uint8Array, address?: string): Promise<unknown> => {
      try {
        await reader.open(object, address === undefined ? {} : { address })
        return 'opened'
      } catch (error) {
        return error instanceof WaxwingError ? error.code : error
      }
    }
    const good = sealer.seal(0, 'good', fresh)
    expect(await codeOf(good, STREAM)).toBe('opened')
    expect(await codeOf(good)).toBe('ERR_REPLAYED')
    expect(await codeOf(sealer.seal(0, 'other', fresh))).toBe('ERR_CONFLICT')
    expect(await codeOf(sealer.seal(1, 'ageless'))).toBe('ERR_EXPIRED')
    expect(await codeOf(sealer.seal(2, 'x', fresh), 'plant/2')).toBe('ERR_NOT_AUTHORIZED')
    expect(await codeOf(sealer.seal(3, '', { metadata: { heartbeat: true, offsetMs: 0 } }))).toBe(
      'ERR_UNSUPPORTED',
    )
    const forged = sealer.seal(4)
    forged[forged.length - 1]! ^= 1
    expect(await codeOf(forged)).toBe('ERR_NOT_AUTHENTIC')
    expect(await codeOf(Uint8Array.of(1))).toBe('ERR_MALFORMED')
    const unsigned = makeStream(made.trust, { nonce: 2, fields: { signatureMode: 'none' } })
    await giveKeys(made.book, unsigned)
    expect(await codeOf(new SessionSealer(unsigned).seal(0))).toBe('ERR_SIGNATURE')
  })

  it('says when there is no room to park', async () => {
    const made = await offline({ keys: false, maxParkedObjects: 1, holdWhenFull: true })
    await made.reader.open(made.sealer.seal(0))
    await expect(made.reader.open(made.sealer.seal(1))).rejects.toMatchObject({
      code: 'ERR_LIMIT',
    })
  })

  it('starts by itself, and acknowledges by itself what came before, if wanted', async () => {
    const { prepare } = await import('./setting.js')
    const made = await prepare({ transport: false, autoAcknowledge: true })
    await opened(made, made.sealer.seal(0))
    expect(await made.store.scan('seen')).toHaveLength(0)
    await opened(made, made.sealer.seal(1))
    expect(await made.store.scan('seen')).toHaveLength(1)
  })

  it('remembers a limited number of messages that nobody acknowledges', async () => {
    const made = await offline()
    const sealer = new SessionSealer(made.stream)
    for (let counter = 0; counter < 5000; counter++) await opened(made, sealer.seal(counter))
    await expect(made.reader.open(sealer.seal(0))).rejects.toMatchObject({ code: 'ERR_REPLAYED' })
    expect(made.events.filter(({ type }) => type !== 'duplicate')).toEqual([])
  }, 60_000)
})
