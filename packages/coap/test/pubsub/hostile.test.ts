// SPDX-License-Identifier: Apache-2.0
/** Publishers that mean harm, at a broker that lets everybody write, and brokers that answer now and then. */
import { describe, expect, it } from 'vitest'
import { fromUtf8, inboxAddress, requestAddress, trustAddress } from '@waxwing/core'
import { expectReceived, MessageLog } from '@waxwing/testkit'
import type { Handler, Request } from '../../src/handler.js'
import { METHOD, RESPONSE } from '../../src/codes.js'
import { OPTION, optionValues } from '../../src/options.js'
import type { MemoryBroker } from './memory-broker.js'
import {
  type BrokerStage,
  errorsOf,
  eventually,
  expectCode,
  slotsOf,
  stageBroker,
} from './stage.js'

const INBOX = inboxAddress(new Uint8Array(32).fill(7))
const REQUESTS = requestAddress(Uint8Array.of(1, 2, 3, 4))
const ONE = Uint8Array.of(1)
const TWO = Uint8Array.of(2)

/** The path of a slot that sorts before all that are honest. */
function forgedSlot(address: string, index: number, bytes: number): string {
  return `/${address}/~/000000000000-${index.toString(16).padStart(16, '0')}-${bytes}`
}

describe('an inbox that others may write to', () => {
  it('is read on behind a slot that cannot be read', async () => {
    const { broker, open } = stageBroker()
    const [log, receiver] = [new MessageLog(), open()]
    const errors = errorsOf(receiver)
    const path = forgedSlot(INBOX, 1, 1)
    broker.refuse = (_method, asked) => (asked === path ? RESPONSE.internalServerError : undefined)
    broker.set(path, ONE)
    await open().send(INBOX, TWO)
    await receiver.subscribe(INBOX, log.acknowledge)
    await expectReceived(log, TWO)
    expect(errors[0]).toMatchObject({ code: 'ERR_TRANSPORT' })
  })

  it('is read on behind a slot that is longer than any message, of which little is fetched', async () => {
    const { broker, open } = stageBroker()
    let blockCount = 0
    const network: Handler = (request) => {
      if (pathText(request) === path) blockCount++
      return broker.handler(request)
    }
    const [log, receiver] = [new MessageLog(), open({ maxPayloadBytes: 4_096, network })]
    const path = forgedSlot(INBOX, 1, 1)
    broker.set(path, new Uint8Array(17 * 1024 * 1024))
    await open().send(INBOX, TWO)
    await receiver.subscribe(INBOX, log.acknowledge)
    await expectReceived(log, TWO)
    expect(blockCount).toBeLessThan(10)
  })

  it('is asked for what is new before all that is partial was asked for again', async () => {
    const { broker, open } = stageBroker()
    const [log, sender] = [new MessageLog(), open()]
    const asked = { count: 0, countBefore: Infinity }
    const network: Handler = (request) => {
      if (pathText(request).endsWith('-9') && ++asked.count === 210) void sender.send(INBOX, TWO)
      return broker.handler(request)
    }
    broker.set(`/${INBOX}/~`, ONE)
    for (let index = 0; index < 200; index++) broker.set(forgedSlot(INBOX, index, 9), ONE)
    await open({ network, discoverMs: 50 }).subscribe(INBOX, (message) => {
      asked.countBefore = asked.count
      return log.acknowledge(message)
    })
    await expectReceived(log, TWO)
    expect(asked.countBefore).toBeLessThan(300)
  })

  it('is not looked through each time that a handler has room for something else', async () => {
    const { broker, open } = stageBroker()
    const options = { maxUnacknowledged: 1, renewMs: 60_000 }
    const [log, receiver] = [new MessageLog(), open(options)]
    for (let index = 0; index < 50; index++) broker.set(`/${INBOX}/${index}/~`, ONE)
    await receiver.subscribe(`${INBOX}/#`, log.hold)
    await open().send(INBOX, ONE)
    const message = await log.at(0)
    await quiet(broker)
    broker.requests.length = 0
    await message.acknowledge()
    await quiet(broker)
    expect(broker.requests.length).toBeLessThan(10)
  })

  it('is not looked through where nobody rang since its bell was heard', async () => {
    const { broker, open } = stageBroker()
    const log = new MessageLog()
    broker.set(`/${INBOX}/~`, ONE)
    await open({ renewMs: 10 }).subscribe(INBOX, log.acknowledge)
    await quiet(broker)
    broker.requests.length = 0
    const asked = (path: string): number =>
      broker.requests.filter((line) => line === `${METHOD.GET} ${path}`).length
    await eventually(() => asked(`/${INBOX}/~`) > 5)
    expect(asked('/.well-known/core')).toBe(0)
    await open().send(INBOX, TWO)
    await expectReceived(log, TWO)
  })

  it('is emptied though the broker did not remove a slot at first', async () => {
    const { broker, open } = stageBroker()
    const [log, receiver] = [new MessageLog(), open({ discoverMs: 10, renewMs: 60_000 })]
    let isRefusing = true
    broker.refuse = (method) =>
      method === METHOD.DELETE && isRefusing ? RESPONSE.serviceUnavailable : undefined
    const errors = errorsOf(receiver)
    await receiver.subscribe(INBOX, log.acknowledge)
    await open().send(INBOX, ONE)
    await eventually(() => errors.length > 0)
    isRefusing = false
    await eventually(() => slotsOf(broker, INBOX).length === 0)
    expect(log.messages).toHaveLength(1)
  })

  it('is emptied of what only those did not acknowledge who listen no more', async () => {
    const { broker, open } = stageBroker()
    const [receiver, log, idle] = [open({ renewMs: 60_000 }), new MessageLog(), new MessageLog()]
    await receiver.subscribe(INBOX, log.acknowledge)
    const subscription = await receiver.subscribe(`${INBOX}/#`, idle.hold)
    await open().send(INBOX, ONE)
    await Promise.all([log.at(0), idle.at(0)])
    await quiet(broker)
    expect(slotsOf(broker, INBOX)).toHaveLength(1)
    await subscription.close()
    await eventually(() => slotsOf(broker, INBOX).length === 0)
  })

  it('hands over once what comes after the broker lost everything', async () => {
    const { broker, opened, open } = stageBroker()
    const [sender, receiver, log] = [open(), open({ maxUnacknowledged: 1 }), new MessageLog()]
    await receiver.subscribe(`${INBOX}/#`, log.hold)
    await sender.send(INBOX, ONE)
    await (await log.at(0)).acknowledge()
    await loseEverything(broker, opened)
    await eventually(() => broker.requests.filter((line) => line.endsWith('core')).length > 0)
    for (const payload of [ONE, TWO]) await sender.send(INBOX, payload)
    await (await log.at(1)).acknowledge()
    await (await log.at(2)).acknowledge()
    await eventually(() => slotsOf(broker, INBOX).length === 0)
    expect(log.messages).toHaveLength(3)
  })
})

describe('control messages', () => {
  it('find a place beside as many addresses of data as may be', async () => {
    const { broker, open } = stageBroker()
    const [data, control, receiver] = [
      new MessageLog(),
      new MessageLog(),
      open({ maxAddresses: 2 }),
    ]
    for (const name of ['a', 'b', 'c', 'd']) broker.set(`/plant/${name}`, ONE)
    await receiver.subscribe('plant/#', data.acknowledge)
    await data.at(1)
    await receiver.subscribe(`${INBOX}/#`, control.acknowledge)
    await receiver.subscribe(REQUESTS, control.acknowledge)
    for (const name of ['a', 'b', 'c', 'd']) broker.set(`/${INBOX}/${name}`, new Uint8Array(0))
    await open().send(INBOX, ONE)
    await open().send(REQUESTS, TWO)
    await expectReceived(control, ONE, TWO)
  })

  it('are found though data cannot be listed', async () => {
    const { broker, open } = stageBroker()
    const [data, control, receiver] = [new MessageLog(), new MessageLog(), open()]
    await receiver.subscribe('plant/#', data.acknowledge)
    await receiver.subscribe(`${INBOX}/#`, control.acknowledge)
    broker.refuseListing = (query) => query.startsWith('href=/plant')
    await open().send(INBOX, ONE)
    await expectReceived(control, ONE)
  })

  it('are found though data cannot be observed', async () => {
    const { broker, open } = stageBroker()
    const [data, control, receiver] = [new MessageLog(), new MessageLog(), open()]
    await receiver.subscribe('plant/#', data.acknowledge)
    await receiver.subscribe(`${INBOX}/#`, control.acknowledge)
    const never = broker.hang('/plant/1')
    broker.set('/plant/1', ONE)
    await open().send('plant/2', ONE)
    await never
    await open().send(INBOX, ONE)
    await expectReceived(control, ONE)
  })

  it('are sent though data wait that nobody takes', async () => {
    const { broker, open } = stageBroker()
    const sender = open({ maxWaitingSends: 4, closeTimeoutMs: 10 })
    const names = Array.from({ length: 12 }, (_, index) => `plant/${index}`)
    for (const name of names) void broker.hang(`/${name}`)
    const data = Promise.allSettled(names.map((name) => sender.send(name, ONE)))
    await sender.send(INBOX, TWO)
    expect(slotsOf(broker, INBOX)).toHaveLength(1)
    await expectCode(sender.send('plant/12', ONE), 'ERR_LIMIT')
    await sender.close()
    await data
  })

  it('in a topic-data resource are handed over though a bell beside it never rests', async () => {
    const { broker, open } = stageBroker()
    const [address, log] = [trustAddress(new Uint8Array(32)), new MessageLog()]
    broker.set(`/${address}`, TWO)
    broker.set(`/${address}/~`, ONE)
    await open({ renewMs: 60_000 }).subscribe(address, log.acknowledge)
    await log.at(0)
    broker.refuseListing = (query) => {
      if (query.includes('/~/'))
        broker.set(`/${address}/~`, crypto.getRandomValues(new Uint8Array(4)))
      return false
    }
    await open().send(address, ONE, { retained: true })
    expect((await log.at(1)).payload).toEqual(ONE)
  })
})

describe('sending to a CoAP broker', () => {
  it('fails where the broker keeps no more than the end of a message', async () => {
    const { broker, open } = stageBroker()
    broker.keep = (payload) => (payload.length > 1_024 ? payload.subarray(1_024) : payload)
    await expectCode(open().send(INBOX, new Uint8Array(1_500).fill(3)), 'ERR_TRANSPORT')
  })

  it('goes on where nobody may read what was written', async () => {
    const { broker, open } = stageBroker()
    broker.refuse = (method, path) =>
      method === METHOD.GET && path.includes(INBOX) ? RESPONSE.forbidden : undefined
    await open().send(INBOX, new Uint8Array(1_500))
    expect(slotsOf(broker, INBOX)).toHaveLength(1)
  })

  it('leaves no slot behind that the caller was told is not sent', async () => {
    const { broker, open } = stageBroker()
    broker.keep = (payload) => (payload.length > 1_024 ? payload.subarray(1_024) : payload)
    await expectCode(open().send(INBOX, new Uint8Array(1_500).fill(3)), 'ERR_TRANSPORT')
    await eventually(() => slotsOf(broker, INBOX).length === 0)
  })
})

function pathText(request: Request): string {
  return `/${optionValues(request, OPTION.uriPath).map(fromUtf8).join('/')}`
}

/** Waits until nothing has been asked for a while. */
async function quiet({ requests }: MemoryBroker): Promise<void> {
  for (let turns = 0, count = 0; turns < 20; turns++) {
    if (count !== requests.length) turns = 0
    count = requests.length
    await new Promise((resolve) => setImmediate(resolve))
  }
}

async function loseEverything(broker: MemoryBroker, opened: BrokerStage['opened']): Promise<void> {
  broker.leave()
  await opened.noticed()
  broker.forget()
  broker.requests.length = 0
  broker.comeBack()
}
