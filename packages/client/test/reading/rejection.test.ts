// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { inboxAddress, utf8, WaxwingError } from '@waxwing/core'
import { openEndpoint } from '../../src/endpoint.js'
import type { UnprotectedMessage } from '../../src/message.js'
import type { Reader } from '../../src/reading/reader.js'
import { faultyStore, memoryBroker, memoryStore, memoryTransport } from '../../src/testing.js'
import { giveKeys, makeStream, SessionSealer, STREAM } from '../support/stream.js'
import { setting, settle, texts, type Setting, type SettingOptions } from './setting.js'

/** A reader that gets the next message only once the one before is settled. */
function stage(options: SettingOptions = {}): Promise<Setting> {
  return setting({ broker: memoryBroker({ deadLetters: true }), receiveMaximum: 1, ...options })
}

const reasonsOf = ({ broker }: Setting): string[] => broker.rejected.map(({ reason }) => reason)

describe('what a reader can never use', () => {
  it('is set aside with the code of the reason, and blocks nothing behind it', async () => {
    await using made = await stage({ filter: 'plant/#' })
    const unsigned = makeStream(made.trust, { nonce: 2, fields: { signatureMode: 'none' } })
    await giveKeys(made.book, unsigned)
    const good = made.sealer.seal(0)
    const unknownAlg = good.slice()
    unknownAlg[unknownAlg.indexOf(0x18) + 1] = 99
    const forged = made.sealer.seal(1)
    forged[forged.length - 1]! ^= 1
    made.inject(good)
    const [first] = await made.take()
    await first?.acknowledge()
    made.inject(utf8('21.5'))
    made.inject(unknownAlg)
    made.inject(forged)
    made.inject(made.sealer.seal(2), 'plant/elsewhere')
    made.inject(new SessionSealer(unsigned).seal(0))
    made.inject(made.sealer.seal(0, 'another at the same place'))
    made.inject(made.sealer.seal(3))
    expect(texts(await made.take())).toEqual(['message 3'])
    expect(reasonsOf(made)).toEqual([
      'ERR_MALFORMED',
      'ERR_UNSUPPORTED',
      'ERR_NOT_AUTHENTIC',
      'ERR_NOT_AUTHORIZED',
      'ERR_SIGNATURE',
      'ERR_CONFLICT',
    ])
  })

  it('is not what only came twice, or was parked, or is too old', async () => {
    await using made = await stage({ maxAgeMs: 1000 })
    const { broker, sealer } = made
    broker.inject(STREAM, sealer.seal(0))
    broker.inject(STREAM, sealer.seal(0))
    broker.inject(STREAM, new SessionSealer(makeStream(made.trust, { nonce: 3 })).seal(0))
    await settle()
    expect(made.events.map(({ type }) => type)).toEqual(['stale', 'stale', 'parked'])
    expect(broker.rejected).toEqual([])
  })

  it('is what no pool can hold', async () => {
    await using made = await stage({ keys: false, maxParkedBytes: 1000 })
    made.inject(made.sealer.seal(0, 'x'.repeat(100_000)))
    await settle()
    const isKept = (await made.store.scan('parked')).length > 0
    expect([reasonsOf(made), isKept]).toEqual([isKept ? [] : ['ERR_LIMIT'], isKept])
  })
})

describe('a message that the application rejects', () => {
  it('is set aside with its reason, counts as seen, and never comes again', async () => {
    const store = memoryStore()
    await using made = await stage({ store })
    made.inject(made.sealer.seal(0))
    const [message] = await made.take()
    await message?.reject('no temperature')
    await message?.acknowledge()
    await message?.reject('something else')
    expect(reasonsOf(made)).toEqual(['no temperature'])
    made.inject(made.sealer.seal(0))
    made.inject(made.sealer.seal(1))
    expect(texts(await made.take())).toEqual(['message 1'])
    expect(made.events).toMatchObject([{ type: 'duplicate' }])
    await made.reader.close()
    await using again = await stage({ store: memoryStore({ from: store.snapshot() }) })
    again.inject(again.sealer.seal(0))
    expect(await again.take()).toEqual([])
    expect(again.broker.rejected).toEqual([])
  })

  it('stays acknowledged if it was that first', async () => {
    await using made = await stage()
    made.inject(made.sealer.seal(0))
    const [message] = await made.take()
    await message?.acknowledge()
    await message?.reject('too late')
    expect(made.broker.rejected).toEqual([])
  })

  it('is acknowledged where the transport has no place for it', async () => {
    await using made = await stage({ broker: memoryBroker() })
    for (const counter of [0, 1]) made.inject(made.sealer.seal(counter))
    const [message] = await made.take()
    await message?.reject('no temperature')
    expect(texts(await made.take())).toEqual(['message 1'])
  })

  it('is not set aside before it is durable that it was seen, and can be rejected again', async () => {
    const inner = memoryStore()
    let isBroken = false
    const store = faultyStore(inner, {
      beforeWrite: () => {
        if (isBroken) throw new WaxwingError('ERR_STORE_BUSY', 'another process holds it')
      },
    })
    await using made = await stage({ store })
    made.inject(made.sealer.seal(0))
    const [message] = await made.take()
    isBroken = true
    await expect(message?.reject('bad')).rejects.toMatchObject({ code: 'ERR_STORE_BUSY' })
    expect(made.broker.rejected).toEqual([])
    isBroken = false
    await message?.reject('bad')
    expect(reasonsOf(made)).toEqual(['bad'])
  })

  it('is only settled if it was parked: the transport was told long ago', async () => {
    await using made = await stage({ keys: false })
    made.inject(made.sealer.seal(0))
    await settle()
    await giveKeys(made.book, made.stream)
    const [message] = await made.take()
    await message?.reject('no temperature')
    expect(made.broker.rejected).toEqual([])
    expect(await made.store.scan('parked')).toEqual([])
  })

  it('may be one that nothing protects', async () => {
    await using made = await stage({ passUnprotected: true })
    const reader = made.reader as Reader<never> as unknown as Reader<UnprotectedMessage>
    made.inject(utf8('21.5'))
    const { value } = await reader[Symbol.asyncIterator]().next()
    await value?.reject('not sealed')
    expect(reasonsOf(made)).toEqual(['not sealed'])
  })
})

describe('a control message that is refused for good', () => {
  it('is set aside with the code of the reason', async () => {
    const broker = memoryBroker({ deadLetters: true })
    const transport = memoryTransport(broker)
    await using endpoint = await openEndpoint({ store: memoryStore(), transport })
    broker.inject(inboxAddress(endpoint.parts.identity.id), utf8('junk'))
    await expect.poll(() => broker.rejected.map(({ reason }) => reason)).toEqual(['ERR_MALFORMED'])
  })
})
