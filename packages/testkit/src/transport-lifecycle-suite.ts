// SPDX-License-Identifier: Apache-2.0
/**
 * Lifecycle: what closing a subscription or a transport ends, and what it lets finish.
 *
 * @module
 */

import { expect, it } from 'vitest'
import { expectReceived, MessageLog } from './message-log.js'
import {
  expectCode,
  hangingHandler,
  manyPayloads,
  MARKER,
  need,
  stageTest,
  type TransportFeatures,
  type TransportSetup,
} from './transport-stage.js'

export function describeLifecycle(setup: TransportSetup, features: TransportFeatures): void {
  describeSubscriptionEnd(setup)
  describeTransportEnd(setup, features)
  describeAfterTheEnd(setup)
}

function describeSubscriptionEnd(setup: TransportSetup): void {
  it('calls no handler of a closed subscription', async () => {
    const { open, address } = await stageTest(setup)
    const [transport, log, other] = [await open(), new MessageLog(), new MessageLog()]
    const subscription = await transport.subscribe(address, log.acknowledge)
    await transport.subscribe(`${address}/other`, other.acknowledge)
    await subscription.close()
    await transport.send(address, Uint8Array.of(1))
    await transport.send(`${address}/other`, MARKER)
    await expectReceived(other, MARKER)
    expect(log.messages).toHaveLength(0)
  })

  it('subscribes again to a filter that was closed', async () => {
    const { open, address } = await stageTest(setup)
    const [transport, log] = [await open(), new MessageLog()]
    const subscription = await transport.subscribe(address, new MessageLog().acknowledge)
    await subscription.close()
    await transport.subscribe(address, log.acknowledge)
    await transport.send(address, MARKER)
    await expectReceived(log, MARKER)
  })

  it('closes a subscription whose handler never returns', async () => {
    const { open, address } = await stageTest(setup)
    const [transport, { handler, called }] = [await open(), hangingHandler()]
    const subscription = await transport.subscribe(address, handler)
    await transport.send(address, MARKER)
    await called
    await expect(subscription.close()).resolves.toBeUndefined()
  })
}

function describeTransportEnd(setup: TransportSetup, features: TransportFeatures): void {
  it('closes twice, and at the same time', async () => {
    const { open, address } = await stageTest(setup)
    const transport = await open()
    await transport.send(address, MARKER)
    await Promise.all([transport.close(), transport.close()])
    await expect(transport.close()).resolves.toBeUndefined()
  })

  it('closes at once, before anything else', async () => {
    const { open } = await stageTest(setup)
    const transport = await open()
    await expect(transport.close()).resolves.toBeUndefined()
  })

  it('closes while a handler never returns', async () => {
    const { open, address } = await stageTest(setup)
    const [transport, { handler, called }] = [await open(), hangingHandler()]
    await transport.subscribe(address, handler)
    await transport.send(address, MARKER)
    await called
    await expect(transport.close()).resolves.toBeUndefined()
  })

  it('lets sends in flight finish', async (context) => {
    need(context, features, 'every-message')
    const { open, address } = await stageTest(setup)
    const [sender, receiver, log] = [await open(), await open(), new MessageLog()]
    await receiver.subscribe(address, log.acknowledge)
    await sender.send(address, MARKER)
    const payloads = manyPayloads(20)
    const sends = payloads.map((payload) => sender.send(address, payload))
    await sender.close()
    await Promise.all(sends)
    await expectReceived(log, ...payloads)
  })
}

function describeAfterTheEnd(setup: TransportSetup): void {
  it('refuses to send and to subscribe once closed', async () => {
    const { open, address } = await stageTest(setup)
    const transport = await open()
    await transport.send(address, MARKER)
    await transport.close()
    await expectCode(transport.send(address, MARKER), 'ERR_CLOSED')
    await expectCode(transport.subscribe(address, new MessageLog().hold), 'ERR_CLOSED')
  })

  it('calls no handler once closed', async () => {
    const { open, address } = await stageTest(setup)
    const [sender, receiver] = [await open(), await open()]
    const [log, other] = [new MessageLog(), new MessageLog()]
    await receiver.subscribe(address, log.hold)
    await sender.subscribe(address, other.acknowledge)
    await receiver.close()
    await sender.send(address, MARKER)
    await expectReceived(other, MARKER)
    expect(log.messages).toHaveLength(0)
  })

  it('closes its subscriptions without error after the transport was closed', async () => {
    const { open, address } = await stageTest(setup)
    const transport = await open()
    const subscription = await transport.subscribe(address, new MessageLog().hold)
    await transport.close()
    await expect(subscription.close()).resolves.toBeUndefined()
  })
}
