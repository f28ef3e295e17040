// SPDX-License-Identifier: Apache-2.0
/** What a broker retains, read as a history by somebody who was granted nothing before. */
import { expect, it, onTestFinished } from 'vitest'
import { Domain, memoryStore, openEndpoint, type Endpoint } from '@waxwing/client'
import { mqttTransport } from '@waxwing/mqtt'
import { mosquittoAvailable, requireOrSkip, startMosquitto } from '@waxwing/testkit'

const describeWithMosquitto = requireOrSkip('mosquitto', mosquittoAvailable())
const STREAMS = ['plant/1', 'plant/2', 'plant/3']

describeWithMosquitto('a history of retained messages', () => {
  it('asks, waits for the grants, gives the newest of each stream, and claims no more', async () => {
    const broker = await startMosquitto()
    onTestFinished(() => broker.close())
    const domain = await Domain.create({ store: memoryStore(), name: 'd', recovery: false })
    const open = async (name: string, produces: readonly string[]): Promise<Endpoint> => {
      const endpoint = await openEndpoint({
        store: memoryStore(),
        transport: mqttTransport({ url: broker.url }),
        name,
        decide: (request) => request.grant({ from: new Date(0) }),
      })
      onTestFinished(() => endpoint.close())
      await endpoint.admit(await domain.admit(await endpoint.enrolment({ name }), { produces }))
      return endpoint
    }
    const plant = await open('plant', ['plant/#'])
    for (const stream of STREAMS) {
      const producer = await plant.producer(stream)
      for (const text of ['old', 'new']) await producer.publish(text, { retained: true })
    }
    const desk = await open('desk', [])
    const told: string[] = []
    for await (const item of desk.reader('plant/+').history()) {
      if (item.kind === 'message') told.push(`${item.stream} ${item.text()}`)
      else expect(item).toMatchObject({ kind: 'end', kept: 'newest', messages: 3, skips: {} })
      if (item.kind === 'end') expect(item.completeness).not.toBe('complete')
    }
    expect(new Set(told)).toEqual(new Set(STREAMS.map((stream) => `${stream} new`)))
  }, 60_000)
})
