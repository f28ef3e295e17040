// SPDX-License-Identifier: Apache-2.0
/** Streams: retained messages, and history. */
import { describe, expect, it } from 'vitest'
import type { AmqpReplaySpan, AmqpTransport } from '@waxwing/amqp'
import type { Received } from '@waxwing/core'
import { expectReceived, MessageLog } from '@waxwing/testkit'
import { bytes, open, rawChannel, unique, type Broker } from './stage.js'

const retained = { retained: true }

export function describeStreams(broker: Broker): void {
  describe('retained messages', () => {
    it('are the newest of each address that matches, without those that were cleared', async () => {
      const [base, { transport }] = [unique(), open(broker)]
      for (const value of [1, 2]) await transport.send(`${base}/a`, bytes(value), retained)
      await transport.send(`${base}/b`, bytes(3), retained)
      await transport.send(`${base}/c`, bytes(4), retained)
      await transport.send(`${base}/c`, bytes(), retained)
      const log = new MessageLog()
      await open(broker).transport.subscribe(`${base}/#`, log.acknowledge)
      const found = log.messages.map((message) => [message.payload[0], message.retained])
      expect(found).toEqual([
        [2, true],
        [3, true],
      ])
    })

    it('have a stream for a subscription that is the first thing of all', async () => {
      for (let round = 0; round < 5; round++) {
        const { transport, errors } = open(broker, { retainedStream: { name: unique() } })
        await transport.subscribe(unique(), new MessageLog().hold)
        expect(errors).toEqual([])
      }
    })

    it('come to a second handler of the same filter, and to nobody who shares', async () => {
      const [base, { transport }] = [unique(), open(broker)]
      await transport.send(base, bytes(1), { ...retained, properties: { kind: 'kept' } })
      const [first, second, sharing] = [new MessageLog(), new MessageLog(), new MessageLog()]
      await transport.subscribe(base, first.acknowledge)
      await transport.subscribe(base, second.acknowledge)
      await transport.subscribe(`$share/group/${base}`, sharing.acknowledge)
      expect(await second.at(0)).toMatchObject({ retained: true, properties: { kind: 'kept' } })
      expect(first.messages).toHaveLength(1)
      await transport.send(base, bytes(2))
      await expectReceived(sharing, bytes(2))
      expect(sharing.messages).toHaveLength(1)
    })

    it('are handed over before what is live, no more at once than may be held', async () => {
      const [base, { transport }] = [unique(), open(broker)]
      for (let value = 0; value < 5; value++) {
        await transport.send(`${base}/${value}`, bytes(value), retained)
      }
      const log = new MessageLog()
      const reader = open(broker, { maxUnacknowledged: 2 }).transport
      const subscribed = reader.subscribe(`${base}/#`, log.hold)
      await log.at(1)
      for (let index = 0; index < 5; index++) await (await log.at(index)).acknowledge()
      await subscribed
      expect(log.messages.map(({ payload }) => payload[0])).toEqual([0, 1, 2, 3, 4])
    })

    it('of control are not pushed out by those of data', async () => {
      const [name, { transport }] = [unique(), open(broker)]
      await transport.send(`waxwing/v1/trust/${name}`, bytes(1), retained)
      await transport.send(name, bytes(2), retained)
      const log = new MessageLog()
      const { transport: reader } = open(broker)
      await reader.subscribe(`waxwing/v1/trust/${name}`, log.acknowledge)
      expect(await log.at(0)).toMatchObject({ retained: true, payload: bytes(1) })
      const channel = await rawChannel(broker)
      await expect(channel.checkQueue('waxwing.retained.data')).resolves.toBeDefined()
    })

    it('are none without a stream, and the limits say so', async () => {
      const [address, { transport }] = [unique(), open(broker, { retainedStream: false })]
      expect(transport.limits.retained).toBe(false)
      await transport.send(address, bytes(1), retained)
      const log = new MessageLog()
      await transport.subscribe(address, log.acknowledge)
      await transport.send(address, bytes(2))
      await expectReceived(log, bytes(2))
      expect(log.messages).toHaveLength(1)
    })

    it('whose stream is no stream are refused, with what to do', async () => {
      const name = unique()
      const channel = await rawChannel(broker)
      await channel.assertQueue(name, { durable: true, expires: 60_000 })
      const { transport } = open(broker, { retainedStream: { name } })
      await expect(transport.send('a', bytes(1))).rejects.toThrow(/retainedStream: false/)
    })
  })

  describe('a history', () => {
    it('has what others put into the exchange, whatever it is', async () => {
      const [stream, base] = [unique(), unique()]
      const { transport } = open(broker, { history: { stream, filters: [`${base}/#`] } })
      await transport.send(`${base}/a`, bytes(1))
      const channel = await rawChannel(broker)
      channel.publish('amq.topic', `${base}.b`, Buffer.alloc(0), { headers: { list: [1, 2] } })
      await channel.waitForConfirms()
      await transport.send('elsewhere', bytes(3))
      const found: Received[] = []
      for await (const message of transport.replay?.('#', {}) ?? []) found.push(message)
      expect(found.map(({ address, payload }) => [address, ...payload])).toEqual([
        [`${base}/a`, 1],
        [`${base}/b`],
      ])
      expect(found[0]?.storedAt).toBeInstanceOf(Date)
    })

    it('is there for a replay that is the first thing of all, and empty', async () => {
      for (let round = 0; round < 5; round++) {
        const { transport } = open(broker, { history: { stream: unique() } })
        for await (const message of transport.replay?.('#', {}) ?? []) expect(message).toBe('none')
      }
    })

    it('that is to be there, and is not, fails everything, by name', async () => {
      const stream = unique()
      const { transport } = open(broker, { history: { stream, declare: false } })
      await expect(transport.send('a', bytes(1))).rejects.toThrow(`the stream ${stream} is refused`)
    })

    it('that is deleted ends its replay with an error', async () => {
      const stream = unique()
      const { transport } = open(broker, { history: { stream } })
      await transport.send('a', bytes(1))
      const channel = await rawChannel(broker)
      await channel.deleteQueue(stream)
      const replayed = (async (): Promise<void> => {
        for await (const _message of transport.replay?.('#', {}) ?? []);
      })()
      await expect(replayed).rejects.toMatchObject({ code: 'ERR_TRANSPORT' })
    })

    it('begins where an offset says that a replay told before', async () => {
      const [stream, base] = [unique(), unique()]
      const { transport } = open(broker, { history: { stream, filters: [`${base}/#`] } })
      for (let value = 0; value < 4; value++) await transport.send(`${base}/${value}`, bytes(value))
      const whole = await placesIn(transport, {})
      expect(whole.map(([value]) => value)).toEqual([0, 1, 2, 3])
      const fromOffset = Number(whole[1]?.[1]) + 1
      expect(await placesIn(transport, { fromOffset })).toEqual(whole.slice(2))
      expect(await placesIn(transport, { fromOffset: 0 })).toEqual(whole)
      expect(await placesIn(transport, { fromOffset: 1_000_000 })).toEqual([])
      const day = 86_400_000
      const [past, future] = [new Date(Date.now() - day), new Date(Date.now() + day)]
      expect(await placesIn(transport, { fromOffset, from: past })).toEqual(whole.slice(2))
      expect(await placesIn(transport, { fromOffset, from: future })).toEqual([])
    })

    it.each([-1, 1.5, Number.NaN])('refuses the offset %s', async (fromOffset) => {
      const { transport } = open(broker, { history: { stream: unique() } })
      await expect(placesIn(transport, { fromOffset })).rejects.toThrow(/fromOffset/)
    })

    it('refuses a time that is none', async () => {
      const { transport } = open(broker, { history: { stream: unique() } })
      const replayed = transport.replay?.('#', { from: new Date(Number.NaN) })
      await expect(replayed?.[Symbol.asyncIterator]().next()).rejects.toThrow('from must be a time')
    })
  })
}

/** The first byte of each message of a replay, and its place. */
async function placesIn(
  transport: AmqpTransport,
  span: AmqpReplaySpan,
): Promise<readonly (readonly [number | undefined, string | undefined])[]> {
  const found: (readonly [number | undefined, string | undefined])[] = []
  for await (const { payload, properties } of transport.replay?.('#', span) ?? []) {
    found.push([payload[0], properties['stream-offset']])
  }
  return found
}
