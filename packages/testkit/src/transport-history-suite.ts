// SPDX-License-Identifier: Apache-2.0
/**
 * History: what `replay` yields, and in which order.
 *
 * @module
 */

import { expect, it } from 'vitest'
import type { Received } from '@waxwing/core'
import { all, isNewest, keep, kept, replayOf, texts } from './transport-history-stage.js'
import { describeReplay } from './transport-replay-suite.js'
import {
  manyPayloads,
  MARKER,
  need,
  stageTest,
  type TransportFeatures,
  type TransportSetup,
} from './transport-stage.js'

const FORTY = manyPayloads(40)
/** Two clocks of one machine, and how they are rounded. */
const CLOCK_MS = 5_000

export function describeHistory(setup: TransportSetup, features: TransportFeatures): void {
  it('says in its limits whether it has a history, and of what', async () => {
    const { open } = await stageTest(setup)
    const { limits, replay } = await open()
    expect(replay === undefined).toBe(features.history !== undefined)
    expect(limits.history === undefined).toBe(features.history !== undefined)
  })
  describeContent(setup, features)
  describeTime(setup, features)
  describeReplay(setup, features)
}

function describeContent(setup: TransportSetup, features: TransportFeatures): void {
  it('replays what was sent, unchanged and oldest first', async (context) => {
    need(context, features, 'history')
    const { open, address } = await stageTest(setup)
    const [sender, reader] = [await open(), await open()]
    for (const payload of FORTY) await keep(sender, address, payload)
    const replayed = await all(replayOf(reader, address))
    expect(replayed.map(({ payload }) => [...payload])).toEqual(kept(reader, FORTY))
    expect(new Set(replayed.map((message) => message.address))).toEqual(new Set([address]))
    for (const message of replayed) await expect(message.acknowledge()).resolves.toBeUndefined()
  })

  it('replays what matches its wildcards, of each address in the order in which it came', async (c) => {
    need(c, features, 'history')
    need(c, features, 'wildcards')
    const { open, address } = await stageTest(setup)
    const [sender, reader] = [await open(), await open()]
    for (const [index, payload] of FORTY.entries()) {
      await keep(sender, `${address}/${index % 2}/t`, payload)
      await keep(sender, `${address}/${index % 2}/x`, MARKER)
    }
    const replayed = await all(replayOf(reader, `${address}/+/t`))
    for (const half of [0, 1]) {
      const sent = FORTY.filter((_, index) => index % 2 === half)
      const came = replayed.filter((message) => message.address === `${address}/${half}/t`)
      expect(came.map(({ payload }) => [...payload])).toEqual(kept(reader, sent))
    }
    expect(replayed.every((message) => message.address.endsWith('/t'))).toBe(true)
    expect(await all(replayOf(reader, `${address}/#`))).toHaveLength(2 * replayed.length)
  })

  it('replays nothing where nothing was sent', async (context) => {
    need(context, features, 'history')
    const { open, address } = await stageTest(setup)
    expect(await all(replayOf(await open(), address))).toEqual([])
  })

  it('replays the properties', async (context) => {
    need(context, features, 'history')
    need(context, features, 'properties')
    const { open, address } = await stageTest(setup)
    const transport = await open()
    const properties = { traceparent: '00-ab-cd-01' }
    await transport.send(address, MARKER, { retained: isNewest(transport), properties })
    expect((await all(replayOf(transport, address)))[0]?.properties).toMatchObject(properties)
  })
}

function describeTime(setup: TransportSetup, features: TransportFeatures): void {
  it('tells when the intermediary got each message', async (context) => {
    need(context, features, 'history')
    need(context, features, 'stored-at')
    const { open, address } = await stageTest(setup)
    const transport = await open()
    const before = Date.now()
    for (const payload of FORTY) await keep(transport, address, payload)
    const times = (await all(replayOf(transport, address))).map(({ storedAt }) => Number(storedAt))
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    expect(times[0]).toBeGreaterThan(before - CLOCK_MS)
    expect(times.at(-1)).toBeLessThan(Date.now() + CLOCK_MS)
  })

  it('leaves out nothing that was stored from one moment until another', async (context) => {
    need(context, features, 'history')
    need(context, features, 'stored-at')
    const { open, address } = await stageTest(setup)
    const transport = await open()
    for (const payload of FORTY) await keep(transport, address, payload)
    const whole = await all(replayOf(transport, address))
    const [first, last] = [whole[Math.floor(whole.length / 3)], whole[Math.floor(whole.length / 2)]]
    const [from, until] = [first?.storedAt ?? new Date(0), last?.storedAt ?? new Date(0)]
    const isWithin = ({ storedAt = from }: Received): boolean =>
      storedAt >= from && storedAt <= until
    for (const span of [{ from, until }, { from }, { until }]) {
      const part = texts(await all(replayOf(transport, address, span)))
      expect(part).toEqual(expect.arrayContaining(texts(whole.filter(isWithin))))
    }
  })

  it('ends where the span is before or after all there is', async (context) => {
    need(context, features, 'history')
    const { open, address } = await stageTest(setup)
    const transport = await open()
    await keep(transport, address, MARKER)
    const [early, late] = [new Date(0), new Date(Date.now() + 86_400_000)]
    const sent = texts([{ payload: MARKER }])
    for (const span of [{ until: early }, { from: late }]) {
      for (const text of texts(await all(replayOf(transport, address, span)))) {
        expect(sent).toContain(text)
      }
    }
    expect(texts(await all(replayOf(transport, address, { from: early, until: late })))).toEqual(
      sent,
    )
  })
}
