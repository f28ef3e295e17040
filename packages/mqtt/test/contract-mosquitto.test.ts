// SPDX-License-Identifier: Apache-2.0
/** The contract over Mosquitto: MQTT 3.1.1 and 5, over TCP, TLS and WebSocket. */
import { afterAll, beforeAll } from 'vitest'
import { mqttTransport, type MqttTransportOptions } from '@waxwing/mqtt'
import {
  describeTransport,
  mosquittoAvailable,
  ProxiedEndpoints,
  requireOrSkip,
  startMosquitto,
} from '@waxwing/testkit'
import type { Mosquitto, MosquittoOptions, TransportFeatures } from '@waxwing/testkit'

const describeWithMosquitto = requireOrSkip('mosquitto', mosquittoAvailable())

interface Variant {
  readonly name: string
  readonly broker: MosquittoOptions
  readonly protocolVersion: 4 | 5
}

const FEATURES: TransportFeatures = {
  rejection: 'MQTT has no place for what was rejected',
  'group-handover': 'Mosquitto forgets what a member held that has gone for good',
  'stored-at': 'MQTT does not tell when a message was retained',
}

/** The transport's default. */
const MAX_UNACKNOWLEDGED = 64

const OLDER: TransportFeatures = {
  properties: 'MQTT 3.1.1 has no properties',
  credit: 'a client of MQTT 3.1.1 cannot say how much it takes',
}

const VARIANTS: readonly Variant[] = [
  { name: 'MQTT 5 over TCP', broker: { persistence: true }, protocolVersion: 5 },
  { name: 'MQTT 3.1.1 over TCP', broker: {}, protocolVersion: 4 },
  { name: 'MQTT 5 over TLS', broker: { tls: true }, protocolVersion: 5 },
  { name: 'MQTT 5 over WebSocket', broker: { websockets: true }, protocolVersion: 5 },
]

for (const variant of VARIANTS) {
  describeWithMosquitto(variant.name, () => describeVariant(variant))
}

function describeVariant({ name, broker: brokerOptions, protocolVersion }: Variant): void {
  let broker: Mosquitto
  let endpoints: ProxiedEndpoints

  beforeAll(async () => {
    broker = await startMosquitto(brokerOptions)
    endpoints = new ProxiedEndpoints(broker.port, (port, session) =>
      mqttTransport(options(port, session)),
    )
  })

  afterAll(async () => {
    await endpoints.close()
    await broker.close()
  })

  const options = (port: number, session?: string): MqttTransportOptions => ({
    url: broker.url.replace(String(broker.port), String(port)),
    protocolVersion,
    reconnectMinMs: 50,
    ...(session === undefined ? {} : { clientId: session }),
    ...(broker.authority === undefined ? {} : { tls: { ca: broker.authority.ca } }),
  })
  describeTransport(
    `mqtt: ${name}`,
    async () => ({
      open: endpoints.open,
      interrupt: endpoints.interrupt,
      vanish: endpoints.vanish,
      maxUnacknowledged: MAX_UNACKNOWLEDGED,
      async restart(meanwhile) {
        await broker.stop()
        await meanwhile()
        await broker.start()
      },
    }),
    {
      ...FEATURES,
      ...(protocolVersion === 5 ? {} : OLDER),
      ...(brokerOptions.persistence ? {} : { restart: 'tried with MQTT 5 over TCP' }),
    },
  )
}
