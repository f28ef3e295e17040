// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { expectReceived, MessageLog } from '@waxwing/testkit'
import type { Request, Response } from '../../src/handler.js'
import { OPTION } from '../../src/options.js'
import { errorsOf, eventually, slotsOf, stageBroker } from './stage.js'

const ADDRESS = 'plant/1/temperature'
const ONE = Uint8Array.of(1)
const TWO = Uint8Array.of(2)
const THREE = Uint8Array.of(3)

describe('data at a CoAP broker, of which the newest counts', () => {
  it('are one resource for each address', async () => {
    const { broker, open } = stageBroker()
    const sender = open()
    for (const payload of [ONE, TWO, THREE]) await sender.send(ADDRESS, payload)
    expect(broker.paths.filter((path) => path.startsWith('/plant'))).toEqual([`/${ADDRESS}`])
  })

  it('come in the order in which they were sent, and the last of them comes', async () => {
    const { open } = stageBroker()
    const [sender, log] = [open(), new MessageLog()]
    await open().subscribe('plant/+/temperature', log.acknowledge)
    const payloads = Array.from({ length: 50 }, (_, index) => Uint8Array.of(index))
    await Promise.all(payloads.map((payload) => sender.send(ADDRESS, payload)))
    await expectReceived(log, Uint8Array.of(49))
    expect(log.payloads()).toEqual(log.payloads().toSorted())
  })

  it('wait while a handler has as many as it may have, and then the newest comes', async () => {
    const { broker, open } = stageBroker()
    const [sender, log] = [open(), new MessageLog()]
    await sender.send(ADDRESS, ONE)
    await open({ maxUnacknowledged: 1 }).subscribe(ADDRESS, log.hold)
    const first = await log.at(0)
    await sender.send(ADDRESS, TWO)
    await sender.send(ADDRESS, THREE)
    await eventually(() => broker.idle)
    await first.acknowledge()
    await log.at(1)
    expect(log.payloads()).toEqual(['01', '03'])
  })

  it('are acknowledged to the broker when the handler has acknowledged them', async () => {
    const { broker, open } = stageBroker()
    const [sender, log] = [open(), new MessageLog()]
    await sender.send(ADDRESS, ONE)
    await open({ renewMs: 60_000 }).subscribe(ADDRESS, log.hold)
    await sender.send(ADDRESS, TWO)
    const second = await log.at(1)
    expect(broker.idle).toBe(false)
    await second.acknowledge()
    await eventually(() => broker.idle)
  })

  it('are acknowledged to the broker in time, though the handler never does', async () => {
    const { broker, open } = stageBroker()
    const [sender, log] = [open(), new MessageLog()]
    await sender.send(ADDRESS, ONE)
    await open({ renewMs: 60_000 }).subscribe(ADDRESS, log.hold)
    await sender.send(ADDRESS, TWO)
    await log.at(1)
    await eventually(() => broker.idle)
    await sender.send(ADDRESS, THREE)
    expect((await log.at(2)).payload).toEqual(THREE)
  })

  it('come once, however often observations are registered anew', async () => {
    const { broker, open } = stageBroker()
    const [sender, log] = [open(), new MessageLog()]
    await open({ renewMs: 5 }).subscribe(ADDRESS, log.acknowledge)
    await sender.send(ADDRESS, ONE)
    const registrations = (): number =>
      broker.requests.filter((line) => line === `1 /${ADDRESS}`).length
    await eventually(() => registrations() > 5)
    expect(log.payloads()).toEqual(['01'])
    expect(broker.observersOf(`/${ADDRESS}`)).toBeLessThanOrEqual(1)
  })

  it('are noticed where a resource was removed and made again', async () => {
    const { broker, open } = stageBroker()
    const [sender, log] = [open(), new MessageLog()]
    await open().subscribe(ADDRESS, log.acknowledge)
    await sender.send(ADDRESS, ONE)
    await log.at(0)
    broker.remove(`/${ADDRESS}`)
    await sender.send(ADDRESS, TWO)
    await expectReceived(log, TWO)
  })

  it('are noticed without a bell, by looking from time to time', async () => {
    const { broker, open } = stageBroker()
    const log = new MessageLog()
    await open({ discoverMs: 10 }).subscribe('plant/#', log.acknowledge)
    broker.set(`/${ADDRESS}`, ONE)
    await expectReceived(log, ONE)
  })

  it('are noticed where the broker says of nothing that it is new', async () => {
    const { broker, open } = stageBroker()
    broker.admitsNews = false // as one does that is asked twice and does not notice
    const [sender, log] = [open(), new MessageLog()]
    await open({ discoverMs: 60_000, renewMs: 60_000 }).subscribe('plant/#', log.acknowledge)
    await sender.send('plant/1', ONE)
    await sender.send('plant/2', TWO)
    await expectReceived(log, ONE, TWO)
  })

  it('replace what a handler rejected: it is not called with that again', async () => {
    const { open } = stageBroker()
    const [sender, log] = [open(), new MessageLog()]
    await open({ retryHandlerMs: 40 }).subscribe(ADDRESS, async (message) => {
      log.record(message)
      if (message.payload[0] === 1) throw new Error('not this one')
      await message.acknowledge()
    })
    await sender.send(ADDRESS, ONE)
    await log.at(0)
    await sender.send(ADDRESS, TWO)
    await log.at(1)
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(log.payloads()).toEqual(['01', '02'])
  })

  it('are not there yet where the resource is empty', async () => {
    const { broker, open } = stageBroker()
    const log = new MessageLog()
    broker.set(`/${ADDRESS}`, new Uint8Array(0))
    await open({ renewMs: 60_000 }).subscribe(ADDRESS, log.acknowledge)
    broker.setQuietly(`/${ADDRESS}`, ONE)
    await open().send('plant/2', TWO) // rings
    await expectReceived(log, ONE)
    expect(log.messages).toHaveLength(1)
  })

  it('come once to whoever subscribes while they are sent, and nothing older after them', async () => {
    const { broker, open } = stageBroker()
    const [receiver, log, late] = [
      open({ renewMs: 60_000, network }),
      new MessageLog(),
      new MessageLog(),
    ]
    const { promise: mayAnswer, resolve: answer } = Promise.withResolvers<void>()
    async function network(request: Request): Promise<Response> {
      const response = await broker.handler(request)
      const isObserving = request.options.some(({ number }) => number === OPTION.observe)
      if (response.payload[0] === 1 && response.payload.length === 1 && !isObserving)
        await mayAnswer
      return response
    }
    const sender = open()
    await sender.send(ADDRESS, ONE)
    await receiver.subscribe(ADDRESS, log.acknowledge)
    await log.at(0)
    const subscribing = receiver.subscribe('plant/#', late.acknowledge)
    await eventually(() => broker.requests.filter((line) => line === `1 /${ADDRESS}`).length === 2)
    await sender.send(ADDRESS, TWO)
    await log.at(1)
    answer()
    await subscribing
    await sender.send(ADDRESS, THREE)
    await late.at(1)
    expect(late.payloads()).toEqual(['02', '03'])
  })

  it('go on when the broker lost everything', async () => {
    const { broker, opened, open } = stageBroker()
    const [sender, receiver, log, control] = [open(), open(), new MessageLog(), new MessageLog()]
    await receiver.subscribe('plant/#', log.acknowledge)
    await receiver.subscribe('waxwing/v1/request/00', control.acknowledge)
    await sender.send(ADDRESS, ONE)
    await log.at(0)
    broker.leave()
    await opened.noticed()
    broker.forget()
    broker.comeBack()
    await sender.send(ADDRESS, TWO)
    await sender.send('waxwing/v1/request/00', THREE)
    await expectReceived(log, TWO)
    await expectReceived(control, THREE)
  })
})

describe('data at a CoAP broker, of which each counts', () => {
  it('are told once, though what is retained is in two places', async () => {
    const { broker, open } = stageBroker()
    const [sender, log, other] = [open({ delivery: 'every' }), new MessageLog(), new MessageLog()]
    await open().subscribe(ADDRESS, log.acknowledge)
    await open().subscribe('plant/2', other.acknowledge)
    const payloads = Array.from({ length: 30 }, (_, index) => Uint8Array.of(index))
    for (const payload of payloads) await sender.send(ADDRESS, payload, { retained: true })
    await expectReceived(log, ...payloads)
    await sender.send('plant/2', ONE)
    await expectReceived(other, ONE)
    expect(log.messages).toHaveLength(30)
    expect(log.payloads()).toEqual(log.payloads().toSorted())
    expect(slotsOf(broker, ADDRESS)).toHaveLength(30)
  })

  it('are kept for their lifetime, and not longer', async () => {
    const { broker, open } = stageBroker()
    const sender = open({ delivery: 'every', slotLifetimeMs: 20 })
    await sender.send(ADDRESS, ONE)
    await sender.send(ADDRESS, TWO)
    await eventually(() => slotsOf(broker, ADDRESS).length === 0)
    expect(broker.writes.filter(({ path }) => path.includes('/~/'))).toHaveLength(2)
  })

  it('go in bytes that are the same one after the other', async () => {
    const { open } = stageBroker()
    const [sender, receiver, log] = [open({ delivery: 'every' }), open(), new MessageLog()]
    const errors = errorsOf(receiver)
    await receiver.subscribe(ADDRESS, log.acknowledge)
    for (let count = 0; count < 3; count++) await sender.send(ADDRESS, ONE)
    await log.at(2)
    expect(errors).toEqual([])
  })
})
