// SPDX-License-Identifier: Apache-2.0
/**
 * Interruption: what was not acknowledged comes again, what was is gone, and broken connections
 * lose nothing (QoS 1 or its like).
 *
 * @module
 */

import { expect, it } from 'vitest'
import type { Transport, TransportStatus } from '@waxwing/core'
import { expectReceived, MessageLog } from './message-log.js'
import {
  expectCode,
  manyPayloads,
  MARKER,
  need,
  numbered,
  stageTest,
  type TransportFeatures,
  type TransportSetup,
} from './transport-stage.js'

const TEN = manyPayloads(10)
const SIXTY = manyPayloads(60)

export function describeInterruption(setup: TransportSetup, features: TransportFeatures): void {
  describeRedelivery(setup, features)
  describeAbsence(setup, features)
  describeBreaks(setup, features)
  describeStorm(setup, features)
  describeWord(setup, features)
}

function describeRedelivery(setup: TransportSetup, features: TransportFeatures): void {
  it('delivers again, to the next endpoint of the session, what nobody acknowledged', async (c) => {
    need(c, features, 'sessions')
    const { open, address, session } = await stageTest(setup)
    const [sender, first, log] = [await open(), await open(session), new MessageLog()]
    await first.subscribe(address, log.hold)
    await sender.send(address, MARKER)
    expect(await log.at(0)).toMatchObject({ redelivered: false })
    await first.close()

    const [second, again] = [await open(session), new MessageLog()]
    await second.subscribe(address, again.acknowledge)
    const { redelivered } = await again.containing(MARKER)
    expect(redelivered || features.redelivered !== undefined).toBe(true)
  })

  it('delivers again, to the next endpoint of the session, what one held that vanished', async (c) => {
    need(c, features, 'sessions')
    need(c, features, 'vanishing')
    const { open, address, session, vanish } = await stageTest(setup)
    const [sender, first, log] = [await open(), await open(session), new MessageLog()]
    await first.subscribe(address, log.hold)
    for (const payload of TEN) await sender.send(address, payload)
    await log.at(TEN.length - 1)
    await vanish(first)

    const [second, again] = [await open(session), new MessageLog()]
    await second.subscribe(address, again.acknowledge)
    await expectReceived(again, ...TEN)
    const { redelivered } = await again.containing(numbered(0))
    expect(redelivered || features.redelivered !== undefined).toBe(true)
  })

  it('does not deliver again what was acknowledged', async (context) => {
    need(context, features, 'sessions')
    const { open, address, session } = await stageTest(setup)
    const [sender, first, log] = [await open(), await open(session), new MessageLog()]
    await first.subscribe(address, log.acknowledge)
    await sender.send(address, numbered(1))
    await log.at(0)
    await first.close()

    const [second, again] = [await open(session), new MessageLog()]
    await second.subscribe(address, again.acknowledge)
    await sender.send(address, MARKER)
    await expectReceived(again, MARKER)
    expect(again.messages).toHaveLength(1)
  })
}

function describeAbsence(setup: TransportSetup, features: TransportFeatures): void {
  it('keeps what is sent while the session has no endpoint', async (context) => {
    need(context, features, 'sessions')
    const { open, address, session } = await stageTest(setup)
    const [sender, first] = [await open(), await open(session)]
    await first.subscribe(address, new MessageLog().acknowledge)
    await first.close()
    for (const payload of TEN) await sender.send(address, payload)

    const [second, log] = [await open(session), new MessageLog()]
    await second.subscribe(address, log.acknowledge)
    await expectReceived(log, ...TEN)
  })

  it('keeps what waits for a second subscription while the first one is made', async (context) => {
    need(context, features, 'sessions')
    const { open, address, session } = await stageTest(setup)
    const [sender, first] = [await open(), await open(session)]
    const addresses = [`${address}/a`, `${address}/b`]
    for (const each of addresses) await first.subscribe(each, new MessageLog().acknowledge)
    await first.close()
    for (const payload of TEN) {
      for (const each of addresses) await sender.send(each, payload)
    }

    const second = await open(session)
    for (const each of addresses) {
      const log = new MessageLog()
      await second.subscribe(each, log.acknowledge)
      await expectReceived(log, ...TEN)
    }
  })
}

function describeBreaks(setup: TransportSetup, features: TransportFeatures): void {
  it('reports that the connection is gone, and that it is back', async (context) => {
    need(context, features, 'interruption')
    const { open, interrupt, address, session } = await stageTest(setup)
    const transport = await open(session)
    await transport.send(address, MARKER)
    const changes = changesUntilConnected(transport)
    await interrupt()
    expect(await changes).toEqual(['disconnected', 'connected'])
  })

  it('delivers again what was not acknowledged when the connection broke', async (context) => {
    need(context, features, 'interruption')
    const { open, interrupt, address, session } = await stageTest(setup)
    const [sender, receiver, log] = [await open(), await open(session), new MessageLog()]
    await receiver.subscribe(address, log.hold)
    await sender.send(address, numbered(1))
    const first = await log.at(0)
    await interrupt()
    const again = await log.at(1)
    expect(again.payload).toEqual(numbered(1))
    if (first.isLost !== undefined)
      expect([first.isLost(), again.isLost?.()]).toEqual([true, false])
    expect(again.redelivered || features.redelivered !== undefined).toBe(true)
    await again.acknowledge()
    await sender.send(address, MARKER)
    await expectReceived(log, MARKER)
  })
}

function describeStorm(setup: TransportSetup, features: TransportFeatures): void {
  it('loses nothing that is sent while connections break', async (context) => {
    need(context, features, 'interruption')
    need(context, features, 'every-message')
    const { open, interrupt, address, inbox, session } = await stageTest(setup)
    const [sender, receiver] = [await open(`${session}-sender`), await open(session)]
    const [data, control] = [new MessageLog(), new MessageLog()]
    const all = features.wildcards === undefined ? ['+'] : ['0', '1', '2']
    for (const each of all) await receiver.subscribe(`${address}/${each}`, data.tolerant)
    await receiver.subscribe(inbox, control.tolerant)
    const sends: Promise<void>[] = []
    for (const [index, payload] of SIXTY.entries()) {
      sends.push(sender.send(`${address}/${index % 3}`, payload), sender.send(inbox, payload))
      if (index % 20 === 10) await interrupt()
    }
    await Promise.all(sends)
    await expectReceived(data, ...SIXTY)
    await expectReceived(control, ...SIXTY)
  })
}

function describeWord(setup: TransportSetup, features: TransportFeatures): void {
  it('has sent what it said it sent, though its process is killed at that moment', async (context) => {
    need(context, features, 'vanishing')
    need(context, features, 'every-message')
    const { open, address, session, vanish } = await stageTest(setup)
    const [sender, receiver, log] = [await open(), await open(session), new MessageLog()]
    await receiver.subscribe(address, log.tolerant)
    await sender.send(address, MARKER)
    await Promise.all(SIXTY.map((payload) => sender.send(address, payload)))
    await vanish(sender)
    await expectReceived(log, ...SIXTY)
  })

  it('acknowledges nothing that came over a connection which is gone', async (context) => {
    need(context, features, 'interruption')
    need(context, features, 'bound-acknowledgement')
    need(context, features, 'sessions')
    const { open, interrupt, address, session } = await stageTest(setup)
    const [sender, receiver, log] = [await open(), await open(session), new MessageLog()]
    await receiver.subscribe(address, log.hold)
    await sender.send(address, MARKER)
    const first = await log.at(0)
    await interrupt()
    const second = await log.at(1)
    await expectCode(first.acknowledge(), 'ERR_TRANSPORT')
    await second.acknowledge()
  })
}

/** The changes of state until the transport is connected again. */
async function changesUntilConnected(transport: Transport): Promise<TransportStatus['state'][]> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const changes: TransportStatus['state'][] = []
  transport.onStatus(({ state }) => {
    if (state !== 'error') changes.push(state)
    if (state === 'connected') resolve()
  })
  await promise
  return changes
}
