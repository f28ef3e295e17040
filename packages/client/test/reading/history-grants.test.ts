// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { IncomingRequest } from '../../src/options.js'
import type { HistoryItem } from '../../src/reading/history/history-reading.js'
import { HOUR } from '../support/plant.js'
import { Town } from '../support/town.js'

const STREAM = 'plant/1'

let town: Town
beforeEach(async () => (town = await Town.found()))
afterEach(() => town.close())

/** Three generations of three hours each, four messages an hour. */
async function publishFor9Hours(
  decide: (request: IncomingRequest) => ReturnType<IncomingRequest['deny']>,
) {
  const plant = await town.member('plant', { produces: ['plant/#'] }, { decide })
  const producer = await plant.endpoint.producer(STREAM)
  for (let hour = 0; hour < 9; hour++) {
    if (hour % 3 === 0 && hour > 0) await producer.rotate()
    for (let i = 0; i < 4; i++) await producer.publish(`hour ${hour}, ${i}`)
    await town.pass(HOUR, HOUR / 4)
  }
  return plant
}

/** Lets time pass until a history is read. */
async function readAll(history: AsyncIterable<HistoryItem>): Promise<readonly HistoryItem[]> {
  const items: HistoryItem[] = []
  const state = { isDone: false }
  const reading = (async () => {
    for await (const item of history) items.push(item)
  })().finally(() => (state.isDone = true))
  for (let i = 0; i < 1000 && !state.isDone; i++) await town.pass(100, 50)
  await reading
  return items
}

describe('a history that was published before anybody was granted it', () => {
  it('is read whole with one request and one grant for each generation', async () => {
    await publishFor9Hours((request) => request.grant({ from: new Date(0) }))
    const desk = await town.member('auditor')
    const items = await readAll(desk.endpoint.reader(STREAM).history())
    const texts = items.flatMap((item) => (item.kind === 'message' ? [item.text()] : []))
    expect(texts).toHaveLength(36)
    expect([texts[0], texts[35]]).toEqual(['hour 0, 0', 'hour 8, 3'])
    const whole = { messages: 36, skips: {}, gaps: 0, completeness: 'complete' }
    expect(items.at(-1)).toMatchObject(whole)
    const requests = desk.events.filter((event) => event.type === 'requested')
    expect(requests.map(({ spans }) => spans.length)).toEqual([1, 1, 1])
    expect(desk.events.filter(({ type }) => type === 'grant')).toHaveLength(3)
  })

  it('is read as far as it is granted, without waiting for the rest for ever', async () => {
    const now = (): number => town.clock.now() ?? 0
    await publishFor9Hours((request) => request.grant({ from: new Date(now() - 4.5 * HOUR) }))
    const desk = await town.member('auditor')
    const items = await readAll(desk.endpoint.reader(STREAM).history({ waitMs: 5000 }))
    expect(items.at(-1)).toMatchObject({ messages: 20, skips: { 'no-key': 16 } })
  })

  it('is denied at once where access is', async () => {
    await publishFor9Hours((request) => request.deny('not-authorized'))
    const desk = await town.member('auditor')
    const startMs = town.clock.monotonic()
    const items = await readAll(desk.endpoint.reader(STREAM).history())
    expect(items.at(-1)).toMatchObject({ messages: 0, skips: { 'no-key': 36 } })
    expect(town.clock.monotonic() - startMs).toBeLessThan(5000)
  })
})
