// SPDX-License-Identifier: Apache-2.0
/**
 * The history of the addresses that match a filter (`docs/spec/09-bindings.md` Section 9.7.6).
 *
 * @module
 */

import type { Received } from '@waxwing/core'
import { filterMatcher, isControlFilter, unshared } from '@waxwing/transport-kit'
import { payloadOf } from './delivered.js'
import { addressOfSubject, subjectsOf } from './names.js'
import { propertiesOf } from './properties.js'
import type { NatsReplaySpan } from './options.js'
import { readStored, type StoredMessage, type StoredPort } from './stored.js'

export interface HistoryQuery {
  readonly filter: string
  readonly span: NatsReplaySpan
  /** Before the subjects of data. */
  readonly prefix: string
}

/** The property that says where in the stream a replayed message stands. */
const SEQUENCE = 'nats-sequence'
/** The servers of a cluster need not agree on the time: what comes after `until` may have come before. */
const SLACK_MS = 60_000

/** Yields what the stream has, oldest first. */
export async function* history(
  port: StoredPort,
  { filter, span, prefix: dataPrefix }: HistoryQuery,
): AsyncGenerator<Received, void> {
  const inner = unshared(filter)
  const isControl = isControlFilter(filter)
  const prefix = isControl ? '' : dataPrefix
  const readings = subjectsOf(inner).map((pattern) =>
    readStored(port, {
      role: isControl ? 'control' : 'data',
      pattern: pattern === '>' && prefix === '' ? undefined : prefix + pattern,
      from: span.from,
      start: span.fromSequence,
      kind: 'all',
    }),
  )
  const fromMs = span.fromSequence === undefined ? -Infinity : (span.from?.getTime() ?? -Infinity)
  const untilMs = span.until?.getTime() ?? Infinity
  const matches = filterMatcher(inner)
  for await (const stored of inOrder(readings)) {
    if (stored.storedMs > untilMs + SLACK_MS) return
    if (stored.storedMs > untilMs || stored.storedMs < fromMs) continue
    const address = addressOfSubject(stored.message.subject.slice(prefix.length))
    if (address !== undefined && matches(address)) yield receivedFrom(address, stored)
  }
}

function receivedFrom(address: string, { message, storedMs, sequence }: StoredMessage): Received {
  return {
    address,
    payload: payloadOf(message),
    properties: { ...propertiesOf(message.headers), [SEQUENCE]: String(sequence) },
    retained: true,
    redelivered: false,
    storedAt: new Date(storedMs),
    acknowledge: () => Promise.resolve(),
  }
}

/** All of several readings of one stream, by their places in it. */
async function* inOrder(
  readings: readonly AsyncGenerator<StoredMessage, void>[],
): AsyncGenerator<StoredMessage, void> {
  const heads: { reading: AsyncGenerator<StoredMessage, void>; head: StoredMessage }[] = []
  const advance = async (reading: AsyncGenerator<StoredMessage, void>): Promise<void> => {
    const next = await reading.next()
    if (next.done !== true) heads.push({ reading, head: next.value })
  }
  try {
    for (const reading of readings) await advance(reading)
    for (;;) {
      heads.sort((one, other) => other.head.sequence - one.head.sequence)
      const first = heads.pop()
      if (first === undefined) return
      yield first.head
      await advance(first.reading)
    }
  } finally {
    for (const reading of readings) await reading.return()
  }
}
