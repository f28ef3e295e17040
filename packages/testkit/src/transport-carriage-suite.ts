// SPDX-License-Identifier: Apache-2.0
/**
 * Carriage: bytes, limits, filters, retained messages and properties.
 *
 * @module
 */

import { expect, it } from 'vitest'
import { expectReceived, MessageLog } from './message-log.js'
import {
  MARKER,
  need,
  stageTest,
  type TransportFeatures,
  type TransportSetup,
} from './transport-stage.js'

export function describeCarriage(setup: TransportSetup, features: TransportFeatures): void {
  describeBytes(setup, features)
  describeOwnership(setup)
  describeFilters(setup, features)
  describeExtras(setup, features)
}

function describeBytes(setup: TransportSetup, features: TransportFeatures): void {
  const expectUnchanged = async (payload: Uint8Array): Promise<void> => {
    const { open, address } = await stageTest(setup)
    const [sender, receiver, log] = [await open(), await open(), new MessageLog()]
    await receiver.subscribe(address, log.acknowledge)
    await sender.send(address, payload)
    const message = await log.at(0)
    expect(Buffer.compare(message.payload, payload)).toBe(0)
    expect(message.address).toBe(address)
  }

  it('carries every byte value unchanged', async () => {
    await expectUnchanged(Uint8Array.from({ length: 256 }, (_, index) => index))
  })

  it('carries 100 KiB unchanged', async (context) => {
    need(context, features, 'large')
    await expectUnchanged(Uint8Array.from({ length: 102_400 }, (_, index) => (index * 31) & 0xff))
  })

  it('carries a message of no bytes', async (context) => {
    need(context, features, 'empty')
    await expectUnchanged(new Uint8Array())
  })

  it('refuses a payload over its limit with a RangeError, and sends nothing of it', async () => {
    const { open, address } = await stageTest(setup)
    const [transport, log] = [await open(), new MessageLog()]
    await transport.subscribe(address, log.acknowledge)
    const tooLong = new Uint8Array(transport.limits.maxPayloadBytes + 1)
    await expect(transport.send(address, tooLong)).rejects.toThrow(RangeError)
    await transport.send(address, MARKER)
    await expectReceived(log, MARKER)
    expect(log.messages).toHaveLength(1)
  })
}

function describeOwnership(setup: TransportSetup): void {
  it('sends what the payload was when it was called, whatever happens to the array', async () => {
    const { open, address } = await stageTest(setup)
    const [transport, log] = [await open(), new MessageLog()]
    await transport.subscribe(address, log.acknowledge)
    const payload = Uint8Array.of(1, 2, 3)
    const sent = transport.send(address, payload)
    payload.fill(0)
    await sent
    expect([...(await log.at(0)).payload]).toEqual([1, 2, 3])
  })

  it('gives each handler bytes of its own', async () => {
    const { open, address } = await stageTest(setup)
    const [transport, first, second] = [await open(), new MessageLog(), new MessageLog()]
    await transport.subscribe(address, first.acknowledge)
    await transport.subscribe(address, second.acknowledge)
    await transport.send(address, Uint8Array.of(7, 8, 9))
    const copies = [await first.at(0), await second.at(0)] as const
    copies[0].payload.fill(0)
    expect([...copies[1].payload]).toEqual([7, 8, 9])
  })
}

function describeFilters(setup: TransportSetup, features: TransportFeatures): void {
  const receivedBy = async (filter: string, addresses: readonly string[]): Promise<string[]> => {
    const { open, address: base } = await stageTest(setup)
    const [sender, receiver, log] = [await open(), await open(), new MessageLog()]
    await receiver.subscribe(`${base}/${filter}`, log.acknowledge)
    const last = `${base}/${filter.replaceAll('+', 'end').replace('#', 'end')}`
    for (const address of addresses) await sender.send(base + address, Buffer.from(address))
    await sender.send(last, MARKER)
    await expectReceived(log, MARKER)
    const others = log.messages.filter((message) => message.address !== last)
    return others.map((message) => message.address.slice(base.length)).toSorted()
  }

  it('delivers what matches the address exactly, and nothing else', async () => {
    const received = await receivedBy('a/b', ['/a', '/a/bc', '/a/b/c', '/A/b'])
    expect(received).toEqual([])
  })

  it('takes + for exactly one level', async (context) => {
    need(context, features, 'wildcards')
    const received = await receivedBy('+/t', ['/1/t', '/2/t', '/t', '/1/2/t', '/1/x', '/1/t/x'])
    expect(received).toEqual(['/1/t', '/2/t'])
  })

  it('takes # for the rest, and for the level above it', async (context) => {
    need(context, features, 'wildcards')
    const received = await receivedBy('p/#', ['/p', '/p/1', '/p/1/2', '/q', '/pp/1'])
    expect(received).toEqual(['/p', '/p/1', '/p/1/2'])
  })
}

function describeExtras(setup: TransportSetup, features: TransportFeatures): void {
  it('keeps the last retained message for late subscribers, and says that it is one', async (c) => {
    need(c, features, 'retained')
    const { open, address } = await stageTest(setup)
    const [sender, receiver, log] = [await open(), await open(), new MessageLog()]
    expect(sender.limits.retained).toBe(true)
    await sender.send(address, Uint8Array.of(1), { retained: true })
    await sender.send(address, Uint8Array.of(2), { retained: true })
    await receiver.subscribe(address, log.acknowledge)
    expect(await log.at(0)).toMatchObject({ retained: true, payload: Uint8Array.of(2) })
  })

  it('hands the retained message to each new subscriber of one filter', async (c) => {
    need(c, features, 'retained')
    const { open, address } = await stageTest(setup)
    const sender = await open()
    await sender.send(address, Uint8Array.of(1), { retained: true })
    const reader = await open()
    for (const log of [new MessageLog(), new MessageLog()]) {
      await reader.subscribe(address, log.acknowledge)
      expect(await log.at(0)).toMatchObject({ retained: true, payload: Uint8Array.of(1) })
    }
  })

  it('says of a message sent while subscribed that it is live', async () => {
    const { open, address } = await stageTest(setup)
    const [sender, receiver, log] = [await open(), await open(), new MessageLog()]
    await receiver.subscribe(address, log.acknowledge)
    await sender.send(address, Uint8Array.of(3), { retained: sender.limits.retained })
    expect(await log.at(0)).toMatchObject({ retained: false, redelivered: false })
  })

  it('carries properties beside the payload', async (context) => {
    need(context, features, 'properties')
    const { open, address } = await stageTest(setup)
    const [sender, receiver, log] = [await open(), await open(), new MessageLog()]
    await receiver.subscribe(address, log.acknowledge)
    const properties = { 'content-type': 'application/cose', traceparent: '00-ab-cd-01' }
    await sender.send(address, Uint8Array.of(4), { properties })
    expect((await log.at(0)).properties).toMatchObject(properties)
  })

  it('takes an expiry without harm to what is delivered in time', async () => {
    const { open, address } = await stageTest(setup)
    const [transport, log] = [await open(), new MessageLog()]
    await transport.subscribe(address, log.acknowledge)
    await transport.send(address, Uint8Array.of(5), { expiresAfterSeconds: 600 })
    expect([...(await log.at(0)).payload]).toEqual([5])
  })
}
