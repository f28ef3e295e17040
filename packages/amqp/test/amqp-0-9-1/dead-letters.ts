// SPDX-License-Identifier: Apache-2.0
/** Dead letters: what is rejected, what comes too often, and what cannot be set aside. */
import type { GetMessage } from 'amqplib'
import { describe, expect, it } from 'vitest'
import { expectReceived, MessageLog } from '@waxwing/testkit'
import { bytes, open, rawChannel, unique, type Broker } from './stage.js'

export function describeDeadLetters(broker: Broker): void {
  const take = async (queue: string): Promise<GetMessage> => {
    const channel = await rawChannel(broker)
    let found: GetMessage | false = false
    await expect
      .poll(async () => {
        found = await channel.get(queue, { noAck: true })
        return found
      })
      .not.toBe(false)
    return found as unknown as GetMessage
  }

  describe('dead letters', () => {
    it('have the reason, the address, and the properties they had', async () => {
      const [queue, address] = [unique(), `${unique()}/x`]
      const { transport } = open(broker, { deadLetters: { exchange: queue, queue } })
      await transport.subscribe(address, async (message) => message.reject?.('not for anybody'))
      const properties = { 'content-type': 'application/cose', kind: 'odd' }
      await transport.send(address, bytes(1), { properties })
      const { fields, content, properties: kept } = await take(queue)
      expect([...content]).toEqual([1])
      expect(fields.routingKey).toBe(address.replace('/', '.'))
      expect(kept.contentType).toBe('application/cose')
      expect(kept.headers).toMatchObject({ kind: 'odd', 'waxwing-reason': 'not for anybody' })
    })

    it('are what comes more often than the limit of deliveries', async () => {
      const [name, queue, address] = [unique(), unique(), unique()]
      const options = { name, deadLetters: { exchange: queue, queue }, deliveryLimit: 1 }
      const sender = open(broker).transport
      const counts: (string | undefined)[] = []
      for (let round = 0; round < 2; round++) {
        const { transport } = open(broker, options)
        const log = new MessageLog()
        await transport.subscribe(address, log.hold)
        if (round === 0) await sender.send(address, bytes(1))
        counts.push((await log.at(0)).properties['x-delivery-count'])
        await transport.close()
      }
      expect(counts).toEqual([undefined, '1'])
      const { properties } = await take(queue)
      expect(properties.headers?.['x-first-death-reason']).toBe('delivery_limit')
    })

    it('that cannot be set aside come again after a pause, and who rejected is told', async () => {
      const [queue, address] = [unique(), unique()]
      const { transport } = open(broker, { deadLetters: { exchange: queue, queue } })
      const failures: unknown[] = []
      const timesMs: number[] = []
      const log = new MessageLog()
      await transport.subscribe(address, async (message) => {
        timesMs.push(performance.now())
        log.record(message)
        if (message.redelivered) await message.acknowledge()
        else await message.reject?.('no place').catch((error: unknown) => failures.push(error))
      })
      const channel = await rawChannel(broker)
      await channel.deleteQueue(queue)
      await transport.send(address, bytes(1))
      expect(await log.at(1)).toMatchObject({ redelivered: true, payload: bytes(1) })
      expect(failures).toMatchObject([{ code: 'ERR_TRANSPORT' }])
      expect((timesMs[1] ?? 0) - (timesMs[0] ?? 0)).toBeGreaterThan(900)
    })

    it('are none where the transport has no place for them', async () => {
      const { transport } = open(broker)
      const [address, log] = [unique(), new MessageLog()]
      await transport.subscribe(address, log.acknowledge)
      await transport.send(address, bytes(1))
      expect(await log.at(0)).not.toHaveProperty('reject')
      await expectReceived(log, bytes(1))
    })
  })
}
