// SPDX-License-Identifier: Apache-2.0
/** The contract over clients that the application lends: as far as they can keep it. */
import mqtt from 'mqtt'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { mqttTransportOver } from '@waxwing/mqtt'
import { describeTransport, expectReceived, MessageLog, startAedes } from '@waxwing/testkit'
import type { AedesBroker } from '@waxwing/testkit'

let broker: AedesBroker

beforeAll(async () => {
  broker = await startAedes()
})

afterAll(() => broker.close())

async function lend(): Promise<mqtt.MqttClient> {
  const client = await mqtt.connectAsync(broker.url, { reconnectPeriod: 50 })
  onTestFinished(() => void client.end(true))
  return client
}

describeTransport(
  'mqtt over a lent client',
  async () => ({ open: async () => mqttTransportOver(await lend()) }),
  {
    properties: 'MQTT 3.1.1 has no properties',
    sessions: 'a lent client acknowledges what was not handled',
    interruption: 'a lent client acknowledges what was not handled',
    vanishing: 'a lent client acknowledges what was not handled',
    credit: 'a lent client acknowledges what was not handled',
    restart: 'a lent client acknowledges what was not handled',
    groups: 'Aedes has no shared subscriptions',
    rejection: 'MQTT has no place for what was rejected',
    history: 'a lent client has one connection, and retained messages come over one of their own',
  },
)

describe('a transport over a lent client', () => {
  it('leaves the client and the listeners of the application alone', async () => {
    const client = await lend()
    const own: string[] = []
    client.on('message', (topic) => own.push(topic))
    await client.subscribeAsync('own')
    const [transport, log] = [mqttTransportOver(client), new MessageLog()]
    await transport.subscribe('ours', log.acknowledge)
    await transport.send('ours', Uint8Array.of(1))
    await expectReceived(log, Uint8Array.of(1))
    await transport.close()

    expect(client.connected).toBe(true)
    const arrived = new Promise((resolve) => {
      client.once('message', resolve)
    })
    await client.publishAsync('ours', 'unsubscribed')
    await client.publishAsync('own', 'still subscribed')
    expect(await arrived).toBe('own')
    expect(own).toEqual(['ours', 'own'])
  })

  it('reports that the connection is gone and back', async () => {
    const transport = mqttTransportOver(await lend())
    const states: string[] = []
    const back = new Promise<void>((resolve) => {
      transport.onStatus(({ state }) => {
        if (state !== 'error') states.push(state)
        if (state === 'connected') resolve()
      })
    })
    broker.cut()
    await back
    expect(states).toEqual(['disconnected', 'connected'])
    await transport.close()
  })
})
