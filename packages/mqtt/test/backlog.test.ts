// SPDX-License-Identifier: Apache-2.0
/** What a session has for who comes back to it may come before the broker's answer. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { mqttTransport, type MqttTransport } from '@waxwing/mqtt'
import { MessageLog, mosquittoAvailable, requireOrSkip, startMosquitto } from '@waxwing/testkit'

const describeWithMosquitto = requireOrSkip('mosquitto', mosquittoAvailable())
const COUNT = 200

describeWithMosquitto('a session with a backlog', () => {
  describe('over Mosquitto, which sends all of it before it answers', () => {
    it('is subscribed to although nobody takes the first of it yet', async () => {
      const broker = await startMosquitto({ config: ['max_queued_messages 0'] })
      onTestFinished(() => broker.close())
      const open = (clientId: string): MqttTransport => {
        const transport = mqttTransport({ url: broker.url, clientId, closeTimeoutMs: 0 })
        onTestFinished(() => transport.close())
        return transport
      }
      const [before, log] = [open('reader'), new MessageLog()]
      await before.subscribe('plant/#', log.hold)
      const sender = open('sender')
      for (let i = 0; i < COUNT; i++) await sender.send('plant/1', Uint8Array.of(i))
      for (let i = 0; i < 5; i++) await (await log.at(i)).acknowledge()
      await log.until((messages) => messages.length >= 69)
      await before.close()

      const after = open('reader')
      const again = new MessageLog()
      await after.subscribe('plant/#', again.hold)
      for (let i = 0; i < COUNT - 5; i++) await (await again.at(i)).acknowledge()
      expect(again.messages.map(({ payload }) => payload[0])).toEqual(
        Array.from({ length: COUNT - 5 }, (_, i) => i + 5),
      )
    })
  })
})
