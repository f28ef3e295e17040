// SPDX-License-Identifier: Apache-2.0
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { memoryStore } from '@waxwing/client'
import { inboxAddress, toHex } from '@waxwing/core'
import type { PersonsText } from '@waxwing/sms'
import { expectReceived, MessageLog, type CentreMessage } from '@waxwing/testkit'
import { PARTS_TABLE } from '../src/receiving/kept-part.js'
import { segmentsOf } from '../src/sending/segments.js'
import { centreFor, dataOf, errorsOf, FAR, NEAR, transportAt } from './support/stage.ts'

const OK = 0
const TEMPORARY = 0x64
const PERMANENT = 0x65

/** What the centre delivers of a message of FAR. */
function messagesOf(letter: Uint8Array, reference = 1): CentreMessage[] {
  const terms = { coding: 'binary', alphabet: 'gsm', concatenation: '16-bit' } as const
  return segmentsOf(letter, () => reference, terms).map((segment) => ({
    ...segment,
    from: FAR,
    to: NEAR,
  }))
}

const text = (from: string, words: string, dataCoding = 0): CentreMessage => ({
  from,
  to: NEAR,
  esmClass: 0,
  dataCoding,
  message: Buffer.from(words, 'latin1'),
})

describe('the answer to a message', () => {
  it('waits for the handler, and is given when that acknowledged', async () => {
    const centre = await centreFor()
    const [transport, log] = [transportAt(centre, NEAR), new MessageLog()]
    await transport.subscribe('sms/#', log.hold)
    for (const message of messagesOf(dataOf(5))) centre.deliver(message)
    const message = await log.at(0)
    expect(message).toMatchObject({ address: `sms/${FAR}`, properties: {}, redelivered: false })
    expect(centre.answers).toEqual([])
    await message.acknowledge()
    await expect.poll(() => centre.answers).toEqual([OK])
  })

  it('to the last segment waits for the handler, where there is no store', async () => {
    const centre = await centreFor()
    const [transport, log] = [transportAt(centre, NEAR), new MessageLog()]
    await transport.subscribe('sms/#', log.hold)
    for (const message of messagesOf(dataOf(400))) centre.deliver(message)
    const message = await log.at(0)
    await expect.poll(() => centre.answers).toEqual([OK, OK, OK])
    await message.acknowledge()
    await expect.poll(() => centre.answers).toEqual([OK, OK, OK, OK])
  })

  it('is given when all segments are in the store, which keeps them for the handler', async () => {
    const [centre, store] = [await centreFor(), memoryStore()]
    const [transport, log] = [transportAt(centre, NEAR, { store }), new MessageLog()]
    await transport.subscribe('sms/#', log.hold)
    for (const message of messagesOf(dataOf(400))) centre.deliver(message)
    const message = await log.at(0)
    await expect.poll(() => centre.answers).toEqual([OK, OK, OK, OK])
    expect(await store.scan(PARTS_TABLE)).toHaveLength(4)
    await message.acknowledge()
    expect(await store.scan(PARTS_TABLE)).toHaveLength(0)
  })

  it('comes in time all the same: the message stands in the store then', async () => {
    const [centre, store] = [await centreFor(), memoryStore()]
    const [transport, log] = [transportAt(centre, NEAR, { store, holdMs: 20 }), new MessageLog()]
    await transport.subscribe('sms/#', log.hold)
    centre.deliver(messagesOf(dataOf(5))[0]!)
    const message = await log.at(0)
    await expect.poll(() => centre.answers).toEqual([OK])
    expect(await store.scan(PARTS_TABLE)).toHaveLength(1)
    await message.acknowledge()
    expect(await store.scan(PARTS_TABLE)).toHaveLength(0)
    expect(log.messages).toHaveLength(1)
  })

  it('gives a message back in time where there is no store, and hands it over once', async () => {
    const centre = await centreFor({ retryMs: 10 })
    const [transport, log] = [transportAt(centre, NEAR, { holdMs: 20 }), new MessageLog()]
    await transport.subscribe('sms/#', log.hold)
    for (const message of messagesOf(dataOf(400))) centre.deliver(message)
    const message = await log.at(0)
    await expect
      .poll(() => centre.answers.filter((status) => status === TEMPORARY).length)
      .toBeGreaterThan(2)
    await message.acknowledge()
    await expect.poll(() => centre.waitingFor(NEAR)).toBe(0)
    expect(log.messages).toHaveLength(1)
    expect(centre.answers.at(-1)).toBe(OK)
  })

  it('gives back what nobody wants yet, until somebody does', async () => {
    const centre = await centreFor({ retryMs: 10 })
    const [transport, log] = [transportAt(centre, NEAR, { holdMs: 20 }), new MessageLog()]
    const errors = errorsOf(transport)
    await transport.subscribe('other', new MessageLog().hold)
    centre.deliver(messagesOf(dataOf(5))[0]!)
    await expect.poll(() => centre.answers.length).toBeGreaterThan(1)
    expect(centre.answers).not.toContain(OK)
    expect(errors[0]).toMatchObject({ message: expect.stringContaining('nobody listens') })
    await transport.subscribe('sms/+', log.acknowledge)
    await expectReceived(log, dataOf(5))
    await expect.poll(() => centre.waitingFor(NEAR)).toBe(0)
  })

  it('refuses for good what is no message, and what is malformed is reported', async () => {
    const centre = await centreFor()
    const [transport, log] = [transportAt(centre, NEAR), new MessageLog()]
    const errors = errorsOf(transport)
    await transport.subscribe('#', log.acknowledge)
    centre.deliver({
      from: FAR,
      to: NEAR,
      esmClass: 0x40,
      dataCoding: 4,
      message: Buffer.of(200, 1),
    })
    await expect.poll(() => centre.answers).toEqual([PERMANENT])
    centre.deliver({ from: FAR, to: NEAR, esmClass: 0, dataCoding: 4, message: Buffer.of(0x45, 1) })
    await expect.poll(() => centre.answers).toEqual([PERMANENT, OK])
    expect(errors).toMatchObject([{ code: 'ERR_MALFORMED' }, { code: 'ERR_MALFORMED' }])
    expect(log.messages).toEqual([])
  })
})

describe('a centre that waits for each answer', () => {
  it.each([
    ['without a store', undefined],
    ['with a store', memoryStore()],
  ])('is not blocked by a handler that waits for another message, %s', async (_how, store) => {
    const centre = await centreFor({ window: 1, retryMs: 10 })
    const transport = transportAt(centre, NEAR, { holdMs: 30, ...(store && { store }) })
    const inbox = inboxAddress(new Uint8Array(32).fill(7))
    const answered = Promise.withResolvers<void>()
    const done = new MessageLog()
    await transport.subscribe('sms/#', async (message) => {
      await transport.send(`sms/${FAR}`, dataOf(3))
      await answered.promise
      await done.acknowledge(message)
    })
    await transport.subscribe(inbox, async (message) => {
      await message.acknowledge()
      answered.resolve()
    })
    for (const message of messagesOf(dataOf(400))) centre.deliver(message)
    centre.deliver(messagesOf(Uint8Array.of(0x48, 0xd0, 1))[0]!)
    await expectReceived(done, dataOf(400))
    await expect.poll(() => centre.waitingFor(NEAR)).toBe(0)
    expect(done.messages).toHaveLength(1)
  })
})

describe('segments', () => {
  it('in any order, twice, and among those of others make each message once', async () => {
    const centre = await centreFor({ window: 1_000 })
    const [transport, log] = [transportAt(centre, NEAR), new MessageLog()]
    await transport.subscribe('sms/#', log.acknowledge)
    const letters = [3, 4, 5, 6].map((seed) => dataOf(900, seed))
    const all = letters.flatMap((letter, i) => messagesOf(letter, i))
    const shuffled = [...all, ...all].toSorted((a, b) =>
      toHex(a.message.slice(4)) < toHex(b.message.slice(4)) ? -1 : 1,
    )
    for (const message of shuffled) centre.deliver(message)
    await expectReceived(log, ...letters)
    await expect.poll(() => centre.waitingFor(NEAR)).toBe(0)
    expect(log.messages).toHaveLength(letters.length)
  })

  it('that the centre delivers backwards and twice, of a sender that knows nothing of it', async () => {
    const centre = await centreFor({ splits: true, window: 3 })
    centre.copies = 2
    centre.reorder = (waiting) => waiting.splice(0, waiting.length, ...waiting.toReversed())
    const [transport, log] = [transportAt(centre, NEAR), new MessageLog()]
    const sender = transportAt(centre, FAR, { concatenation: 'message-payload' })
    await transport.subscribe('sms/#', log.acknowledge)
    const letters = [3, 4, 5].map((seed) => dataOf(900, seed))
    for (const letter of letters) await sender.send(`sms/${NEAR}`, letter)
    await expectReceived(log, ...letters)
  })

  it('are of one message again after the connection broke between them', async () => {
    const centre = await centreFor({ window: 1 })
    const [transport, log] = [transportAt(centre, NEAR), new MessageLog()]
    await transport.subscribe('sms/#', log.hold)
    const letter = dataOf(400)
    for (const [i, message] of messagesOf(letter).entries()) {
      if (i === 2) {
        await expect.poll(() => centre.answers).toEqual([OK, OK])
        centre.cut()
      }
      centre.deliver(message)
    }
    await log.at(0)
    centre.cut()
    await (await log.at(1)).acknowledge()
    await expect.poll(() => centre.waitingFor(NEAR)).toBe(0)
  })
})

describe('what persons write', () => {
  it('is told, counted, answered, and never a message', async () => {
    const centre = await centreFor()
    const texts: PersonsText[] = []
    const transport = transportAt(centre, NEAR, { onText: (each) => texts.push(each) })
    const log = new MessageLog()
    await transport.subscribe('#', log.acknowledge)
    const words = ['Hello!', '', ':%no armour', ':%', 'x'.repeat(200)]
    for (const each of words) centre.deliver(text('Auntie', each))
    centre.deliver(text('+4917', 'Grüße', 3))
    await expect.poll(() => texts).toHaveLength(5)
    expect(texts[0]).toEqual({ from: 'Auntie', text: 'Hello!' })
    expect(texts.at(-1)).toEqual({ from: '4917', text: 'Grüße' })
    expect(transport.counts.texts).toBe(5)
    await expect.poll(() => centre.answers).toEqual(Array(6).fill(OK))
    expect(log.messages).toEqual([])
  })
})

describe('handlers', () => {
  it('of several filters all have to acknowledge, and get bytes of their own', async () => {
    const centre = await centreFor()
    const transport = transportAt(centre, NEAR)
    const [first, second] = [new MessageLog(), new MessageLog()]
    await transport.subscribe('sms/#', first.hold)
    await transport.subscribe(`sms/${FAR}`, second.hold)
    centre.deliver(messagesOf(dataOf(5))[0]!)
    const [one, other] = [await first.at(0), await second.at(0)]
    one.payload.fill(0)
    expect(other.payload).toEqual(dataOf(5))
    await one.acknowledge()
    await pause(20)
    expect(centre.answers).toEqual([])
    await other.acknowledge()
    await expect.poll(() => centre.answers).toEqual([OK])
  })

  it('that unsubscribe leave a message to those that come', async () => {
    const centre = await centreFor({ retryMs: 10 })
    const [transport, first, second] = [
      transportAt(centre, NEAR, { holdMs: 200 }),
      new MessageLog(),
      new MessageLog(),
    ]
    const subscription = await transport.subscribe('sms/#', first.hold)
    centre.deliver(messagesOf(dataOf(5))[0]!)
    await first.at(0)
    await subscription.close()
    await transport.subscribe('sms/+', second.acknowledge)
    await expectReceived(second, dataOf(5))
    await expect.poll(() => centre.waitingFor(NEAR)).toBe(0)
  })

  it('in whose hands there is too much leave the rest at the centre', async () => {
    const centre = await centreFor({ window: 5_000, retryMs: 10 })
    const [transport, log] = [transportAt(centre, NEAR, { maxUnacknowledged: 4 }), new MessageLog()]
    const errors = errorsOf(transport)
    const subscription = await transport.subscribe('sms/#', log.hold)
    for (let i = 0; i < 1_100; i++) centre.deliver(messagesOf(dataOf(20, i & 0xff))[0]!)
    await expect.poll(() => centre.answers.length).toBeGreaterThan(0)
    expect(centre.answers).not.toContain(OK)
    expect(log.messages).toHaveLength(4)
    expect(errors).toMatchObject([{ code: 'ERR_LIMIT' }])
    await subscription.close()
  })
})
