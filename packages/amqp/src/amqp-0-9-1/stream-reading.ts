// SPDX-License-Identifier: Apache-2.0
/**
 * RabbitMQ streams, read from somewhere to what was their end when the reading began.
 *
 * Nothing in AMQP 0-9-1 says surely where a stream ends: the count of its messages is minutes old, and
 * the offset `last` tells where the last chunk begins. So a reader leaves a mark of its own at the end
 * and reads up to it: everything that was confirmed before stands before it. Marks hold no body.
 *
 * @module
 */

import { randomUUID } from 'node:crypto'
import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib'
import { transportError } from '@waxwing/transport-kit'
import {
  boundBodies,
  closeChannel,
  lengthLeftOut,
  openChannel,
  openConfirmChannel,
} from './channels.js'
import { END_HEADER, headerOf } from './properties.js'

/** A time, as AMQP 0-9-1 has it. */
export interface StreamTime {
  readonly '!': 'timestamp'
  /** Seconds since 1970. */
  readonly value: number
}

/** Where to begin; from an offset behind the end nothing ever comes. */
export type StreamStart = 'first' | 'next' | number | StreamTime

export interface StreamEntry {
  readonly offset: number
  readonly message: ConsumeMessage
  /** The body was above the limit, and is left out. */
  readonly isTooLong: boolean
}

export interface StreamSpan {
  readonly stream: string
  readonly start: StreamStart
  /** The mark at which to stop, of {@link markEnd}. */
  readonly mark: string
  /** Stop before this offset. */
  readonly before?: number
  readonly maxBytes: number
}

/** Entries that the broker sends ahead. */
const AHEAD = 128
/** Entries that are settled together. */
const SETTLED_TOGETHER = 32

/** Leaves a mark at the end of a stream. @throws If the stream is not there, or may not be written to. */
export async function markEnd(model: ChannelModel, stream: string): Promise<string> {
  const mark = randomUUID()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const channel = await openConfirmChannel(model, (why) => {
    reject(why ?? transportError(`the connection broke before the end of ${stream} was marked`))
  })
  channel.on('return', () => reject(transportError(`there is no stream ${stream}`)))
  const options = { mandatory: true, headers: { [END_HEADER]: mark } }
  try {
    channel.sendToQueue(stream, Buffer.alloc(0), options, (error: unknown) => {
      if (error === null) resolve()
      else reject(transportError(`the end of ${stream} cannot be marked`, error))
    })
    await promise
  } finally {
    await closeChannel(channel)
  }
  return mark
}

/**
 * Yields the entries of a span, oldest first. A consumer that is slow is waited for; one that ends early
 * leaves nothing behind.
 *
 * @throws If the connection breaks, or the broker refuses.
 */
export async function* readStream(
  model: ChannelModel,
  span: StreamSpan,
): AsyncGenerator<StreamEntry, void, undefined> {
  const arrivals = new Arrivals()
  const channel = await openChannel(model, (why) => arrivals.end(why))
  try {
    await consumeFrom(channel, span, AHEAD, arrivals)
    for (let count = 1; ; count++) {
      const entry = await arrivals.next()
      const mark = headerOf(entry.message.properties, END_HEADER)
      if (mark === span.mark || entry.offset >= (span.before ?? Infinity)) return
      if (mark === undefined) yield entry
      // All before it are settled as well: they were yielded before it.
      if (count % SETTLED_TOGETHER === 0) channel.ack(entry.message, true)
    }
  } finally {
    await closeChannel(channel)
  }
}

/** The offset of the first entry from there on; one has to come, such as a mark left afterwards. */
export async function firstOffset(
  model: ChannelModel,
  span: Omit<StreamSpan, 'mark'>,
  whenConsuming: () => Promise<void>,
): Promise<number> {
  const arrivals = new Arrivals()
  const channel = await openChannel(model, (why) => arrivals.end(why))
  try {
    await consumeFrom(channel, span, 1, arrivals)
    await whenConsuming()
    return (await arrivals.next()).offset
  } finally {
    await closeChannel(channel)
  }
}

async function consumeFrom(
  channel: Channel,
  { stream, start, maxBytes }: Omit<StreamSpan, 'mark'>,
  ahead: number,
  arrivals: Arrivals,
): Promise<void> {
  boundBodies(channel, maxBytes)
  await channel.prefetch(ahead)
  const take = (message: ConsumeMessage | null): void => {
    if (message === null) arrivals.end(transportError(`the stream ${stream} was deleted`))
    else arrivals.add(entryOf(message, lengthLeftOut(channel) !== undefined))
  }
  await channel.consume(stream, take, { arguments: { 'x-stream-offset': start } })
}

function entryOf(message: ConsumeMessage, isTooLong: boolean): StreamEntry {
  const offset: unknown = message.properties.headers?.['x-stream-offset']
  return { offset: typeof offset === 'number' ? offset : 0, message, isTooLong }
}

/** What came and was not taken yet: no more than the broker sends ahead. */
class Arrivals {
  #entries: StreamEntry[] = []
  #taken = 0
  #wake: (() => void) | undefined
  #why: Error | undefined

  add(entry: StreamEntry): void {
    this.#entries.push(entry)
    this.#wake?.()
  }

  end(why: unknown): void {
    this.#why ??= why instanceof Error ? why : transportError('the connection broke')
    this.#wake?.()
  }

  async next(): Promise<StreamEntry> {
    for (;;) {
      const entry = this.#entries[this.#taken]
      if (entry !== undefined) {
        this.#taken++
        return entry
      }
      this.#entries = []
      this.#taken = 0
      if (this.#why !== undefined) throw this.#why
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}
