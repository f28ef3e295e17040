// SPDX-License-Identifier: Apache-2.0
/** Clients of RabbitMQ's MQTT plugin and clients by AMQP meet on the same addresses. */
import { describe, it, expect, onTestFinished } from 'vitest'
import { mqttTransport } from '@waxwing/mqtt'
import { expectReceived, MessageLog } from '@waxwing/testkit'
import { bytes, open, unique, type Broker } from './stage.js'

export function describeMqttPlugin(broker: Broker): void {
  describe('clients by MQTT 3.1.1 of the same broker', () => {
    it('get what is sent by AMQP, and the other way round, on the same address', async () => {
      const mqtt = mqttTransport({
        url: `mqtt://127.0.0.1:${broker().mqttPort}`,
        protocolVersion: 4,
        username: 'guest',
        password: 'guest',
      })
      onTestFinished(() => mqtt.close())
      const { transport: amqp } = open(broker)
      const address = `plant/${unique()}/v1`
      const [byMqtt, byAmqp] = [new MessageLog(), new MessageLog()]
      await mqtt.subscribe('plant/+/v1', byMqtt.acknowledge)
      await amqp.subscribe('plant/+/v1', byAmqp.acknowledge)
      await mqtt.send(address, bytes(1))
      await amqp.send(address, bytes(2))
      for (const log of [byMqtt, byAmqp]) {
        await expectReceived(log, bytes(1), bytes(2))
        expect(log.messages.every((message) => message.address === address)).toBe(true)
      }
    })
  })
}
