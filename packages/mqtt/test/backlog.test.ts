// SPDX-License-Identifier: Apache-2.0
/** What a session has for who comes back to it may come before the broker's answer. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { mqttTransport, type MqttTransport } from '@waxwing/mqtt'
import { MessageLog, mosquittoAvailable, requireOrSkip, startMosquitto } from '@waxwing/testkit'
import { friendly, startScriptedBroker } from './scripted-broker.js'

const describeWithMosquitto = requireOrSkip('mosquitto', mosquittoAvailable())
const COUNT = 200

/** A broker, and what opens transports at it, all ended with the test. */
async function setUp(): Promise<(clientId: string) => MqttTransport> {
  const broker = await startMosquitto({ config: ['max_queued_messages 0'] })
  onTestFinished(() => broker.close())
  return (clientId) => {
    const transport = mqttTransport({ url: broker.url, clientId, closeTimeoutMs: 0 })
    onTestFinished(() => transport.close())
    return transport
  }
}

/** A session of `reader` has so many messages for a filter, of which it took the first five. */
async function leaveBacklog(open: (clientId: string) => MqttTransport): Promise<void> {
  const [before, log] = [open('reader'), new MessageLog()]
  await before.subscribe('plant/#', log.hold)
  const sender = open('sender')
  for (let i = 0; i < COUNT; i++) await sender.send('plant/1', Uint8Array.of(i))
  for (let i = 0; i < 5; i++) await (await log.at(i)).acknowledge()
  await log.until((messages) => messages.length >= 69)
  await before.close()
}

async function expectBacklog(log: MessageLog): Promise<void> {
  for (let i = 0; i < COUNT - 5; i++) await (await log.at(i)).acknowledge()
  expect(log.messages.map(({ payload }) => payload[0])).toEqual(
    Array.from({ length: COUNT - 5 }, (_, i) => i + 5),
  )
}

describeWithMosquitto('a session with a backlog', () => {
  describe('over Mosquitto, which sends all of it before it answers', () => {
    it('is subscribed to although nobody takes the first of it yet', async () => {
      const open = await setUp()
      await leaveBacklog(open)
      const [after, log] = [open('reader'), new MessageLog()]
      await after.subscribe('plant/#', log.hold)
      await expectBacklog(log)
    })

    it('lets another filter be subscribed to as well, although nobody takes the first of it yet', async () => {
      const open = await setUp()
      await leaveBacklog(open)
      const [after, log, other] = [open('reader'), new MessageLog(), new MessageLog()]
      await after.subscribe('plant/#', log.hold)
      await after.subscribe('other/#', other.acknowledge)
      await expectBacklog(log)
      await open('sender').send('other/1', Uint8Array.of(7))
      expect((await other.at(0)).payload).toEqual(Uint8Array.of(7))
    })
  })
})

describe('a subscription that is refused after its first messages came', () => {
  it('stands, and the refusal is reported', async () => {
    const broker = await startScriptedBroker(5, (packet, peer) => {
      if (packet.cmd !== 'subscribe') return friendly(packet, peer)
      const { properties, messageId = 0 } = packet
      const topic = packet.subscriptions[0]?.topic ?? ''
      const published = {
        cmd: 'publish',
        topic,
        payload: Buffer.of(1),
        qos: 1,
        messageId: 9,
      } as const
      peer.send({ ...published, dup: true, retain: false, properties: { ...properties } })
      peer.send({ cmd: 'suback', messageId, granted: [0x87] })
    })
    const transport = mqttTransport({ url: broker.url, closeTimeoutMs: 0 })
    onTestFinished(() => transport.close())
    const refusal = Promise.withResolvers<unknown>()
    transport.onStatus((status) => {
      if (status.state === 'error') refusal.resolve(status.error)
    })
    const log = new MessageLog()
    await transport.subscribe('plant/1', log.hold)
    expect(await refusal.promise).toMatchObject({ code: 'ERR_TRANSPORT' })
    expect(await log.at(0)).toMatchObject({ redelivered: true })
  })
})
