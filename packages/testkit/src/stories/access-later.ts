// SPDX-License-Identifier: Apache-2.0
/**
 * Story 1: a thermometer publishes, nobody has been granted anything. Later a dashboard is granted a
 * past span, and reads the retained, queued and archived messages of that span, and no others.
 *
 * @module
 */

import { expect } from 'vitest'
import { Collector, DAY_MS, settle, waitFor, waitForEvent, type World } from './world.js'

const STREAM = 'plant/1/temperature'

export async function accessLater(world: World): Promise<void> {
  const { clock } = world
  const { domain } = await world.domain('plant')
  const plant = await world.device(domain, 'thermometer', { produces: ['plant/1/#'] })
  const desk = await world.device(domain, 'dashboard', { roles: ['dashboard'] })

  const reader = desk.endpoint.reader('plant/+/temperature')
  const collector = await Collector.start(reader)
  const producer = await plant.endpoint.producer(STREAM)
  const days: Date[] = []
  for (let day = 0; day < 5; day++) {
    days.push(clock.date)
    await producer.publish(`day ${day} a`)
    await producer.publish(`day ${day} b`, { retained: true })
    clock.move(DAY_MS)
  }
  const request = await waitForEvent(plant.events, 'request')
  expect(request.stream).toBe(STREAM)
  await waitFor(
    () => desk.events.filter(({ type }) => type === 'parked').length === 10,
    'ten parked',
  )
  expect(collector.texts).toEqual([])

  const [from, until] = [days[1], days[3]]
  if (from === undefined || until === undefined) throw new Error('five days were published')
  await plant.endpoint.decide(request.requestId, { kind: 'grant', terms: { from, until } })
  await collector.until(6)
  await settle()
  const granted = [1, 2, 3].flatMap((day) => [`day ${day} a`, `day ${day} b`])
  expect(collector.texts).toEqual(granted)

  // The same span opens from an archive too, whoever recorded it.
  const recorded = world.net.carried().filter(({ address }) => address === STREAM)
  const opened: string[] = []
  async function* archive(): AsyncGenerator<Uint8Array> {
    for (const { payload } of recorded) yield payload
  }
  for await (const item of reader.readArchive(archive())) {
    if (item.kind === 'message') opened.push(item.text())
  }
  expect(opened).toEqual(granted)
}
