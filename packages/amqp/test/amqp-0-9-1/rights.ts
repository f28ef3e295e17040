// SPDX-License-Identifier: Apache-2.0
/** A user who may do some things, and what happens where it tries others. */
import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { inboxAddress } from '@waxwing/core'
import { expectReceived, MessageLog } from '@waxwing/testkit'
import { bytes, open, unique, type Broker } from './stage.js'

export const RESTRICTED = 'restricted'

/** What the guide says that a user needs, except for inboxes; and no other exchange than `amq.topic`. */
const MAY = '^(waxwing\\.(?!inbox)|own:|amq\\.(default|topic))'
export const RIGHTS = {
  [RESTRICTED]: { configure: MAY, write: MAY, read: '^(waxwing|own:|amq.topic)' },
}

export function describeRights(broker: Broker): void {
  const user = { username: RESTRICTED, password: RESTRICTED }

  describe('users who may not do everything', () => {
    it('are refused a queue by its name, and their other subscriptions go on', async () => {
      const [address, log] = [unique(), new MessageLog()]
      const { transport } = open(broker, { ...user, name: 'other' })
      await transport.subscribe(`$share/group/${address}`, log.acknowledge)
      const refused = transport.subscribe(address, log.acknowledge)
      await expect(refused).rejects.toMatchObject({ code: 'ERR_TRANSPORT' })
      await expect(refused).rejects.toThrow(`access to queue 'other:${address}'`)
      await transport.send(address, bytes(1))
      await expectReceived(log, bytes(1))
    })

    it('are told which of their sends were refused, and the others go out', async () => {
      const inbox = inboxAddress(randomBytes(32))
      const exchange = { name: 'amq.direct', type: 'direct' } as const
      const { transport } = open(broker, { ...user, exchange })
      const shared = `waxwing/v1/request/${unique()}`
      const results = await Promise.allSettled(
        ['data', shared, inbox, shared].map((address) => transport.send(address, bytes(1))),
      )
      expect(results.map(({ status }) => status)).toEqual([
        'rejected',
        'fulfilled',
        'rejected', // it may not make the queue, and nobody has
        'fulfilled',
      ])
      expect(results[0]).toMatchObject({ reason: { code: 'ERR_TRANSPORT' } })
      expect(String((results[0] as PromiseRejectedResult).reason)).toContain("'amq.direct'")
    })

    it('send to an inbox that its owner has made', async () => {
      const [id, log] = [randomBytes(32), new MessageLog()]
      await open(broker).transport.subscribe(`${inboxAddress(id)}/#`, log.acknowledge)
      const { transport, errors } = open(broker, user)
      await transport.send(inboxAddress(id), bytes(1))
      await expectReceived(log, bytes(1))
      expect(errors.join()).toContain(
        `the queue waxwing.inbox.${id.toString('base64url')} is refused`,
      )
    })
  })
}
