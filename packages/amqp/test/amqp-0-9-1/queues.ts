// SPDX-License-Identifier: Apache-2.0
/** Queues: inboxes, mandatory sends, full queues, expiry, priority, and queues that vanish. */
import { connect } from 'amqplib'
import { describe, expect, it, onTestFinished } from 'vitest'
import { inboxAddress } from '@waxwing/core'
import { expectReceived, MessageLog } from '@waxwing/testkit'
import { randomBytes } from 'node:crypto'
import { resolve091 } from '../../src/amqp-0-9-1/options.js'
import { Publisher } from '../../src/amqp-0-9-1/publisher.js'
import { bytes, open, rawChannel, unique, type Broker } from './stage.js'

export function describeQueues(broker: Broker): void {
  describe('inboxes', () => {
    it('keep what is sent to principals that never connected', async () => {
      const inbox = inboxAddress(randomBytes(32))
      const { transport } = open(broker)
      await transport.send(inbox, bytes(1))
      await transport.send(`${inbox}/below`, bytes(2))
      const log = new MessageLog()
      await open(broker).transport.subscribe(`${inbox}/#`, log.acknowledge)
      await expectReceived(log, bytes(1), bytes(2))
      expect(log.messages.map(({ address }) => address)).toEqual([inbox, `${inbox}/below`])
    })

    it('whose queue was deleted get it again with the next message', async () => {
      const id = randomBytes(32)
      const { transport } = open(broker)
      await transport.send(inboxAddress(id), bytes(1))
      const channel = await rawChannel(broker)
      await channel.deleteQueue(`waxwing.inbox.${id.toString('base64url')}`)
      await transport.send(inboxAddress(id), bytes(2))
      const log = new MessageLog()
      await open(broker).transport.subscribe(`${inboxAddress(id)}/#`, log.acknowledge)
      await expectReceived(log, bytes(2))
      expect(log.messages).toHaveLength(1)
    })

    it('that a sender may not make, and nobody made, fail it after a second try', async () => {
      const model = await connect(broker().url)
      onTestFinished(() => model.close())
      let declared = 0
      const inboxes = {
        isKnown: () => declared > 0,
        forget: () => undefined,
        declare: async (): Promise<void> => void declared++, // refused, and reported
      }
      const limits = resolve091({ url: broker().url })
      const publisher = new Publisher({ limits, inboxes, report: () => undefined })
      publisher.connected(model)
      const sent = publisher.push({
        address: 'nobody',
        exchange: 'amq.topic',
        routingKey: unique(),
        content: Buffer.from([1]),
        options: { mandatory: true },
        principal: 'nobody',
      })
      await expect(sent).rejects.toThrow('no queue takes')
      expect(declared).toBe(2)
    })

    it('keep their order while their queue is made', async () => {
      const inbox = inboxAddress(randomBytes(32))
      const { transport } = open(broker)
      const payloads = [1, 2, 3, 4, 5].map((value) => bytes(value))
      await Promise.all(payloads.map((payload) => transport.send(inbox, payload)))
      const log = new MessageLog()
      await open(broker).transport.subscribe(`${inbox}/#`, log.acknowledge)
      await expectReceived(log, ...payloads)
      expect(log.messages.map(({ payload }) => payload[0])).toEqual([1, 2, 3, 4, 5])
    })
  })

  describe('sends', () => {
    it('that are mandatory fail where no queue takes them, others do not', async () => {
      const { transport } = open(broker)
      const address = unique()
      await transport.send(address, bytes(1))
      await expect(transport.send(address, bytes(1), { mandatory: true })).rejects.toMatchObject({
        code: 'ERR_TRANSPORT',
        message: expect.stringContaining('no queue takes') as string,
      })
    })

    it('fail where a queue is full and says so', async () => {
      const [queue, address] = [unique(), unique()]
      const channel = await rawChannel(broker)
      const full = { maxLength: 1, overflow: 'reject-publish', expires: 60_000 }
      await channel.assertQueue(queue, full)
      await channel.bindQueue(queue, 'amq.topic', address)
      const { transport } = open(broker)
      const results: PromiseSettledResult<void>[] = []
      for (let count = 0; count < 5; count++) {
        results.push(...(await Promise.allSettled([transport.send(address, bytes(count))])))
      }
      expect(results.at(-1)).toMatchObject({
        status: 'rejected',
        reason: { code: 'ERR_TRANSPORT' },
      })
    })

    it('may expire before anybody takes them', async () => {
      const [name, address] = [unique(), unique()]
      const first = open(broker, { name })
      await first.transport.subscribe(address, new MessageLog().hold)
      await first.transport.close()
      const { transport } = open(broker)
      await transport.send(address, bytes(1), { expiresAfterSeconds: 0 })
      await transport.send(address, bytes(2), { expiresAfterSeconds: 600 })
      const log = new MessageLog()
      await open(broker, { name }).transport.subscribe(address, log.acknowledge)
      await expectReceived(log, bytes(2))
      expect(log.messages).toHaveLength(1)
    })

    it('of a higher priority come first, where queues have priorities', async () => {
      const [name, address] = [unique(), unique()]
      const session = {
        name,
        queueType: 'classic' as const,
        queueArguments: { 'x-max-priority': 5 },
      }
      const first = open(broker, session)
      await first.transport.subscribe(address, new MessageLog().hold)
      await first.transport.close()
      const { transport } = open(broker)
      for (const priority of [0, 1, 5]) await transport.send(address, bytes(priority), { priority })
      const log = new MessageLog()
      await open(broker, session).transport.subscribe(address, log.acknowledge)
      await expectReceived(log, bytes(0), bytes(1), bytes(5))
      expect(log.messages.map(({ payload }) => payload[0])).toEqual([5, 1, 0])
    })
  })

  describe('queues', () => {
    it('that are there with other arguments are refused, and it is said which', async () => {
      const [name, address] = [unique(), unique()]
      const channel = await rawChannel(broker)
      await channel.assertQueue(`${name}:${address}`, { durable: true, expires: 604_800_000 })
      const { transport } = open(broker, { name })
      const subscribed = transport.subscribe(address, new MessageLog().hold)
      await expect(subscribed).rejects.toMatchObject({ code: 'ERR_TRANSPORT' })
      await expect(subscribed).rejects.toThrow(/other arguments: .*x-queue-type/)
      await channel.deleteQueue(`${name}:${address}`)
      const log = new MessageLog() // and nothing else is the worse for it
      await transport.subscribe(address, log.acknowledge)
      await transport.send(address, bytes(1))
      await expectReceived(log, bytes(1))
    })

    it('that are deleted under their reader are made again, which is reported', async () => {
      const [name, address] = [unique(), unique()]
      const { transport, errors } = open(broker, { name })
      const log = new MessageLog()
      await transport.subscribe(address, log.acknowledge)
      const channel = await rawChannel(broker)
      await channel.deleteQueue(`${name}:${address}`)
      await expect.poll(() => errors.join()).toMatch(/was gone: what was in it is lost/)
      await expect
        .poll(async () => {
          await transport.send(address, bytes(1))
          return log.messages.length
        })
        .toBeGreaterThan(0)
    })

    it('are left with the subscription, and kept when the transport closes', async () => {
      const [name, address] = [unique(), unique()]
      const channel = await rawChannel(broker)
      const first = open(broker, { name })
      await first.transport.subscribe(address, new MessageLog().hold)
      await first.transport.close()
      // RabbitMQ says that a connection is closed, and then tells its queues.
      await expect
        .poll(async () => (await channel.checkQueue(`${name}:${address}`)).consumerCount)
        .toBe(0)
      const second = open(broker, { name })
      await (await second.transport.subscribe(address, new MessageLog().hold)).close()
      await second.transport.close()
      await expect(channel.checkQueue(`${name}:${address}`)).rejects.toThrow('NOT_FOUND')
    })
  })
}
