// SPDX-License-Identifier: Apache-2.0
/** Retained messages as a history, over real brokers. */
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Received } from '@waxwing/core'
import { mqttTransport, type MqttTransport, type MqttTransportOptions } from '@waxwing/mqtt'
import {
  expectReceived,
  MessageLog,
  mosquittoAvailable,
  requireOrSkip,
  startAedes,
  startMosquitto,
  startProxy,
} from '@waxwing/testkit'

const describeWithMosquitto = requireOrSkip('mosquitto', mosquittoAvailable())
const COUNT = 1_000

function open(options: MqttTransportOptions): MqttTransport {
  const transport = mqttTransport({ reconnectMinMs: 50, maxWaitingSends: 2 * COUNT, ...options })
  onTestFinished(() => transport.close())
  return transport
}

/** Different lengths, so that some do not fit into one read of the socket. */
const payloadOf = (i: number): Uint8Array =>
  new Uint8Array(3 + (i % 7) * 500).fill(i & 0xff).with(0, i >> 8)

async function fill(transport: MqttTransport): Promise<void> {
  const sends = Array.from({ length: COUNT }, (_, i) =>
    transport.send(`plant/${i}`, payloadOf(i), { retained: true }),
  )
  await Promise.all([...sends, transport.send('other/1', payloadOf(1), { retained: true })])
  await transport.send('plant/not-retained', payloadOf(2))
}

function expectAll(messages: readonly Received[]): void {
  const byAddress = new Map(messages.map(({ address, payload }) => [address, payload]))
  expect(messages).toHaveLength(COUNT)
  expect(byAddress.size).toBe(COUNT)
  for (let i = 0; i < COUNT; i++) expect(byAddress.get(`plant/${i}`)).toEqual(payloadOf(i))
  expect(messages.every(({ retained }) => retained)).toBe(true)
}

for (const protocolVersion of [4, 5] as const) {
  describeWithMosquitto(`the retained messages of Mosquitto, with MQTT ${protocolVersion}`, () => {
    it('are replayed, all of them and nothing else, while what is live goes on', async () => {
      const broker = await startMosquitto()
      onTestFinished(() => broker.close())
      const options = { url: broker.url, protocolVersion }
      const live = new MessageLog()
      const transport = open({ ...options, clientId: 'reader' })
      await transport.subscribe('live/#', live.acknowledge)
      await fill(transport)
      for (let i = 0; i < 2; i++) expectAll(await Array.fromAsync(transport.replay('plant/#')))
      expect(transport.limits.history).toBe('newest')
      await transport.send('live/1', payloadOf(1))
      await expectReceived(live, payloadOf(1))
    })

    it('are replayed to whoever takes them slowly, and end when the iteration does', async () => {
      const broker = await startMosquitto()
      onTestFinished(() => broker.close())
      const transport = open({ url: broker.url, protocolVersion })
      await fill(transport)
      const messages: Received[] = []
      for await (const message of transport.replay('plant/#')) {
        messages.push(message)
        await new Promise((resolve) => setImmediate(resolve))
      }
      expectAll(messages)
      for await (const _ of transport.replay('plant/#')) break
      await expect.poll(() => broker.log().match(/closed|disconnected/g)?.length).toBeGreaterThan(1)
    })
  })
}

describe('the retained messages of Aedes, which sends them when it has them', () => {
  it('are replayed, all of them', async () => {
    const broker = await startAedes()
    onTestFinished(() => broker.close())
    const transport = open({ url: broker.url, protocolVersion: 4 })
    await fill(transport)
    for (let i = 0; i < 5; i++) expectAll(await Array.fromAsync(transport.replay('plant/#')))
  })

  it('are none where none match', async () => {
    const broker = await startAedes()
    onTestFinished(() => broker.close())
    const transport = open({ url: broker.url, protocolVersion: 4 })
    expect(await Array.fromAsync(transport.replay('plant/#'))).toEqual([])
  })

  it('are not called complete when the connection breaks', async () => {
    const broker = await startAedes()
    onTestFinished(() => broker.close())
    const proxy = await startProxy(broker.port)
    onTestFinished(() => proxy.close())
    const transport = open({ url: `mqtt://127.0.0.1:${proxy.port}`, protocolVersion: 4 })
    await fill(transport)
    broker.broker.on('subscribe', () => proxy.cut())
    const replayed = Array.fromAsync(transport.replay('plant/#'))
    await expect(replayed).rejects.toMatchObject({ code: 'ERR_TRANSPORT' })
  })

  it('are refused where reading is, and after close', async () => {
    const broker = await startAedes({
      authorizeSubscribe: (_client, subscription, done) =>
        done(null, subscription.topic.startsWith('secret') ? null : subscription),
    })
    onTestFinished(() => broker.close())
    const transport = open({ url: broker.url, protocolVersion: 4 })
    const first = (filter: string): Promise<unknown> => Array.fromAsync(transport.replay(filter))
    await expect(first('secret/#')).rejects.toMatchObject({ code: 'ERR_TRANSPORT' })
    await expect(first('a/#/b')).rejects.toThrow(TypeError)
    broker.broker.on('subscribe', () => void transport.close())
    await expect(first('plant/#')).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    await expect(first('plant/#')).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  })
})
