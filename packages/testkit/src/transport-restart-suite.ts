// SPDX-License-Identifier: Apache-2.0
/**
 * Restart: a server that is stopped and started again has lost nothing that it took, and its
 * transports come back to it.
 *
 * @module
 */

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

const TEN = manyPayloads(10)
const TIMEOUT_MS = 90_000

export function describeRestart(setup: TransportSetup, features: TransportFeatures): void {
  it(
    'delivers what is sent while the server is away, to subscriptions made before',
    async (c) => {
      need(c, features, 'restart')
      const { open, address, inbox, session, restart } = await stageTest(setup)
      const [sender, receiver] = [await open(`${session}-sender`), await open(session)]
      const [data, control] = [new MessageLog(), new MessageLog()]
      await receiver.subscribe(address, data.tolerant)
      await receiver.subscribe(inbox, control.tolerant)
      await sender.send(address, MARKER)
      await expectReceived(data, MARKER)
      const sends: Promise<void>[] = []
      await restart(() => {
        sends.push(
          ...TEN.map((payload) => sender.send(address, payload)),
          sender.send(inbox, MARKER),
        )
      })
      await Promise.all(sends)
      await expectReceived(data, ...TEN)
      await expectReceived(control, MARKER)
    },
    TIMEOUT_MS,
  )

  it(
    'keeps over a restart what waits for a session',
    async (context) => {
      need(context, features, 'restart')
      need(context, features, 'sessions')
      const { open, address, session, restart } = await stageTest(setup)
      const [sender, first] = [await open(), await open(session)]
      await first.subscribe(address, new MessageLog().acknowledge)
      await first.close()
      for (const payload of TEN) await sender.send(address, payload)
      await restart(() => undefined)

      const [second, log] = [await open(session), new MessageLog()]
      await second.subscribe(address, log.acknowledge)
      await expectReceived(log, ...TEN)
      expect(log.messages).toHaveLength(TEN.length)
    },
    TIMEOUT_MS,
  )
}
