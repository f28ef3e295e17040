// SPDX-License-Identifier: Apache-2.0
/** A sensor with a number, a dashboard at a broker of MQTT, and between them a gateway that has no key. */
import { expect, it, onTestFinished } from 'vitest'
import { bridge } from '@waxwing/bridge'
import { Domain, memoryStore, openEndpoint, type Endpoint } from '@waxwing/client'
import type { Transport } from '@waxwing/core'
import { mqttTransport } from '@waxwing/mqtt'
import { startAedes } from '@waxwing/testkit'
import { centreFor, FAR as GATEWAY, NEAR as SENSOR, transportAt } from './support/stage.ts'

const STREAM = 'plant/1/temperature'

async function memberOf(
  domain: Domain,
  transport: Transport,
  produces: readonly string[],
): Promise<Endpoint> {
  const endpoint = await openEndpoint({
    store: memoryStore(),
    transport,
    kems: ['x25519'],
    decide: (request) => request.grant(),
  })
  onTestFinished(() => endpoint.close().then(() => undefined))
  const admission = await domain.admit(await endpoint.enrolment({ name: 'one' }), { produces })
  await endpoint.admit(admission, { domainId: domain.id })
  return endpoint
}

it('readings by SMS are asked for, granted and opened at a broker, through a gateway without a key', async () => {
  const [centre, broker] = [await centreFor(), await startAedes()]
  onTestFinished(() => broker.close())
  const mqtt = (): Transport => {
    const transport = mqttTransport({ url: broker.url, protocolVersion: 4 })
    onTestFinished(() => transport.close())
    return transport
  }
  const sms = transportAt(centre, GATEWAY, { carryAddresses: true, store: memoryStore() })
  const maps = [{ from: 'plant/#', to: 'plant/#' }]
  const gateway = await bridge({ from: sms, to: mqtt(), maps, settleMs: 20, retryMinMs: 10 })
  onTestFinished(() => gateway.close())

  const domain = await Domain.create({
    store: memoryStore(),
    name: 'plant',
    recoveryStore: memoryStore(),
  })
  const sensorSms = transportAt(centre, SENSOR, {
    carryAddresses: true,
    routes: { 'plant/#': GATEWAY, 'waxwing/v1/#': GATEWAY },
  })
  const sensor = await memberOf(domain, sensorSms, ['plant/#'])
  const desk = await memberOf(domain, mqtt(), [])

  const texts: string[] = []
  const reader = desk.reader('plant/+/temperature')
  await reader.start()
  void (async () => {
    for await (const message of reader) {
      if (message.kind !== 'message') continue
      texts.push(message.text())
      await message.acknowledge()
    }
  })()
  const producer = await sensor.producer(STREAM, { alg: 10, counterMode: 'durable' })
  for (const text of ['21.5 C', '21.6 C', '21.7 C']) await producer.publish(text)
  await expect.poll(() => texts).toEqual(['21.5 C', '21.6 C', '21.7 C'])

  const numbers = new Set(centre.taken.map(({ from, to }) => `${from} ${to}`))
  expect(numbers).toEqual(new Set([`${SENSOR} ${GATEWAY}`, `${GATEWAY} ${SENSOR}`]))
})
