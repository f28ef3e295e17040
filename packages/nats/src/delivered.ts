// SPDX-License-Identifier: Apache-2.0
/**
 * What JetStream says of a message that it delivers: it stands in the subject to which the message is
 * acknowledged, `$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<deliveries>.<sequence>.
 * <number>.<nanoseconds>.<pending>[.<random>]`.
 *
 * @module
 */

import type { Msg } from '@nats-io/transport-node'

export interface Delivered {
  /** How often it was delivered, this time included. */
  readonly count: number
  /** Its place in the stream. */
  readonly sequence: number
  /** Its place among all that the consumer delivered. */
  readonly number: number
  /** When it came to the stream, in milliseconds since 1970. */
  readonly storedMs: number
  /** How many the consumer has that come after it. */
  readonly pending: number
}

/** Reads it; `undefined` where a message is none of JetStream. */
export function parseDelivered(reply: string): Delivered | undefined {
  const tokens = reply.split('.')
  if (tokens[0] !== '$JS' || tokens[1] !== 'ACK') return undefined
  const start = tokens.length === 9 ? 4 : 6
  const numbers = tokens.slice(start, start + 5).map(Number)
  const [count = NaN, sequence = NaN, number = NaN, stored = NaN, pending = NaN] = numbers
  const storedMs = Math.floor(stored / 1e6)
  const all = [count, sequence, number, storedMs, pending]
  return all.every((each) => Number.isSafeInteger(each))
    ? { count, sequence, number, storedMs, pending }
    : undefined
}

/** The bytes of a message, of the type that everybody expects: the library gives Buffers at times. */
export function payloadOf({ data }: Msg): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.length)
}

/** The part that names stream and consumer, and so is the same each time. */
export function originOf(reply: string): string {
  const tokens = reply.split('.')
  return tokens.slice(0, tokens.length === 9 ? 4 : 6).join('.')
}
