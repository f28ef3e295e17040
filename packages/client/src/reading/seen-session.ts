// SPDX-License-Identifier: Apache-2.0
/**
 * Which counters of one session were verified (`docs/spec/08-receiving.md` Section 8.2), in memory and
 * in the store.
 *
 * In the store stands only what is settled: acknowledged, or refused for good. In memory what is in
 * flight counts as well. The store has a snapshot and, behind it, one small entry for each counter
 * that was settled since, so that to settle is one short write; every 512 entries become a snapshot,
 * which has a thousand digests to read and write. What was reported as missing at its end (Section 8.3)
 * stands beside them, so that it is reported once.
 *
 * @module
 */

import {
  ArrayFields,
  decodeCbor,
  encodeCbor,
  SEEN_DIGEST_BYTES,
  SeenRanges,
  WaxwingError,
  type Change,
  type CounterRange,
  type Store,
  type StoreEntry,
} from '@waxwing/core'
import type { Generation } from '../generation.js'
import type { Message, UnprotectedMessage } from '../message.js'
import type { ParkedPlace } from './parked-record.js'

const SEEN_TABLE = 'seen'
/** Entries behind a snapshot before they become a new one. */
export const COMPACT_AFTER = 512
/** Settled counters may have more holes than all verified ones: those that are in flight. */
const MAX_FOLDED_RANGES = 65_536

export class SeenSession {
  readonly generationId: string
  /** In hex. */
  readonly id: string
  /** All verified counters. */
  ranges: SeenRanges = new SeenRanges()
  readonly inFlight: Map<number, InFlight> = new Map()
  /** The end of the session as later ones told it, if it was reported missing. */
  missingTail: CounterRange | undefined
  /** Whether the trail of one of its objects was read since it is in memory. */
  isTrailRead = false
  /** Who keeps it in memory, besides what is in flight. */
  pins = 0
  readonly #store: Store
  readonly #prefix: string
  #isStale = true
  #loading: Promise<void> | undefined
  #settledWhileLoading: InFlight[] = []
  /** Holes that were there when it was loaded: of what was in flight then, perhaps. */
  #oldHoles: readonly CounterRange[] = []
  #entryCount = 0
  #compacting: Promise<void> | undefined

  constructor(store: Store, readerKey: string, names: { generationId: string; id: string }) {
    this.#store = store
    this.generationId = names.generationId
    this.id = names.id
    this.#prefix = `${readerKey}/${names.generationId}/${names.id}/`
  }

  /** Takes what is in flight out of it: nobody acknowledges it. */
  abandon(entry: InFlight): void {
    if (this.inFlight.get(entry.counter) === entry) this.inFlight.delete(entry.counter)
  }

  /** Whether it can be forgotten without losing anything. */
  get isIdle(): boolean {
    return this.inFlight.size === 0 && this.pins === 0 && this.#compacting === undefined
  }

  /** Whether `ranges` has all that the store has. */
  get isCurrent(): boolean {
    return !this.#isStale && this.#loading === undefined
  }

  /** Notes that the store may have changed. */
  invalidate(): void {
    this.#isStale = true
  }

  /** Reads from the store what is settled. */
  load(): Promise<void> {
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined
    })
    return this.#loading
  }

  /** The change that records a counter as settled, refused where that was done already. */
  settlingChange({ counter, digest }: InFlight): Change {
    return { table: SEEN_TABLE, key: this.#entryKey(counter), value: digest, expect: null }
  }

  /** What is missing at its end, where that is known, and was not reported before. */
  missingUpTo(lastCounter: number): CounterRange | undefined {
    const { highest = -1 } = this.ranges
    const first = Math.max(highest, this.missingTail?.last ?? -1) + 1
    return first <= lastCounter ? { first, last: lastCounter } : undefined
  }

  /** Notes what is being reported as missing at its end. Returns the change that records it. */
  noteMissing({ first, last }: CounterRange): Change {
    const tail = { first: Math.min(first, this.missingTail?.first ?? first), last }
    this.missingTail = tail
    const value = encodeCbor([tail.first, tail.last])
    return { table: SEEN_TABLE, key: this.#tailKey, value }
  }

  /** Notes that a counter's record is durable. */
  settled(entry: InFlight): void {
    this.abandon(entry)
    if (!entry.isRecorded) return
    if (this.#loading !== undefined) this.#settledWhileLoading.push(entry)
    this.#entryCount++
  }

  /** Whether the entries have become so many that `compact` is due. */
  get isCompactionDue(): boolean {
    return this.#entryCount >= COMPACT_AFTER && this.#compacting === undefined
  }

  /** Makes one snapshot of the snapshot and its entries, in one write. */
  compact(): Promise<void> {
    this.#compacting ??= this.#compact().finally(() => {
      this.#compacting = undefined
    })
    return this.#compacting
  }

  /** Whether a counter lies in a hole that was there already when the session was loaded. */
  isInOldHole(counter: number): boolean {
    return this.#oldHoles.some(({ first, last }) => first <= counter && counter <= last)
  }

  async #load(): Promise<void> {
    this.#isStale = false // a change from here on makes it so again
    try {
      const entries = await this.#store.scan(SEEN_TABLE, { prefix: this.#prefix })
      const { folded, count } = this.#fold(entries)
      this.ranges = SeenRanges.restore(folded.serialize())
      this.#entryCount = count
      this.missingTail ??= this.#tailIn(entries)
    } catch (error) {
      this.#isStale = true
      throw error
    }
    this.#oldHoles = this.ranges.gaps()
    const settled = this.#settledWhileLoading.splice(0)
    for (const entry of [...settled, ...this.inFlight.values()]) {
      if (entry.isRecorded) this.ranges.add(entry.counter, entry.digest)
    }
  }

  async #compact(): Promise<void> {
    const entries = await this.#store.scan(SEEN_TABLE, { prefix: this.#prefix })
    const { folded, snapshot, count } = this.#fold(entries)
    const key = this.#snapshotKey
    const changes: Change[] = [
      { table: SEEN_TABLE, key, value: folded.serialize(), expect: snapshot ?? null },
    ]
    for (const entry of entries) {
      if (entry.key === key || entry.key === this.#tailKey) continue
      changes.push({ table: SEEN_TABLE, key: entry.key, value: null })
    }
    await this.#store.write(changes) // refused if another process has just done it
    this.#entryCount -= count
  }

  #fold(entries: readonly StoreEntry[]): {
    folded: SeenRanges
    snapshot: Uint8Array | undefined
    count: number
  } {
    const snapshot = entries.find(({ key }) => key === this.#snapshotKey)?.value
    const folded = restoreSnapshot(snapshot)
    let count = 0
    for (const { key, value } of entries) {
      if (key === this.#snapshotKey || key === this.#tailKey) continue
      const counter = Number.parseInt(key.slice(-10), 16)
      if (key !== this.#entryKey(counter) || value.length !== SEEN_DIGEST_BYTES) throw corrupt()
      folded.add(counter, value)
      count++
    }
    return { folded, snapshot, count }
  }

  #tailIn(entries: readonly StoreEntry[]): CounterRange | undefined {
    const value = entries.find(({ key }) => key === this.#tailKey)?.value
    return value && decodeTail(value)
  }

  get #snapshotKey(): string {
    return `${this.#prefix}s`
  }

  get #tailKey(): string {
    return `${this.#prefix}t`
  }

  #entryKey(counter: number): string {
    return `${this.#prefix}c/${counter.toString(16).padStart(10, '0')}`
  }
}

function restoreSnapshot(snapshot: Uint8Array | undefined): SeenRanges {
  const options = { maxRanges: MAX_FOLDED_RANGES }
  if (snapshot === undefined) return new SeenRanges(options)
  try {
    return SeenRanges.restore(snapshot, options)
  } catch (cause) {
    throw corrupt(cause)
  }
}

function decodeTail(value: Uint8Array): CounterRange {
  try {
    const list = new ArrayFields('missing end', decodeCbor(value, 'missing end'))
    const range = { first: list.uint(0, 'first'), last: list.uint(1, 'last') }
    list.end()
    return range
  } catch (cause) {
    throw corrupt(cause)
  }
}

function corrupt(cause?: unknown): WaxwingError {
  const message = 'a record of seen counters cannot be read'
  return new WaxwingError('ERR_STORE_CORRUPT', message, { field: SEEN_TABLE }, { cause })
}

export type InFlightState =
  /** Held back for order, or waiting in the queue: it can still be withdrawn. */
  | 'waiting'
  /** The application has it. */
  | 'handed-over'
  /** It is not for the application: it is only recorded. */
  | 'unheard'

/**
 * An object that was verified and is not yet settled: handed over, about to be, or being recorded.
 * While it is in flight, other copies of it join it instead of being delivered a second time.
 */
export class InFlight {
  readonly session: SeenSession | undefined
  readonly generation: Generation | undefined
  readonly counter: number
  readonly digest: Uint8Array
  /** `false` where nobody can tell any more whether the counter came before. */
  readonly isRecorded: boolean
  state: InFlightState = 'waiting'
  /** There while the state is `waiting`. */
  message: Message | UnprotectedMessage | undefined
  /** Whether settling it lets one more message be handed over. */
  holdsPermit = false
  /** What tells the transport; one for each copy that came. */
  readonly acknowledgements: (() => Promise<void>)[] = []
  /** Where copies of it are parked. */
  readonly parkedAt: ParkedPlace[] = []
  /** Set while and after it is recorded as seen. */
  settling: Promise<void> | undefined

  constructor(inputs: {
    session: SeenSession | undefined
    generation: Generation | undefined
    counter: number
    digest: Uint8Array
    isRecorded: boolean
  }) {
    this.session = inputs.session
    this.generation = inputs.generation
    this.counter = inputs.counter
    this.digest = inputs.digest
    this.isRecorded = inputs.isRecorded
  }
}
