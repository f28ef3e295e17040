// SPDX-License-Identifier: Apache-2.0
/**
 * What an object is, in the order of `docs/spec/08-receiving.md` Sections 8.1 and 8.2: opened with the
 * keys that are held, accepted as the application chose, and new.
 *
 * Everything that is refused is reported here. What becomes of the object then, with the transport
 * and in the store, is the matter of who asked. Synchronous wherever the session is in memory.
 *
 * @module
 */

import {
  equalBytes,
  notAuthentic,
  objectDigest,
  toBase64Url,
  WaxwingError,
  type OpenedObject,
  type SeenChange,
} from '@waxwing/core'
import type { Generation } from '../generation.js'
import type { GenerationBook } from '../generation-book.js'
import type { Runtime } from '../runtime.js'
import { refusalOf, refused, staleness, type Refusal } from './acceptance.js'
import { factsOf, streamFactsOf, type Arrival } from './arrival.js'
import { reportChangedProperties } from './changed-properties.js'
import { reportGaps } from './gap-report.js'
import { InFlight, type SeenSession } from './seen-session.js'
import { messageOf } from './message-of.js'
import type { Openings, Reading } from './openings.js'
import type { ReaderEvents } from './reader-events.js'
import type { ReadingOptions } from './reading-options.js'
import type { RetainedAlone } from './retained-alone.js'
import type { SeenBook } from './seen-book.js'
import type { TrailCheck } from './trail-check.js'

export type Examined =
  /** New, and for the application. */
  | { readonly kind: 'message'; readonly entry: InFlight; readonly expected: number }
  /** New, and only to be recorded. */
  | {
      readonly kind: 'unheard'
      readonly entry: InFlight
      readonly expected: number
      readonly error: WaxwingError
    }
  /** New, and a piece of a payload that is put together. */
  | { readonly kind: 'piece'; readonly entry: InFlight; readonly expected: number }
  /** A copy of what is in flight. */
  | { readonly kind: 'copy'; readonly entry: InFlight }
  /** Refused for good, and reported. */
  | { readonly kind: 'refused'; readonly error: WaxwingError }
  /** To be parked. The generation is known where its manifest is. */
  | { readonly kind: 'no-key'; readonly generation: Generation | undefined }
  /** To be parked: only provisional nodes are held. */
  | { readonly kind: 'failed'; readonly generation: Generation }

/** To be parked. */
export type Unopened = Extract<Examined, { kind: 'no-key' | 'failed' }>
/** Neither handed over nor parked. */
export type Settled = Extract<Examined, { kind: 'unheard' | 'piece' | 'copy' | 'refused' }>

export interface ExaminerInputs {
  readonly runtime: Runtime
  readonly book: GenerationBook
  readonly openings: Openings
  readonly seen: SeenBook
  readonly trails: TrailCheck
  readonly events: ReaderEvents
  readonly retainedAlone: RetainedAlone
  readonly options: ReadingOptions
  settle(entry: InFlight, rejectedFor?: string): Promise<void>
}

/** Objects at the start of a session before which others may be on their way. */
const SESSION_START = 16

export class Examiner {
  readonly #inputs: ExaminerInputs
  readonly #pairs = new Set<string>()

  constructor(inputs: ExaminerInputs) {
    this.#inputs = inputs
  }

  /** @throws {WaxwingError} What the store refuses, as a rejection. */
  examine(arrival: Arrival): Examined | Promise<Examined> {
    const { openings, seen, options } = this.#inputs
    const found = openings.open(arrival.object, arrival.kid)
    switch (found.kind) {
      case 'no-key':
        return { kind: 'no-key', generation: found.generation }
      case 'failed':
        if (found.provisional) return { kind: 'failed', generation: found.generation }
        this.#inputs.events.emit({ type: 'not-authentic', ...factsOf(arrival) })
        return { kind: 'refused', error: notAuthentic() }
      case 'refused':
        return this.#refuse(refused(arrival, found.generation.stream, found.error))
      case 'opened': {
        const { reading, opened } = found
        const refusal = refusalOf(arrival, reading, opened, options)
        if (refusal !== undefined) return this.#refuse(refusal)
        const { id } = reading.generation
        // Where others settle messages of the same session, what is in memory may be too old.
        const session = options.isShared ? undefined : seen.cached(id, opened.session)
        if (session === undefined) return this.#load(arrival, reading, opened)
        if (this.#isTold(opened, session)) return this.#judge(arrival, reading, opened, session)
        return this.#readTrail(arrival, reading, opened)
      }
    }
  }

  async #load(arrival: Arrival, reading: Reading, opened: OpenedObject): Promise<Examined> {
    const { id } = reading.generation
    const { seen, options } = this.#inputs
    const judge = (session: SeenSession): Examined | undefined =>
      this.#isTold(opened, session) ? this.#judge(arrival, reading, opened, session) : undefined
    const counter = options.isShared ? opened.counter : undefined
    const examined = await seen.load(id, opened.session, judge, counter)
    return examined ?? this.#readTrail(arrival, reading, opened)
  }

  /** Whether nothing is to be learnt from the object about the sessions before its own. */
  #isTold({ counter, metadata }: OpenedObject, { ranges, isTrailRead }: SeenSession): boolean {
    if (isTrailRead || this.#inputs.options.isShared) return true
    // Where the first ones have no trail, as a will has none, none is to come.
    return metadata.trail === undefined && (counter < SESSION_START || ranges.count > 0)
  }

  /**
   * Looks at what an object says of earlier sessions, and judges it then: waiting bounds how much is
   * looked at. What fails here keeps no message back.
   */
  async #readTrail(arrival: Arrival, reading: Reading, opened: OpenedObject): Promise<Examined> {
    const { seen, trails, runtime } = this.#inputs
    const { id: generationId, stream } = reading.generation
    let isTrailRead = false
    try {
      await trails.check({ arrival, opened, generationId, stream })
      isTrailRead = opened.metadata.trail !== undefined
    } catch (error) {
      runtime.report(error)
    }
    return seen.load(generationId, opened.session, (session) => {
      session.isTrailRead ||= isTrailRead
      return this.#judge(arrival, reading, opened, session)
    })
  }

  #judge(arrival: Arrival, reading: Reading, opened: OpenedObject, session: SeenSession): Examined {
    const { runtime, options } = this.#inputs
    const { counter } = opened
    const { stream } = reading.generation
    const digest = objectDigest(runtime.crypto, arrival.object)
    const known = session.inFlight.get(counter)
    if (known !== undefined && equalBytes(known.digest, digest)) {
      return { kind: 'copy', entry: known }
    }
    const { maxAgeMs } = options
    const stale = maxAgeMs === undefined ? undefined : staleness(arrival, opened, maxAgeMs, runtime)
    if (stale !== undefined) this.#inputs.events.emit(stale.event)
    const change = session.ranges.add(counter, digest)
    const isRepetitionTold = stale === undefined || change.verdict === 'conflict'
    const repetition = isRepetitionTold ? this.#repetition(change, arrival, stream) : undefined
    const error = repetition ?? stale?.error
    if (change.verdict === 'new') this.#note(arrival, reading, session, change)
    else if (error !== undefined) return { kind: 'refused', error }
    return this.#accept({ arrival, reading, opened, session, change, digest, error })
  }

  /** Reports what is not new. Returns why it is refused, if it is. */
  #repetition(change: SeenChange, arrival: Arrival, stream: string): WaxwingError | undefined {
    const { events, options } = this.#inputs
    if (change.verdict === 'new') return undefined
    const facts = streamFactsOf(arrival, stream)
    switch (change.verdict) {
      case 'duplicate':
        if (!arrival.retained) events.emit({ type: 'duplicate', ...facts })
        return new WaxwingError('ERR_REPLAYED', 'this object was accepted before')
      case 'conflict':
        events.emit({ type: 'conflict', object: arrival.object.bytes.slice(), ...facts })
        return new WaxwingError('ERR_CONFLICT', 'another object stands at this position')
      case 'unverifiable': {
        if (options.unverifiable === 'deliver') return undefined
        const error = new WaxwingError('ERR_REPLAYED', 'nobody can tell whether this came before')
        return this.#refuse(refused(arrival, stream, error)).error
      }
    }
  }

  /** What a newly verified object says of others. */
  #note(arrival: Arrival, reading: Reading, session: SeenSession, change: SeenChange): void {
    const { events, options, retainedAlone } = this.#inputs
    const { id, stream } = reading.generation
    if (!reading.areWritersChecked) this.#checkWriters(reading)
    if (options.isShared) return
    if (change.opened !== undefined || change.filled !== undefined || session.missingTail) {
      reportGaps(events, session, change, { arrival, stream, mark: retainedAlone.markOf(id) })
    }
    if (!arrival.retained) retainedAlone.ended(id)
  }

  #accept(parts: {
    arrival: Arrival
    reading: Reading
    opened: OpenedObject
    session: SeenSession
    change: SeenChange
    digest: Uint8Array
    error: WaxwingError | undefined
  }): Examined {
    const { arrival, reading, opened, session, change, digest, error } = parts
    const { counter } = opened
    const isRecorded = change.verdict === 'new'
    const { generation } = reading
    const entry = new InFlight({ session, generation, counter, digest, isRecorded })
    session.inFlight.set(counter, entry)
    const expected = expectedFrom(session, change, arrival)
    if (error !== undefined || opened.metadata.heartbeat === true) {
      entry.state = 'unheard'
      return { kind: 'unheard', entry, expected, error: error ?? heartbeat() }
    }
    reportChangedProperties(this.#inputs.events, arrival, generation.stream)
    const message = messageOf({
      arrival,
      reading,
      opened,
      session: session.id,
      replay: isRecorded ? 'checked' : 'unverifiable',
      acknowledge: (rejectedFor) => this.#inputs.settle(entry, rejectedFor),
    })
    const { piece } = message
    if (piece !== undefined && this.#inputs.options.transfers === 'whole') {
      entry.state = 'unheard'
      entry.piece = { message, piece, producerId: opened.producer.id, arrival, expected }
      return { kind: 'piece', entry, expected }
    }
    entry.message = message
    return { kind: 'message', entry, expected }
  }

  #refuse({ event, error }: Refusal): { readonly kind: 'refused'; readonly error: WaxwingError } {
    this.#inputs.events.emit(event)
    return { kind: 'refused', error }
  }

  /** Two producers that nobody revoked under one name, once for each pair. */
  #checkWriters(reading: Reading): void {
    reading.areWritersChecked = true
    const { stream } = reading.generation
    const producers = this.#inputs.book.writersOf(stream).map(({ id }) => toBase64Url(id))
    let isNew = false
    for (const [i, one] of producers.entries()) {
      for (const other of producers.slice(i + 1)) {
        const pair = `${stream}/${[one, other].toSorted().join('/')}`
        isNew ||= !this.#pairs.has(pair)
        this.#pairs.add(pair)
      }
    }
    if (isNew) this.#inputs.events.emit({ type: 'two-writers', stream, producers })
  }
}

/** The counter to wait for, where this is the first of its session that is put in order. */
function expectedFrom(
  { ranges }: SeenSession,
  { opened }: SeenChange,
  { object, retained }: Arrival,
): number {
  const { counter } = object
  if (opened?.last === counter - 1) return opened.first
  return ranges.count === 1 && counter < SESSION_START && !retained ? 0 : counter
}

function heartbeat(): WaxwingError {
  const message = 'a heartbeat holds nothing for the application'
  return new WaxwingError('ERR_UNSUPPORTED', message, { rule: 'heartbeat' })
}
