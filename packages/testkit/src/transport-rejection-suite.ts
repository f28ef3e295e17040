// SPDX-License-Identifier: Apache-2.0
/**
 * Rejection: what nobody can use is set aside, with the reason, and is in nobody's way.
 *
 * @module
 */

import { expect, it } from 'vitest'
import type { MessageHandler } from '@waxwing/core'
import { expectReceived, MessageLog } from './message-log.js'
import {
  manyPayloads,
  MARKER,
  need,
  numbered,
  stageTest,
  type TransportFeatures,
  type TransportSetup,
} from './transport-stage.js'

const TEN = manyPayloads(10)
/** 3 bytes each, of which 85 are 255 bytes. */
const LONG_REASON = '\u20ac'.repeat(300)

export function describeRejection(setup: TransportSetup, features: TransportFeatures): void {
  describeReject(setup, features)
  describeDeadLetters(setup, features)
  describeRejectedForGood(setup, features)
}

function describeReject(setup: TransportSetup, features: TransportFeatures): void {
  it('offers to reject a message exactly where there is a place for such messages', async () => {
    const { open, address } = await stageTest(setup)
    const [transport, log] = [await open(), new MessageLog()]
    await transport.subscribe(address, log.acknowledge)
    await transport.send(address, MARKER)
    const { reject } = await log.at(0)
    expect(reject === undefined).toBe(features.rejection !== undefined)
  })

  it('goes on with what comes after a rejected message', async (context) => {
    need(context, features, 'rejection')
    const { open, address } = await stageTest(setup)
    const [sender, receiver, log] = [await open(), await open(), new MessageLog()]
    await receiver.subscribe(address, rejectAll(log, 'of no use'))
    for (let round = 0; round < 15; round++) {
      await Promise.all(TEN.map((payload) => sender.send(address, payload)))
    }
    await sender.send(address, MARKER)
    await expectReceived(log, MARKER)
    expect(log.messages).toHaveLength(15 * TEN.length + 1)
  })

  it('takes a second word on a message for the first', async (context) => {
    need(context, features, 'rejection')
    const { open, address } = await stageTest(setup)
    const [transport, log] = [await open(), new MessageLog()]
    await transport.subscribe(address, log.hold)
    await transport.send(address, MARKER)
    const message = await log.at(0)
    await Promise.all([message.reject?.('first'), message.reject?.('second')])
    await expect(message.acknowledge()).resolves.toBeUndefined()
  })
}

function describeDeadLetters(setup: TransportSetup, features: TransportFeatures): void {
  it('keeps what was rejected, once and unchanged, with the reason', async (context) => {
    need(context, features, 'rejection')
    const { open, address, deadLetters } = await stageTest(setup)
    const [transport, log] = [await open(), new MessageLog()]
    await transport.subscribe(address, rejectAll(log, `not for ${address}`))
    const payload = Buffer.from(`rejected from ${address}`)
    await transport.send(address, payload)
    await log.at(0)
    const found = async (): Promise<string[]> =>
      (await deadLetters())
        .filter((letter) => payload.equals(letter.payload))
        .map(({ reason }) => reason)
    await expect.poll(found).toEqual([`not for ${address}`])
  })

  it('cuts a long reason at 255 bytes, between two characters', async (context) => {
    need(context, features, 'rejection')
    const { open, address, deadLetters } = await stageTest(setup)
    const [transport, log] = [await open(), new MessageLog()]
    await transport.subscribe(address, rejectAll(log, LONG_REASON))
    const payload = Buffer.from(`rejected at length from ${address}`)
    await transport.send(address, payload)
    const reason = async (): Promise<string | undefined> =>
      (await deadLetters()).find((letter) => payload.equals(letter.payload))?.reason
    await expect.poll(reason).toBe(LONG_REASON.slice(0, 85))
  })
}

function describeRejectedForGood(setup: TransportSetup, features: TransportFeatures): void {
  it('does not deliver to the next endpoint of the session what was rejected', async (context) => {
    need(context, features, 'rejection')
    need(context, features, 'sessions')
    const { open, address, session } = await stageTest(setup)
    const [sender, first, log] = [await open(), await open(session), new MessageLog()]
    await first.subscribe(address, rejectAll(log, 'of no use'))
    await sender.send(address, numbered(1))
    await log.at(0)
    await first.close()

    const [second, again] = [await open(session), new MessageLog()]
    await second.subscribe(address, again.acknowledge)
    await sender.send(address, MARKER)
    await expectReceived(again, MARKER)
    expect(again.messages).toHaveLength(1)
  })

  it('does not deliver to another endpoint of the group what was rejected', async (context) => {
    need(context, features, 'rejection')
    need(context, features, 'groups')
    const { open, address, shared } = await stageTest(setup)
    const [sender, log] = [await open(), new MessageLog()]
    for (const member of [await open(), await open()]) {
      await member.subscribe(shared(address), rejectAll(log, 'of no use'))
    }
    for (const payload of [...TEN, MARKER]) await sender.send(address, payload)
    await expectReceived(log, ...TEN, MARKER)
    expect(log.messages).toHaveLength(TEN.length + 1)
  })
}

/** Rejects, and then records. */
function rejectAll(log: MessageLog, reason: string): MessageHandler {
  return async (message) => {
    await message.reject?.(reason)
    log.record(message)
  }
}
