// SPDX-License-Identifier: Apache-2.0
/**
 * One of several readers that share a subscription and a store, in a process of its own, to be killed.
 * It prints `got TEXT REDELIVERED ASKED` for what it is handed, ASKED being when it began to wait for that, and
 * `done TEXT AT` once it is acknowledged.
 *
 * @module
 */

import type { MqttTransportOptions } from '@waxwing/mqtt'
import '../../mqtt/test/run-sources.ts'

const { options, path, filter } = JSON.parse(process.argv[2] ?? '{}') as {
  options: MqttTransportOptions
  path: string
  filter: string
}
const { openEndpoint } = await import('@waxwing/client')
const { mqttTransport } = await import('@waxwing/mqtt')
const { sqliteStore } = await import('@waxwing/store-sqlite')

const store = sqliteStore(path, { key: { keyBytes: new Uint8Array(32).fill(1) } })
const endpoint = await openEndpoint({ store, transport: mqttTransport(options), passive: true })
const reader = endpoint.reader(filter)
await reader.start()

/** In milliseconds, by the clock that all processes of a machine have in common. */
const now = (): number => Number(process.hrtime.bigint()) / 1e6
/** The end of its text names a payload, however long it is. */
const tell = (what: string, text: string, ...rest: unknown[]): void => {
  process.stdout.write(`${[what, text.slice(-8), ...rest].join(' ')}\n`)
}
process.stdout.write('ready\n')
let asked = now()
for await (const message of reader) {
  const text = message.text()
  tell('got', text, message.redelivered, asked)
  await message.acknowledge()
  tell('done', text, now())
  asked = now()
}
