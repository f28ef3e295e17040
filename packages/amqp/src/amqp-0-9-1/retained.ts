// SPDX-License-Identifier: Apache-2.0
/**
 * Retained messages, which AMQP does not have: beside the live message a copy goes into a stream, with
 * its address in a header, and a new subscription reads the stream for the newest of each address
 * (`docs/spec/09-bindings.md` Section 9.6.5).
 *
 * Control and data have a stream each, so that no data push out a trust bundle. The stream is read
 * twice: first for where the newest are, then for these, so that memory is bounded by addresses.
 *
 * @module
 */

import type { ChannelModel } from 'amqplib'
import { filterMatcher, limitError, unshared, type Parcel } from '@waxwing/transport-kit'
import { isControlAddress } from '@waxwing/core'
import { ADDRESS_HEADER, headerOf, propertiesOf } from './properties.js'
import type { Resolved091 } from './options.js'
import { markEnd, readStream, type StreamEntry, type StreamSpan } from './stream-reading.js'

const MAX_ADDRESSES = 65_536

/** The stream that keeps what is retained at an address, or is asked for by a filter. */
export function retainedStreamOf(
  addressOrFilter: string,
  { retainedStream }: Pick<Resolved091, 'retainedStream'>,
): string | undefined {
  if (retainedStream === undefined) return undefined
  const isControl = isControlAddress(unshared(addressOrFilter))
  return isControl ? retainedStream.name : `${retainedStream.name}.data`
}

/** What a retained reading needs. */
export interface RetainedReading {
  readonly model: ChannelModel
  readonly stream: string
  readonly filter: string
  readonly maxPayloadBytes: number
  readonly report: (error: unknown) => void
}

/**
 * Yields the newest retained message of each address that matches, oldest first. An empty one says that
 * nothing is retained there any more.
 */
export async function* readRetained(reading: RetainedReading): AsyncGenerator<Parcel, void> {
  const { model, stream, maxPayloadBytes: maxBytes } = reading
  const span: StreamSpan = { stream, start: 'first', mark: await markEnd(model, stream), maxBytes }
  const newest = await newestOffsets(readStream(model, span), reading)
  const wanted = new Set(newest.values())
  if (wanted.size === 0) return
  const [start, last] = extremes(wanted)
  for await (const entry of readStream(model, { ...span, start, before: last + 1 })) {
    if (wanted.has(entry.offset)) yield parcelOf(entry)
    if (entry.offset >= last) return
  }
}

async function newestOffsets(
  entries: AsyncIterable<StreamEntry>,
  { filter, report, stream }: RetainedReading,
): Promise<ReadonlyMap<string, number>> {
  const matches = filterMatcher(filter)
  const newest = new Map<string, number>()
  let isFull = false
  for await (const { offset, message, isTooLong } of entries) {
    const address = headerOf(message.properties, ADDRESS_HEADER)
    if (address === undefined || !matches(address)) continue
    newest.delete(address)
    if (isTooLong) report(limitError(`a message in ${stream} is left out`, 'maxPayloadBytes'))
    else if (newest.size >= MAX_ADDRESSES) isFull = true
    else if (message.content.length > 0) newest.set(address, offset)
  }
  if (isFull) report(limitError(`${stream} has more addresses than are read`, 'retainedAddresses'))
  return newest
}

function extremes(offsets: ReadonlySet<number>): [least: number, most: number] {
  let [least, most] = [Infinity, 0]
  for (const offset of offsets) {
    if (offset < least) least = offset
    if (offset > most) most = offset
  }
  return [least, most]
}

function parcelOf({ message }: StreamEntry): Parcel {
  const { [ADDRESS_HEADER]: address = '', ...properties } = propertiesOf(message.properties)
  return {
    address,
    payload: new Uint8Array(message.content),
    properties: withoutOffset(properties),
    retained: true,
    redelivered: false,
  }
}

/** Where it stands in the stream is no property that anybody sent. */
export function withoutOffset(
  properties: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const { 'x-stream-offset': _offset, ...rest } = properties
  return rest
}
