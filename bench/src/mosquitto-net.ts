// SPDX-License-Identifier: Apache-2.0
/**
 * A broker over MQTT, with a client that writes down all that it carries.
 *
 * @module
 */

import mqtt from 'mqtt'
import { mqttTransport } from '@waxwing/mqtt'
import type { Net } from './any-bytes.ts'

export async function mosquittoNet(url: string): Promise<Net & { close(): Promise<void> }> {
  const carried: { address: string; payload: Uint8Array }[] = []
  const witness = await mqtt.connectAsync(url, { protocolVersion: 5 })
  witness.on('message', (address, payload) => {
    carried.push({ address, payload: new Uint8Array(payload) })
  })
  await witness.subscribeAsync('#', { qos: 1 })
  return {
    transport: async (clientId) => mqttTransport({ url, clientId }),
    carried: () => carried,
    close: () => witness.endAsync(),
  }
}
