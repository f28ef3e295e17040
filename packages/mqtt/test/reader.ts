// SPDX-License-Identifier: Apache-2.0
/**
 * A reader in a process of its own, to be killed: it receives and never acknowledges. It runs the
 * sources, so that no build is needed.
 *
 * @module
 */

import type { MqttTransportOptions } from '@waxwing/mqtt'
import './run-sources.ts'

const { options, filter } = JSON.parse(process.argv[2] ?? '{}') as {
  options: MqttTransportOptions
  filter: string
}
const { mqttTransport } = await import('@waxwing/mqtt')
await mqttTransport(options).subscribe(filter, async ({ redelivered, payload }) => {
  process.stdout.write(`${redelivered} ${Buffer.from(payload).toString('hex')}\n`)
})
process.stdout.write('ready\n')
