// SPDX-License-Identifier: Apache-2.0
/** Exchanges of every type, and names. */
import { describe, expect, it } from 'vitest'
import { expectReceived, MessageLog } from '@waxwing/testkit'
import { bytes, open, rawChannel, unique, type Broker } from './stage.js'

export function describeExchanges(broker: Broker): void {
  describe('exchanges', () => {
    it('of the type direct take exact filters, and refuse wildcards', async () => {
      const [name, address] = [unique(), `direct/${unique()}`]
      const { transport } = open(broker, { exchange: { name, type: 'direct' } })
      const log = new MessageLog()
      await transport.subscribe(address, log.acknowledge)
      await transport.send(`${address}/x`, bytes(1))
      await transport.send(address, bytes(2))
      await expectReceived(log, bytes(2))
      expect(log.messages).toHaveLength(1)
      await expect(transport.subscribe(`${address}/+`, log.hold)).rejects.toMatchObject({
        code: 'ERR_UNSUPPORTED',
      })
    })

    it('of the type fanout give each filter what matches, and keep nothing of the rest', async () => {
      const session = unique()
      const exchange = { name: unique(), type: 'fanout' as const }
      const { transport } = open(broker, { exchange, name: session })
      const log = new MessageLog()
      await transport.subscribe('plant/+/t', log.acknowledge)
      await transport.send('plant/1/h', bytes(1))
      await transport.send('plant/1/t', bytes(2))
      await expectReceived(log, bytes(2))
      expect(log.messages).toHaveLength(1)
      await transport.close()
      const channel = await rawChannel(broker)
      const { messageCount } = await channel.checkQueue(`${session}:plant/+/t`)
      expect(messageCount).toBe(0)
    })

    it('of the type headers bind by arguments', async () => {
      const exchange = {
        name: unique(),
        type: 'headers' as const,
        bindingArguments: () => ({ 'x-match': 'all', kind: 'alarm' }),
      }
      const { transport } = open(broker, { exchange })
      const log = new MessageLog()
      await transport.subscribe('plant/#', log.acknowledge)
      await transport.send('plant/1', bytes(1), { properties: { kind: 'chatter' } })
      await transport.send('plant/1', bytes(2), { properties: { kind: 'alarm' } })
      await expectReceived(log, bytes(2))
      expect(log.messages).toHaveLength(1)
    })

    it('that are to be there, and are not, fail everything, by name', async () => {
      const name = unique()
      const { transport } = open(broker, { exchange: { name, declare: false } })
      await expect(transport.send('a', bytes(1))).rejects.toMatchObject({
        code: 'ERR_TRANSPORT',
        message: expect.stringContaining(`the exchange ${name} is refused`) as string,
      })
    })

    it('that are there with another type fail everything, and say which', async () => {
      const { transport } = open(broker, { exchange: { name: 'amq.fanout', declare: true } })
      await expect(transport.send('a', bytes(1))).rejects.toThrow(/amq.fanout.*type/)
    })

    it('that vanish fail what is sent there, and nothing else', async () => {
      const name = unique()
      const { transport } = open(broker, { exchange: { name } })
      const control = new MessageLog()
      await transport.subscribe(`waxwing/v1/request/${name}`, control.acknowledge)
      const channel = await rawChannel(broker)
      await channel.deleteExchange(name)
      const sends = [transport.send('a/1', bytes(1)), transport.send('a/2', bytes(2))]
      const other = transport.send(`waxwing/v1/request/${name}`, bytes(3))
      const results = await Promise.allSettled(sends)
      expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
      await other
      await expectReceived(control, bytes(3))
    })
  })

  describe('names', () => {
    it('of levels that are literally * match themselves alone', async () => {
      const base = unique()
      const { transport } = open(broker)
      const log = new MessageLog()
      await transport.subscribe(`${base}/*/x`, log.acknowledge)
      await transport.send(`${base}/1/x`, bytes(1))
      await transport.send(`${base}/*/x`, bytes(2))
      await expectReceived(log, bytes(2))
      expect(log.messages).toHaveLength(1)
    })

    it('keep dots and slashes apart', async () => {
      const base = unique()
      const { transport } = open(broker)
      const log = new MessageLog()
      await transport.subscribe(`${base}/+/x.y`, log.acknowledge)
      await transport.send(`${base}/1.0/x/y`, bytes(1))
      await transport.send(`${base}/1.0/x.y`, bytes(2))
      await expectReceived(log, bytes(2))
      expect(log.messages.map(({ address }) => address)).toEqual([`${base}/1.0/x.y`])
    })

    it('above 255 bytes are refused before anything is sent', async () => {
      const { transport } = open(broker)
      const long = 'x'.repeat(256)
      await expect(transport.send(long, bytes(1))).rejects.toThrow(TypeError)
      await expect(transport.subscribe(long, new MessageLog().hold)).rejects.toThrow(TypeError)
    })

    it('of 255 bytes have a queue of a session, whose name is shorter', async () => {
      const filter = unique().padEnd(255, 'é').slice(0, 134)
      const { transport } = open(broker, { name: 'a-session-with-a-name' })
      const log = new MessageLog()
      const subscription = await transport.subscribe(filter, log.acknowledge)
      await transport.send(filter, bytes(1))
      await expectReceived(log, bytes(1))
      await subscription.close()
    })

    it('that RabbitMQ takes for further destinations are no properties', async () => {
      const { transport } = open(broker)
      const properties = { CC: 'elsewhere' }
      await expect(transport.send('a', bytes(1), { properties })).rejects.toThrow(TypeError)
    })
  })
}
