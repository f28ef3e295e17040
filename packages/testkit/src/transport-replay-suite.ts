// SPDX-License-Identifier: Apache-2.0
/**
 * Replaying: consumers that end early, several at once, while more is sent, while connections break.
 * A replay is never silently short, and nobody else notices it.
 *
 * @module
 */

import { expect, it } from 'vitest'
import { WaxwingError, type Received } from '@waxwing/core'
import { expectReceived, MessageLog } from './message-log.js'
import { all, isNewest, keep, kept, replayOf, texts } from './transport-history-stage.js'
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

const FORTY = manyPayloads(40)
const MANY = manyPayloads(200)

export function describeReplay(setup: TransportSetup, features: TransportFeatures): void {
  describeConsumers(setup, features)
  describeChanges(setup, features)
  describeLive(setup, features)
  describeEnd(setup, features)
}

function describeConsumers(setup: TransportSetup, features: TransportFeatures): void {
  it('leaves nothing behind where the consumer ends early', async (context) => {
    need(context, features, 'history')
    const { open, address } = await stageTest(setup)
    const transport = await open()
    for (const payload of FORTY) await keep(transport, address, payload)
    for (let round = 0; round < 30; round++) {
      for await (const { payload } of replayOf(transport, address)) {
        expect([...payload]).toEqual(kept(transport, FORTY)[0])
        break
      }
    }
    const whole = await all(replayOf(transport, address))
    expect(whole.map(({ payload }) => [...payload])).toEqual(kept(transport, FORTY))
  })

  it('gives two replays at once everything each, in bytes of their own', async (context) => {
    need(context, features, 'history')
    const { open, address } = await stageTest(setup)
    const transport = await open()
    for (const payload of FORTY) await keep(transport, address, payload)
    const destructive = async (): Promise<number[][]> => {
      const payloads: number[][] = []
      for await (const { payload } of replayOf(transport, address)) {
        payloads.push([...payload])
        payload.fill(0)
      }
      return payloads
    }
    const both = await Promise.all([destructive(), destructive()])
    expect(both).toEqual([kept(transport, FORTY), kept(transport, FORTY)])
  })
}

function describeChanges(setup: TransportSetup, features: TransportFeatures): void {
  it('ends though more is sent all the time, and has all that was there before', async (context) => {
    need(context, features, 'history')
    const { open, address } = await stageTest(setup)
    const [sender, reader] = [await open(), await open()]
    for (const payload of FORTY) await keep(sender, address, payload)
    const seen: number[][] = []
    for await (const { payload } of replayOf(reader, address)) {
      seen.push([...payload])
      await keep(sender, address, MARKER)
    }
    const there = kept(reader, FORTY)
    if (!isNewest(reader)) expect(seen.slice(0, there.length)).toEqual(there)
    expect(seen.length).toBeLessThan(2 * FORTY.length)
  })

  it('goes on or fails when the connection breaks, and is never silently short', async (context) => {
    need(context, features, 'history')
    need(context, features, 'interruption')
    const { open, interrupt, address, session } = await stageTest(setup)
    const [sender, reader] = [await open(), await open(session)]
    await Promise.all(MANY.map((payload) => keep(sender, address, payload)))
    const whole = texts(await all(replayOf(reader, address)))
    const seen: Received[] = []
    try {
      for await (const message of replayOf(reader, address)) {
        if (seen.push(message) === 10) await interrupt()
      }
      expect(texts(seen)).toEqual(whole)
    } catch (error) {
      expect(error).toBeInstanceOf(WaxwingError)
      expect(error).toMatchObject({ code: 'ERR_TRANSPORT' })
      expect(texts(seen)).toEqual(whole.slice(0, seen.length))
    }
  })
}

function describeLive(setup: TransportSetup, features: TransportFeatures): void {
  it('takes nothing away from a session that will come', async (context) => {
    need(context, features, 'history')
    need(context, features, 'sessions')
    const { open, address, session } = await stageTest(setup)
    const [sender, first] = [await open(), await open(session)]
    await first.subscribe(address, new MessageLog().acknowledge)
    await first.close()
    for (const payload of FORTY) await keep(sender, address, payload)
    for await (const message of replayOf(sender, address)) await message.acknowledge()

    const [second, log] = [await open(session), new MessageLog()]
    await second.subscribe(address, log.acknowledge)
    await expectReceived(log, ...FORTY)
  })

  it('calls no handler, and changes nothing for one that is there', async (context) => {
    need(context, features, 'history')
    const { open, address } = await stageTest(setup)
    const [sender, reader, log] = [await open(), await open(), new MessageLog()]
    await reader.subscribe(address, log.acknowledge)
    for (const payload of FORTY) await keep(sender, address, payload)
    await expectReceived(log, ...FORTY)
    for await (const message of replayOf(reader, address)) await message.acknowledge()
    await keep(sender, address, MARKER)
    await expectReceived(log, MARKER)
    expect(log.messages).toHaveLength(FORTY.length + 1)
  })
}

function describeEnd(setup: TransportSetup, features: TransportFeatures): void {
  it('refuses to replay once closed', async (context) => {
    need(context, features, 'history')
    const { open, address } = await stageTest(setup)
    const transport = await open()
    await keep(transport, address, numbered(0))
    await transport.close()
    await expectCode(all(replayOf(transport, address)), 'ERR_CLOSED')
  })

  it('closes while a replay is under way, which is told so', async (context) => {
    need(context, features, 'history')
    const { open, address } = await stageTest(setup)
    const [sender, reader] = [await open(), await open()]
    if (isNewest(reader)) context.skip('a history of one message is over with the first')
    await Promise.all(MANY.map((payload) => keep(sender, address, payload)))
    let count = 0
    const closing = (async () => {
      for await (const _ of replayOf(reader, address)) {
        if (++count === 10) await reader.close()
      }
    })()
    await expectCode(closing, 'ERR_CLOSED')
  })
}
