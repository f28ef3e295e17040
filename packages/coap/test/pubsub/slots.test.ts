// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { inboxAddress, requestAddress } from '@waxwing/core'
import { expectReceived, MessageLog } from '@waxwing/testkit'
import { errorsOf, eventually, slotsOf, stageBroker } from './stage.js'

const INBOX = inboxAddress(new Uint8Array(32).fill(7))
const REQUESTS = requestAddress(Uint8Array.of(1, 2, 3, 4))
const ONE = Uint8Array.of(1)
const TWO = Uint8Array.of(2)
const THREE = Uint8Array.of(3)

describe('an inbox at a CoAP broker', () => {
  it('keeps what came while its principal was away, in the order of its sender', async () => {
    const { open } = stageBroker()
    const sender = open()
    for (const payload of [ONE, TWO, THREE]) await sender.send(INBOX, payload)
    const log = new MessageLog()
    await open().subscribe(`${INBOX}/#`, log.acknowledge)
    await log.at(2)
    expect(log.payloads()).toEqual(['01', '02', '03'])
    expect(log.messages.every(({ retained }) => retained)).toBe(true)
  })

  it('is emptied by acknowledging, and by nothing else', async () => {
    const { broker, open } = stageBroker()
    const [sender, first, log] = [open(), open(), new MessageLog()]
    await first.subscribe(`${INBOX}/#`, log.hold)
    await sender.send(INBOX, ONE)
    await sender.send(INBOX, TWO)
    const [one] = [await log.at(0), await log.at(1)]
    expect(slotsOf(broker, INBOX)).toHaveLength(2)
    await one.acknowledge()
    expect(slotsOf(broker, INBOX)).toHaveLength(1)
    await first.close()

    const [second, again] = [open(), new MessageLog()]
    await second.subscribe(`${INBOX}/#`, again.acknowledge)
    await sender.send(INBOX, THREE)
    await expectReceived(again, THREE)
    expect(again.payloads()).toEqual(['02', '03'])
    await eventually(() => slotsOf(broker, INBOX).length === 0)
  })

  it('loses nothing to a reader that takes it among others', async () => {
    const { broker, open } = stageBroker()
    const [sender, witness, seen] = [open(), open(), new MessageLog()]
    await witness.subscribe('#', seen.acknowledge)
    await sender.send(INBOX, ONE)
    await expectReceived(seen, ONE)
    expect(slotsOf(broker, INBOX)).toHaveLength(1)
    const log = new MessageLog()
    await open().subscribe(`${INBOX}/#`, log.acknowledge)
    await expectReceived(log, ONE)
    await eventually(() => slotsOf(broker, INBOX).length === 0)
  })

  it('keeps a message until all of its handlers have acknowledged it', async () => {
    const { broker, open } = stageBroker()
    const [transport, quick, slow] = [open(), new MessageLog(), new MessageLog()]
    await transport.subscribe(INBOX, quick.acknowledge)
    await transport.subscribe(`${INBOX}/#`, slow.hold)
    await open().send(INBOX, ONE)
    const message = await slow.at(0)
    await quick.at(0)
    expect(slotsOf(broker, INBOX)).toHaveLength(1)
    await message.acknowledge()
    expect(slotsOf(broker, INBOX)).toHaveLength(0)
  })

  it('hands over no slot of which a part is still to come', async () => {
    const { broker, open } = stageBroker()
    const [log, receiver] = [new MessageLog(), open()]
    const errors = errorsOf(receiver)
    await receiver.subscribe(INBOX, log.acknowledge)
    const path = `/${INBOX}/~/0123456789ab-0123456789abcdef-3`
    broker.set(path, new Uint8Array(0))
    await open().send(INBOX, TWO)
    await expectReceived(log, TWO)
    expect(broker.paths).toContain(path)
    broker.set(path, Uint8Array.of(1, 2, 3))
    await open().send(INBOX, THREE)
    await expectReceived(log, Uint8Array.of(1, 2, 3), THREE)
    expect(log.payloads()).toEqual(['02', '010203', '03'])
    expect(errors).toEqual([])
  })

  it('drops a message that never becomes whole, and one that is too long, and says so', async () => {
    const { broker, open } = stageBroker()
    const [log, receiver] = [
      new MessageLog(),
      open({ requestLifetimeMs: 20, discoverMs: 10, maxPayloadBytes: 8 }),
    ]
    const errors = errorsOf(receiver)
    broker.set(`/${INBOX}/~/0123456789ab-0123456789abcdef-3`, ONE)
    broker.set(`/${INBOX}/~/0123456789ab-0123456789abcdee-9`, new Uint8Array(9))
    await receiver.subscribe(INBOX, log.acknowledge)
    await eventually(() => errors.length > 0)
    expect(errors).toMatchObject([{ code: 'ERR_LIMIT', details: { rule: 'maxPayloadBytes' } }])
    await eventually(() => slotsOf(broker, INBOX).length === 0)
    expect(log.messages).toEqual([])
  })
})

describe('requests at a CoAP broker', () => {
  it('reach each authority, one that was away too', async () => {
    const { open } = stageBroker()
    const logs = [new MessageLog(), new MessageLog(), new MessageLog()] as const
    await open().subscribe(REQUESTS, logs[0].acknowledge)
    await open().subscribe(REQUESTS, logs[1].acknowledge)
    await open().send(REQUESTS, ONE)
    await expectReceived(logs[0], ONE)
    await expectReceived(logs[1], ONE)
    await open().subscribe(REQUESTS, logs[2].acknowledge)
    await expectReceived(logs[2], ONE)
    for (const log of logs) expect(log.messages).toHaveLength(1)
  })

  it('are removed after their lifetime by their sender', async () => {
    const { broker, open } = stageBroker()
    const sender = open({ requestLifetimeMs: 20 })
    await sender.send(REQUESTS, ONE)
    await sender.send(INBOX, ONE)
    await eventually(() => slotsOf(broker, REQUESTS).length === 0)
    expect(slotsOf(broker, INBOX)).toHaveLength(1)
  })

  it('are removed after their lifetime by whoever has seen them, should their sender be gone', async () => {
    const { broker, open } = stageBroker()
    const [sender, log] = [open(), new MessageLog()]
    await sender.send(REQUESTS, ONE)
    await sender.close()
    await open({ requestLifetimeMs: 20, discoverMs: 10 }).subscribe(REQUESTS, log.acknowledge)
    await expectReceived(log, ONE)
    await eventually(() => slotsOf(broker, REQUESTS).length === 0)
  })

  it('come again to a handler that rejected, as delivered before', async () => {
    const { open } = stageBroker()
    const [log, receiver] = [new MessageLog(), open({ retryHandlerMs: 5 })]
    await receiver.subscribe(REQUESTS, async (message) => {
      log.record(message)
      if (log.messages.length < 3) throw new Error('not now')
      await message.acknowledge()
    })
    await open().send(REQUESTS, ONE)
    await log.at(2)
    expect(log.messages.map(({ redelivered }) => redelivered)).toEqual([false, true, true])
  })

  it('wait at the broker while a handler has as many as it may have', async () => {
    const { broker, open } = stageBroker()
    const [sender, log] = [open(), new MessageLog()]
    await open({ maxUnacknowledged: 2 }).subscribe(INBOX, log.hold)
    for (const payload of [ONE, TWO, THREE]) await sender.send(INBOX, payload)
    await log.at(1)
    await eventually(() => broker.requests.filter((line) => line.endsWith('-1')).length >= 2)
    expect(log.payloads()).toEqual(['01', '02'])
    await log.messages[0]?.acknowledge()
    await log.at(2)
    expect(log.payloads()).toEqual(['01', '02', '03'])
  })
})
