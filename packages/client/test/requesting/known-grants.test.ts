// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest'
import { Domain } from '../../src/domain/domain.js'
import { openEndpoint, type Endpoint } from '../../src/endpoint.js'
import type { WaxwingEvent } from '../../src/events.js'
import { memoryStore } from '../../src/memory-store.js'

const STREAM = 'plant/1/temperature'

it('a grant that is held already is told and recorded once, however often it is handed out', async () => {
  const domain = await Domain.create({ store: memoryStore(), name: 'plant', recovery: false })
  const join = async (endpoint: Endpoint, produces: readonly string[]): Promise<Endpoint> => {
    await endpoint.admit(await domain.admit(await endpoint.enrolment(), { produces }))
    return endpoint
  }
  const plant = await join(await openEndpoint({ store: memoryStore() }), ['#'])
  const store = memoryStore()
  const desk = await join(await openEndpoint({ store }), [])
  const producer = await plant.producer(STREAM)
  const { card, credential } = desk.parts.identity
  await plant.receive(credential ?? new Uint8Array())
  await plant.receive(card.bytes)
  const [grant] = await plant.grant(STREAM, desk.id)
  if (grant === undefined) throw new Error('something was granted')
  await desk.receive(grant)
  await desk.close()

  const events: WaxwingEvent[] = []
  const again = await openEndpoint({ store, onEvent: (event) => events.push(event) })
  const before = await store.get('generation', again.generations()[0]?.id ?? '')
  await again.receive(grant)
  expect(events.map(({ type }) => type)).not.toContain('grant')
  expect(await store.get('generation', again.generations()[0]?.id ?? '')).toEqual(before)
  const opened = await again.reader(STREAM).open(producer.seal('21.5'))
  expect(opened.kind).toBe('message')
})
