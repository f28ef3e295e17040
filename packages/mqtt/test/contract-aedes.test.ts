// SPDX-License-Identifier: Apache-2.0
/** The contract over a broker inside the process: MQTT 3.1.1. */
import { afterAll, beforeAll } from 'vitest'
import { mqttTransport } from '@waxwing/mqtt'
import { describeTransport, startAedes, startProxy } from '@waxwing/testkit'
import type { AedesBroker, CuttingProxy } from '@waxwing/testkit'

let broker: AedesBroker
let proxy: CuttingProxy

beforeAll(async () => {
  broker = await startAedes()
  proxy = await startProxy(broker.port)
})

afterAll(async () => {
  await proxy.close()
  await broker.close()
})

describeTransport(
  'mqtt 3.1.1 over Aedes',
  async () => ({
    open: (session) =>
      mqttTransport({
        url: `mqtt://127.0.0.1:${proxy.port}`,
        protocolVersion: 4,
        reconnectMinMs: 50,
        ...(session === undefined ? {} : { clientId: session }),
      }),
    interrupt: () => proxy.cut(),
  }),
  {
    properties: 'MQTT 3.1.1 has no properties',
    redelivered: 'Aedes sets no DUP flag',
    groups: 'Aedes has no shared subscriptions',
    vanishing: 'tried over Mosquitto',
    credit: 'tried over Mosquitto',
    restart: 'its sessions are in memory',
    rejection: 'MQTT has no place for what was rejected',
    'stored-at': 'MQTT does not tell when a message was retained',
  },
)
