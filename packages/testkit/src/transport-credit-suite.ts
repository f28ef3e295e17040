// SPDX-License-Identifier: Apache-2.0
/**
 * Credit: a handler that is slow has no more than the transport's bound in its hands, and nothing
 * is lost for it.
 *
 * @module
 */

import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { expectReceived, MessageLog } from './message-log.js'
import {
  manyPayloads,
  MARKER,
  need,
  stageTest,
  type TransportFeatures,
  type TransportSetup,
} from './transport-stage.js'

export function describeCredit(setup: TransportSetup, features: TransportFeatures): void {
  it('hands over no more than its bound unacknowledged, and the rest after that', async (context) => {
    need(context, features, 'credit')
    const { open, address, inbox, maxUnacknowledged } = await stageTest(setup)
    const [sender, receiver] = [await open(), await open()]
    const [log, control] = [new MessageLog(), new MessageLog()]
    const payloads = manyPayloads(2 * maxUnacknowledged + 10)
    let mayGoOn = false
    await receiver.subscribe(address, async (message) => {
      log.record(message)
      if (mayGoOn) await message.acknowledge()
    })
    await receiver.subscribe(inbox, control.acknowledge)
    await Promise.all(payloads.map((payload) => sender.send(address, payload)))
    await log.at(maxUnacknowledged - 1)
    await sender.send(inbox, MARKER) // a word on another way, after which nothing more has come
    await expectReceived(control, MARKER)
    expect(log.messages).toHaveLength(maxUnacknowledged)

    mayGoOn = true
    await Promise.all(log.messages.map((message) => message.acknowledge()))
    await expectReceived(log, ...payloads)
    expect(log.messages).toHaveLength(payloads.length)
  })

  it('never has more than its bound in the hands of a slow handler', async (context) => {
    need(context, features, 'credit')
    const { open, address, maxUnacknowledged } = await stageTest(setup)
    const [sender, receiver, log] = [await open(), await open(), new MessageLog()]
    const payloads = manyPayloads(4 * maxUnacknowledged)
    let [inHand, most] = [0, 0]
    await receiver.subscribe(address, async (message) => {
      most = Math.max(most, ++inHand)
      await nextTurn()
      inHand-- // before, as the next one may come at once
      await message.acknowledge()
      log.record(message)
    })
    await Promise.all(payloads.map((payload) => sender.send(address, payload)))
    await expectReceived(log, ...payloads)
    expect(log.messages).toHaveLength(payloads.length)
    expect(most).toBeLessThanOrEqual(maxUnacknowledged)
  })
}
