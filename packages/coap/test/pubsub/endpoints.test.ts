// SPDX-License-Identifier: Apache-2.0
/** Endpoints over libcoap's server, with data of which the newest counts. */
import { expect, it, onTestFinished } from 'vitest'
import { Domain, memoryStore, openEndpoint, type Endpoint } from '@waxwing/client'
import { coapTransport } from '@waxwing/coap'
import { libcoapAvailable, requireOrSkip, startCoapServer } from '@waxwing/testkit'

const describeWithLibcoap = requireOrSkip('libcoap', libcoapAvailable())

describeWithLibcoap('endpoints at a CoAP broker', () => {
  it('meet an object, ask, are granted, open, and then read the newest', async () => {
    const { url } = await startBroker()
    const domain = await Domain.create({
      store: memoryStore(),
      name: 'plant',
      recoveryStore: memoryStore(),
    })
    const thermometer = await openDevice(url, domain, 'thermometer', ['plant/1/#'])
    const producer = await thermometer.producer('plant/1/temperature')
    await producer.publish('19.5')

    const dashboard = await openDevice(url, domain, 'dashboard')
    const reader = dashboard.reader('plant/+/temperature')
    const texts: string[] = []
    for await (const message of reader) {
      if (message.kind !== 'message') continue
      texts.push(message.text())
      await message.acknowledge()
      if (texts.length === 3) break
      await producer.publish(`${19.5 + texts.length}`)
    }
    expect(texts).toEqual(['19.5', '20.5', '21.5'])
  })
})

async function startBroker(): Promise<{ readonly url: string }> {
  const broker = await startCoapServer({ dynamicResources: 100 })
  onTestFinished(() => broker.close())
  return broker
}

async function openDevice(
  url: string,
  domain: Domain,
  name: string,
  produces: readonly string[] = [],
): Promise<Endpoint> {
  const endpoint = await openEndpoint({
    store: memoryStore(),
    transport: coapTransport({ url }),
    name,
    decide: (request) => request.grant(),
  })
  onTestFinished(async () => {
    await endpoint.close()
  })
  const admission = await domain.admit(await endpoint.enrolment({ name }), { produces })
  await endpoint.admit(admission, { domainId: domain.id })
  return endpoint
}
