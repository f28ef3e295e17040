// SPDX-License-Identifier: Apache-2.0
/** The contract over Mosquitto: MQTT 3.1.1 and 5, over TCP, TLS and WebSocket. */
import { afterAll, beforeAll } from 'vitest'
import { mqttTransport, type MqttTransportOptions } from '@waxwing/mqtt'
import {
  describeTransport,
  mosquittoAvailable,
  requireOrSkip,
  startMosquitto,
  startProxy,
} from '@waxwing/testkit'
import type { CuttingProxy, Mosquitto, MosquittoOptions, TransportFeatures } from '@waxwing/testkit'

const describeWithMosquitto = requireOrSkip('mosquitto', mosquittoAvailable())

interface Variant {
  readonly name: string
  readonly broker: MosquittoOptions
  readonly protocolVersion: 4 | 5
}

const VARIANTS: readonly Variant[] = [
  { name: 'MQTT 5 over TCP', broker: {}, protocolVersion: 5 },
  { name: 'MQTT 3.1.1 over TCP', broker: {}, protocolVersion: 4 },
  { name: 'MQTT 5 over TLS', broker: { tls: true }, protocolVersion: 5 },
  { name: 'MQTT 5 over WebSocket', broker: { websockets: true }, protocolVersion: 5 },
]

for (const variant of VARIANTS) {
  describeWithMosquitto(variant.name, () => describeVariant(variant))
}

function describeVariant({ name, broker: brokerOptions, protocolVersion }: Variant): void {
  let broker: Mosquitto
  let proxy: CuttingProxy

  beforeAll(async () => {
    broker = await startMosquitto(brokerOptions)
    proxy = await startProxy(broker.port)
  })

  afterAll(async () => {
    await proxy.close()
    await broker.close()
  })

  const options = (session?: string): MqttTransportOptions => ({
    url: broker.url.replace(String(broker.port), String(proxy.port)),
    protocolVersion,
    reconnectMinMs: 50,
    ...(session === undefined ? {} : { clientId: session }),
    ...(broker.authority === undefined ? {} : { tls: { ca: broker.authority.ca } }),
  })
  const features: TransportFeatures =
    protocolVersion === 5 ? {} : { properties: 'MQTT 3.1.1 has no properties' }

  describeTransport(
    `mqtt: ${name}`,
    async () => ({
      open: (session) => mqttTransport(options(session)),
      interrupt: () => proxy.cut(),
    }),
    features,
  )
}
