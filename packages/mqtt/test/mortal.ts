// SPDX-License-Identifier: Apache-2.0
/**
 * A producer in a process of its own, to be killed: it publishes once and leaves a sealed will.
 *
 * @module
 */

import { createInterface } from 'node:readline'
import type { MqttTransportOptions } from '@waxwing/mqtt'
import './run-sources.ts'

const options = JSON.parse(process.argv[2] ?? '{}') as MqttTransportOptions
const { fromHex, toHex } = await import('@waxwing/core')
const { memoryStore, openEndpoint } = await import('@waxwing/client')
const { mqttTransport } = await import('@waxwing/mqtt')

const transport = mqttTransport(options)
const endpoint = await openEndpoint({
  store: memoryStore(),
  transport,
  decide: (request) => request.grant(),
})
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
process.stdout.write(`${toHex(await endpoint.enrolment())}\n`)
const [admission = '', domainId = ''] = ((await lines.next()).value ?? '').split(' ')
await endpoint.admit(fromHex(admission), { domainId: fromHex(domainId) })

const producer = await endpoint.producer('state')
await transport.setWill({ address: 'state', payload: () => producer.sealWill('dead') })
process.stdout.write('ready\n')
await lines.next()
await producer.publish('alive')
await lines.next() // never comes
