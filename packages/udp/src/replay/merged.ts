// SPDX-License-Identifier: Apache-2.0
/**
 * Several records of the same past as one (`docs/spec/09-bindings.md` Section 9.11.8): each message once, by
 * the time at which it was heard, and never before what another holder heard earlier, as far as can be
 * seen in what was fetched.
 *
 * Memory is bounded: a page of each holder, and what so many that were given are known by.
 *
 * @module
 */

import type { Entry, PageStream } from './page-stream.js'

/** Of what came longer ago, a duplicate may come through: the endpoint knows it anyway. */
const MAX_GIVEN = 100_000

export async function* merged(streams: readonly PageStream[]): AsyncGenerator<Entry, void> {
  const given = new Set<string>()
  await filled(streams)
  align(streams)
  for (;;) {
    await filled(streams)
    const stream = nextOf(streams.filter(({ head }) => head !== undefined))
    if (stream === undefined) return
    const entry = stream.take()
    if (given.has(entry.key)) continue
    given.add(entry.key)
    if (given.size > MAX_GIVEN) given.delete(given.values().next().value ?? '')
    yield entry
  }
}

async function filled(streams: readonly PageStream[]): Promise<void> {
  await Promise.all(streams.map((stream) => stream.fill()))
}

/**
 * Compares clocks by what several heard: on a link they heard it at the same moment, while what a holder
 * says of its clock is as old as its answer.
 */
function align(streams: readonly PageStream[]): void {
  const times = new Map<string, number>()
  for (const stream of streams) {
    const differences = stream.fetched.flatMap(({ key, time }) => {
      const other = times.get(key)
      return other === undefined ? [] : [other - time]
    })
    const median = differences.toSorted((a, b) => a - b)[differences.length >> 1]
    if (median !== undefined) stream.shift(median)
    for (const { key, time } of stream.fetched) if (!times.has(key)) times.set(key, time)
  }
}

/**
 * The stream whose next one is the oldest; but where another stream has that one later, what it has
 * before goes first. Two streams that contradict each other are taken by their times.
 */
function nextOf(streams: readonly PageStream[]): PageStream | undefined {
  let best = oldestOf(streams)
  const passed = new Set<PageStream>()
  while (best?.head !== undefined) {
    const { head } = best
    passed.add(best)
    const before = streams.find((stream) => stream !== best && stream.hasLater(head))
    if (before === undefined || passed.has(before)) return best
    best = before
  }
  return best
}

function oldestOf(streams: readonly PageStream[]): PageStream | undefined {
  let oldest: PageStream | undefined
  for (const stream of streams) {
    if (oldest === undefined || (stream.head?.time ?? 0) < (oldest.head?.time ?? 0)) oldest = stream
  }
  return oldest
}
