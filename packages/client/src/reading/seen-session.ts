// SPDX-License-Identifier: Apache-2.0
/**
 * Which counters of one session were verified (`docs/spec/08-receiving.md` Section 8.2). In memory what
 * is in flight counts as well; in the store stands only what is settled.
 *
 * @module
 */

import { SeenRanges, type Change, type CounterRange, type Store } from '@waxwing/core'
import type { Generation } from '../generation.js'
import type { Message, UnprotectedMessage } from '../message.js'
import type { Arrival, Tell } from './arrival.js'
import type { ParkedPlace } from './parked-record.js'
import { SeenRecord } from './seen-record.js'
import type { OpenedPiece } from './transfers/joining.js'

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
  readonly #record: SeenRecord
  #isStale = true
  #loading: Promise<void> | undefined
  /** Holes that were there when it was loaded: of what was in flight then, perhaps. */
  #oldHoles: readonly CounterRange[] = []
  #compacting: Promise<void> | undefined

  constructor(store: Store, readerKey: string, names: { generationId: string; id: string }) {
    this.generationId = names.generationId
    this.id = names.id
    this.#record = new SeenRecord(store, `${readerKey}/${names.generationId}/${names.id}/`)
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

  /** Reads the store again if another process settled a counter meanwhile. */
  async refresh(counter: number): Promise<void> {
    if (await this.#record.isBehind(counter)) this.invalidate()
    while (!this.isCurrent) await this.load()
  }

  /** The change that records a counter as settled, refused where that was done already. */
  settlingChange({ counter, digest }: InFlight): Change {
    return this.#record.settlingChange(counter, digest)
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
    return this.#record.tailChange(tail)
  }

  /** Notes that a counter's record is durable. */
  settled(entry: InFlight): void {
    this.abandon(entry)
    if (entry.isRecorded) this.#record.settled(entry.counter, entry.digest)
  }

  /** Whether the entries have become so many that `compact` is due. */
  get isCompactionDue(): boolean {
    return this.#record.isCompactionDue && this.#compacting === undefined
  }

  /** Makes one snapshot of the snapshot and its entries, in one write. */
  compact(): Promise<void> {
    this.#compacting ??= this.#record.compact().finally(() => {
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
      await this.#record.read()
    } catch (error) {
      this.#isStale = true
      throw error
    }
    this.ranges = this.#record.ranges()
    this.missingTail ??= this.#record.tail
    this.#oldHoles = this.ranges.gaps()
    for (const entry of this.inFlight.values()) {
      if (entry.isRecorded) this.ranges.add(entry.counter, entry.digest)
    }
  }
}

/** A piece on its way into the store. */
export interface PieceInHand extends OpenedPiece {
  readonly arrival: Arrival
  /** The counter to wait for, where order is wanted. */
  readonly expected: number
}

/** What acknowledging a payload in pieces does instead of recording one counter. */
export interface WholePayload {
  /** The pieces go, and that they were there stays. */
  endingChanges(): readonly Change[]
  ended(): void
  /**
   * There if several processes may have put it together. Tells, when it is about to be handed over, whether none
   * of the others has ended it; else lets go of it.
   */
  isStillWanted?: () => Promise<boolean>
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
  readonly acknowledgements: Tell[] = []
  /** Where copies of it are parked. */
  readonly parkedAt: ParkedPlace[] = []
  /** There if it is a piece of a payload that is put together. */
  piece: PieceInHand | undefined
  /** There if it is a payload that was put together. */
  whole: WholePayload | undefined
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
