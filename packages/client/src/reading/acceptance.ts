// SPDX-License-Identifier: Apache-2.0
/**
 * What the application chose to accept of what is authentic (`docs/spec/08-receiving.md`
 * Section 8.1): topic binding, signatures, freshness.
 *
 * @module
 */

import { epochStartMs, WaxwingError, type OpenedObject } from '@waxwing/core'
import type { ReaderEvent } from '../events.js'
import type { Runtime } from '../runtime.js'
import { streamFactsOf, type Arrival } from './arrival.js'
import type { Reading } from './openings.js'
import type { ReadingOptions } from './reading-options.js'

export interface Refusal {
  readonly event: ReaderEvent
  readonly error: WaxwingError
}

/** When the producer says that it sealed an object, in milliseconds since 1970. */
export function sealedAtMs({ epoch, manifest, metadata }: OpenedObject): number | undefined {
  const { offsetMs } = metadata
  return offsetMs === undefined ? undefined : epochStartMs(epoch, manifest.epochSeconds) + offsetMs
}

/** Whether the address, if there is one, is the stream's name. */
export function addressMatches({ address }: Arrival, stream: string): boolean {
  return address === undefined || address === stream
}

/** What is refused without counting: the real one may still come where it belongs. */
export function refusalOf(
  arrival: Arrival,
  { generation, isWanted }: Reading,
  opened: OpenedObject,
  options: Pick<ReadingOptions, 'topicBinding' | 'acceptUnsigned'>,
): Refusal | undefined {
  const { stream } = generation
  const isMoved = options.topicBinding === 'strict' && !addressMatches(arrival, stream)
  if (isMoved || !isWanted) return moved(arrival, stream)
  if (!opened.signed && !options.acceptUnsigned) {
    return refused(arrival, stream, unsigned())
  }
  return undefined
}

/**
 * Whether an object is older than the reader accepts, or of unknown age: also where the device does
 * not know the time, because then everything that was recorded once would seem fresh.
 */
export function staleness(
  arrival: Arrival,
  opened: OpenedObject,
  maxAgeMs: number,
  { time }: Runtime,
): Refusal | undefined {
  const atMs = sealedAtMs(opened)
  const ageMs = atMs === undefined || !time.known ? undefined : time.now() - atMs
  if (ageMs !== undefined && ageMs <= maxAgeMs) return undefined
  const facts = streamFactsOf(arrival, opened.manifest.streamName)
  const details = { rule: 'maxAgeMs' }
  const error = new WaxwingError('ERR_EXPIRED', 'the message is older than accepted', details)
  return { event: { type: 'stale', ageMs, ...facts }, error }
}

export function refused(arrival: Arrival, stream: string, error: WaxwingError): Refusal {
  const { code } = error
  return { event: { type: 'refused', code, ...streamFactsOf(arrival, stream) }, error }
}

function moved(arrival: Arrival, stream: string): Refusal {
  const message = 'the object does not belong where it arrived'
  const error = new WaxwingError('ERR_NOT_AUTHORIZED', message, { rule: 'topicBinding' })
  return { event: { type: 'moved', ...streamFactsOf(arrival, stream) }, error }
}

function unsigned(): WaxwingError {
  const message = 'the stream is not signed: any reader of it could have written this'
  return new WaxwingError('ERR_SIGNATURE', message, { rule: 'acceptUnsigned' })
}
