// SPDX-License-Identifier: Apache-2.0
/**
 * `replay` over a RabbitMQ stream that is bound to the exchange of data
 * (`docs/spec/09-bindings.md` Section 9.6.5).
 *
 * Where to begin and where to stop is the broker's word: the offset at a time, the mark at the end. A
 * connection that breaks is waited for, and the reading goes on behind what was yielded.
 *
 * @module
 */

import type { ChannelModel } from 'amqplib'
import type { Received } from '@waxwing/core'
import { filterMatcher, limitError } from '@waxwing/transport-kit'
import { addressOf } from '../names.js'
import type { AmqpReplaySpan } from '../transport.js'
import { propertiesOf, storedAt } from './properties.js'
import { topologyFailed } from './refusals.js'
import { withoutOffset } from './retained.js'
import {
  firstOffset,
  markEnd,
  readStream,
  type StreamEntry,
  type StreamStart,
  type StreamTime,
} from './stream-reading.js'

export interface HistoryPort {
  readonly stream: string
  readonly maxPayloadBytes: number
  /** Resolves with a connection that is ready. @throws {WaxwingError} If there will be none. */
  readonly ready: () => Promise<ChannelModel>
  /** Tells whether this connection is still there. */
  readonly isThere: (model: ChannelModel) => boolean
  readonly report: (error: unknown) => void
}

/** A chunk of the stream may be written so long after its first message came. */
const CHUNK_SECONDS = 60

/** Where a replayed message says its place in the stream. */
const OFFSET = 'stream-offset'

/**
 * Yields what the stream holds of a filter.
 *
 * @throws {TypeError | RangeError} If a time of the span is none, or there is no such offset.
 */
export async function* replayHistory(
  filter: string,
  span: AmqpReplaySpan,
  port: HistoryPort,
): AsyncGenerator<Received, void, undefined> {
  const wanted = wantedOf(span)
  const matches = filterMatcher(filter)
  let extent: Extent | undefined
  for (;;) {
    const model = await port.ready()
    try {
      extent ??= await extentOf(model, wanted, port)
      const { stream, maxPayloadBytes: maxBytes } = port
      for await (const entry of readStream(model, { ...extent, stream, maxBytes })) {
        extent.start = entry.offset + 1
        const received = receivedFrom(entry, matches, port)
        if (received !== undefined) yield received
      }
      return
    } catch (error) {
      // The next connection goes on where this one ended.
      if (port.isThere(model)) throw topologyFailed(`reading ${port.stream}`, '', error)
    }
  }
}

/** What is read, in offsets, which stay what they are over connections. */
interface Extent {
  start: StreamStart
  readonly mark: string
  readonly before: number
}

/**
 * Who begins at a time behind all there is gets what comes next: so the end is marked once it is known
 * that something will come.
 */
async function extentOf(
  model: ChannelModel,
  { from, until, fromOffset }: Wanted,
  { stream, maxPayloadBytes: maxBytes }: HistoryPort,
): Promise<Extent> {
  let mark = ''
  const offsetAt = (start: StreamStart): Promise<number> =>
    firstOffset(model, { stream, start, maxBytes }, async () => {
      mark = await markEnd(model, stream)
    })
  let start: StreamStart = from === undefined ? 'first' : await offsetAt(from)
  if (fromOffset !== undefined) {
    const offset = Math.min(fromOffset, await offsetAt('next'))
    start = start === 'first' ? offset : Math.max(start, offset)
  }
  const before = until === undefined ? Infinity : await offsetAt(until)
  if (mark === '') mark = await markEnd(model, stream)
  return { start, before, mark }
}

/** A span, as the broker understands it. */
interface Wanted {
  readonly from: StreamTime | undefined
  readonly until: StreamTime | undefined
  readonly fromOffset: number | undefined
}

function wantedOf({ from, until, fromOffset }: AmqpReplaySpan): Wanted {
  if (fromOffset !== undefined && (!Number.isSafeInteger(fromOffset) || fromOffset < 0)) {
    throw new RangeError(`fromOffset must be an integer from 0 to 2^53 - 1, is ${fromOffset}`)
  }
  return {
    from: from && timestampOf(from, 'from', 0),
    until: until && timestampOf(until, 'until', CHUNK_SECONDS),
    fromOffset,
  }
}

function timestampOf(date: Date, name: string, later: number): StreamTime {
  const ms = date.getTime()
  if (Number.isNaN(ms)) throw new TypeError(`${name} must be a time`)
  return { '!': 'timestamp', value: Math.max(0, Math.floor(ms / 1_000) + later) }
}

function receivedFrom(
  { message, offset, isTooLong }: StreamEntry,
  matches: (address: string) => boolean,
  { report }: HistoryPort,
): Received | undefined {
  const { fields, properties, content } = message
  const address = addressOf(fields.routingKey)
  if (!matches(address)) return undefined
  if (isTooLong) {
    report(limitError(`a message to ${address} is left out`, 'maxPayloadBytes'))
    return undefined
  }
  const time = storedAt(properties)
  return {
    address,
    payload: new Uint8Array(content),
    properties: { ...withoutOffset(propertiesOf(properties)), [OFFSET]: String(offset) },
    retained: false,
    redelivered: false,
    ...(time === undefined ? {} : { storedAt: time }),
    acknowledge: keep,
  }
}

/** History is not a queue: to acknowledge changes nothing. */
async function keep(): Promise<void> {}
