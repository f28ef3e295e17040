// SPDX-License-Identifier: Apache-2.0
/**
 * Delivery: several handlers, failing handlers, and that control never waits behind data.
 *
 * @module
 */

import { expect, it } from 'vitest'
import type { MessageHandler } from '@waxwing/core'
import { expectReceived, MessageLog } from './message-log.js'
import {
  hangingHandler,
  manyPayloads,
  MARKER,
  need,
  nextError,
  stageTest,
  type TransportFeatures,
  type TransportSetup,
} from './transport-stage.js'

export function describeDelivery(setup: TransportSetup, features: TransportFeatures): void {
  describeHandlers(setup, features)
  describeOverlap(setup, features)
  describeFailures(setup)
  describeControl(setup, features)
}

function describeHandlers(setup: TransportSetup, features: TransportFeatures): void {
  it('delivers each of many messages sent at once', async (context) => {
    need(context, features, 'every-message')
    const { open, address, flood } = await stageTest(setup)
    const [sender, receiver, log] = [await open(), await open(), new MessageLog()]
    await receiver.subscribe(address, log.acknowledge)
    await Promise.all(flood.map((payload) => sender.send(address, payload)))
    await expectReceived(log, ...flood)
    expect(log.messages).toHaveLength(flood.length)
  })

  it('gives a message to each of two handlers of the same filter', async () => {
    const { open, address } = await stageTest(setup)
    const [transport, first, second] = [await open(), new MessageLog(), new MessageLog()]
    await transport.subscribe(address, first.acknowledge)
    await transport.subscribe(address, second.acknowledge)
    await transport.send(address, MARKER)
    await expectReceived(first, MARKER)
    await expectReceived(second, MARKER)
  })

  it('keeps the other handler of a filter when one subscription is closed', async () => {
    const { open, address } = await stageTest(setup)
    const [transport, first, second] = [await open(), new MessageLog(), new MessageLog()]
    const subscription = await transport.subscribe(address, first.acknowledge)
    await transport.subscribe(address, second.acknowledge)
    await subscription.close()
    await subscription.close()
    await transport.send(address, MARKER)
    await expectReceived(second, MARKER)
    expect(first.messages).toHaveLength(0)
  })

  it('takes a second acknowledgement for the first', async () => {
    const { open, address } = await stageTest(setup)
    const [transport, log] = [await open(), new MessageLog()]
    await transport.subscribe(address, log.acknowledge)
    await transport.send(address, MARKER)
    const message = await log.at(0)
    await expect(message.acknowledge()).resolves.toBeUndefined()
    await expect(message.acknowledge()).resolves.toBeUndefined()
  })
}

function describeOverlap(setup: TransportSetup, features: TransportFeatures): void {
  const overlapping = async (): Promise<readonly MessageLog[]> => {
    const { open, address } = await stageTest(setup)
    const [sender, receiver] = [await open(), await open()]
    const logs = new Map(
      ['#', '+/t', '1/+'].map((filter) => [`${address}/${filter}`, new MessageLog()]),
    )
    for (const [filter, log] of logs) await receiver.subscribe(filter, log.acknowledge)
    const payloads = [...manyPayloads(5), MARKER]
    for (const payload of payloads) await sender.send(`${address}/1/t`, payload)
    for (const log of logs.values()) await expectReceived(log, ...payloads)
    return [...logs.values()]
  }

  it('calls the handlers of overlapping filters for each message', async (context) => {
    need(context, features, 'wildcards')
    need(context, features, 'every-message')
    expect(await overlapping()).toHaveLength(3)
  })

  it('calls the handlers of overlapping filters once for each message', async (context) => {
    need(context, features, 'wildcards')
    need(context, features, 'exact-overlap')
    need(context, features, 'every-message')
    for (const log of await overlapping()) {
      const payloads = log.payloads()
      expect(new Set(payloads).size).toBe(payloads.length)
    }
  })
}

function describeFailures(setup: TransportSetup): void {
  it('reports a handler that rejects, and goes on calling it', async () => {
    const { open, address } = await stageTest(setup)
    const [transport, log] = [await open(), new MessageLog()]
    const reported = nextError(transport)
    const failure = new Error('the handler failed')
    let callCount = 0
    await transport.subscribe(address, async (message) => {
      if (callCount++ === 0) throw failure
      await log.acknowledge(message)
    })
    await transport.send(address, Uint8Array.of(1))
    await transport.send(address, MARKER)
    await expectReceived(log, MARKER)
    expect(await reported).toBe(failure)
  })

  it('reports a handler that throws before it returns a promise', async () => {
    const { open, address } = await stageTest(setup)
    const transport = await open()
    const reported = nextError(transport)
    const failure = new Error('thrown at once')
    await transport.subscribe(address, () => {
      throw failure
    })
    await transport.send(address, MARKER)
    expect(await reported).toBe(failure)
  })

  it('stops reporting to a listener that was removed', async () => {
    const { open, address } = await stageTest(setup)
    const transport = await open()
    const removed: unknown[] = []
    transport.onStatus((status) => removed.push(status))()
    const reported = nextError(transport)
    await transport.subscribe(address, () => Promise.reject(new Error('the handler failed')))
    await transport.send(address, MARKER)
    await reported
    expect(removed).toEqual([])
  })
}

function describeControl(setup: TransportSetup, features: TransportFeatures): void {
  const expectControlDespite = async (dataHandler: MessageHandler): Promise<void> => {
    const { open, address, inbox, flood } = await stageTest(setup)
    const [sender, receiver, control] = [await open(), await open(), new MessageLog()]
    await receiver.subscribe(address, dataHandler)
    await receiver.subscribe(inbox, control.acknowledge)
    await Promise.all(flood.map((payload) => sender.send(address, payload)))
    await sender.send(inbox, MARKER)
    await expectReceived(control, MARKER)
  }

  it('delivers control messages while a data handler never acknowledges', async () => {
    await expectControlDespite(new MessageLog().hold)
  })

  it('delivers control messages while a data handler never returns', async () => {
    await expectControlDespite(hangingHandler().handler)
  })

  it('lets handlers of data and of control await a send of their own', async (context) => {
    need(context, features, 'every-message')
    const { open, address, inbox, flood } = await stageTest(setup)
    const [sender, receiver, log] = [await open(), await open(), new MessageLog()]
    await sender.subscribe(`${address}/done`, log.acknowledge)
    await receiver.subscribe(`${address}/data`, async (message) => {
      await receiver.send(inbox, message.payload)
      await message.acknowledge()
    })
    await receiver.subscribe(inbox, async (message) => {
      await receiver.send(`${address}/done`, message.payload)
      await message.acknowledge()
    })
    await Promise.all(flood.map((payload) => sender.send(`${address}/data`, payload)))
    await expectReceived(log, ...flood)
  })
}
