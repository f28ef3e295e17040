// SPDX-License-Identifier: Apache-2.0
/**
 * Reading what an intermediary still has (`docs/spec/08-receiving.md` Section 8.6): in one pass, in its
 * order, with the missing keys asked for ahead and waited for, and with what is missing told.
 *
 * Nothing is parked and nothing recorded. What waits for its turn is bounded, so memory does not grow
 * with the history.
 *
 * @module
 */

import { isControlAddress, WaxwingError, type Received } from '@waxwing/core'
import { unlessAborted } from '../../abortable.js'
import type { Message } from '../../message.js'
import { FAR, lookAhead } from '../lookahead.js'
import { Coverage, type Completeness, type HistoryGap } from './coverage.js'
import { HistoryKeys, type HistoryKeysInputs } from './history-keys.js'
import { ProgressReport, type HistoryProgress } from './history-progress.js'
import {
  assertWantedTime,
  KeptObjects,
  type ArchiveSkip,
  type KeptObjectsInputs,
  type Read,
  type WantedTime,
} from './kept-objects.js'

export interface HistoryOptions extends WantedTime {
  /**
   * How long missing keys are waited for, in milliseconds, since they were asked for or since the last
   * grant or denial; without an answer twice that in all. Default 30,000; 0: not at all. `Infinity` waits
   * for a person. A reader that does not ask by itself does not wait.
   */
  readonly waitMs?: number
  /** Told now and then how far it is, and when it begins to wait. */
  readonly onProgress?: (progress: HistoryProgress) => void
  /** Ends the reading: the iteration throws its reason. */
  readonly signal?: AbortSignal
}

/** The last thing that a history gives. */
export interface HistoryEnd {
  readonly kind: 'end'
  readonly messages: number
  readonly skips: Readonly<Partial<Record<ArchiveSkip['reason'], number>>>
  readonly gaps: number
  /** Sessions of which nothing is there, and nothing known but that there were so many. */
  readonly missingSessions: number
  /** Objects without a key that cannot be of the wanted time, and were not asked for. */
  readonly outside: number
  readonly completeness: Completeness
  /** What the intermediary keeps: everything for a while, or the newest of each address. */
  readonly kept: 'all' | 'newest'
}

export type HistoryItem = Message | ArchiveSkip | HistoryGap | HistoryEnd

export interface HistoryInputs extends KeptObjectsInputs, HistoryKeysInputs {
  readonly kept: 'all' | 'newest'
  /** Aborted when the reader is closed. */
  readonly closed: AbortSignal
}

/** One that has still to have its turn. */
interface Replayed extends Read {
  readonly storedAt: Date | undefined
}

const DEFAULT_WAIT_MS = 30_000

export class HistoryReading {
  readonly #inputs: HistoryInputs
  readonly #signal: AbortSignal
  readonly #coverage: Coverage
  readonly #objects: KeptObjects
  readonly #keys: HistoryKeys
  readonly #progress: ProgressReport
  #outside = 0
  /** Whether something had no key that may belong to what is wanted. */
  #isUnopened = false

  /** @throws {RangeError} If `waitMs` is negative or no number, or a wanted time is none. */
  constructor(inputs: HistoryInputs, options: HistoryOptions) {
    const { waitMs = DEFAULT_WAIT_MS, signal, onProgress } = options
    if (!(waitMs >= 0)) throw new RangeError(`waitMs must be 0 or more, got ${waitMs}`)
    assertWantedTime(options)
    this.#inputs = inputs
    this.#signal = signal === undefined ? inputs.closed : AbortSignal.any([signal, inputs.closed])
    this.#coverage = new Coverage(options.from === undefined)
    const { sessions } = this.#coverage
    this.#objects = new KeptObjects(inputs, options, sessions, (one) => this.#coverage.note(one))
    this.#keys = new HistoryKeys(inputs, options, waitMs)
    this.#progress = new ProgressReport(onProgress, options, inputs.runtime.time.now())
  }

  /** @throws {unknown} What the transport throws, and the reason of the signal. */
  async *read(source: AsyncIterable<Received>): AsyncGenerator<HistoryItem, void> {
    try {
      for await (const read of lookAhead(this.#received(source), FAR)) {
        this.#signal.throwIfAborted() // some were read ahead
        this.#progress.replayed(read.storedAt)
        const result = await this.#take(read)
        yield* this.#coverage.takeGaps()
        yield* this.#handing(result === undefined ? [] : [result])
        yield* this.#handing(this.#objects.takeSkips())
      }
      this.#objects.finish()
      yield* this.#handing(this.#objects.takeSkips())
      this.#coverage.finish()
      yield* this.#coverage.takeGaps()
      this.#progress.tell()
      yield this.#end()
    } finally {
      this.#keys.close()
    }
  }

  *#handing(results: readonly (Message | ArchiveSkip)[]): Generator<Message | ArchiveSkip, void> {
    for (const result of results) {
      this.#progress.handing(result)
      yield result
    }
  }

  async *#received(source: AsyncIterable<Received>): AsyncGenerator<Replayed, void> {
    const iterator = source[Symbol.asyncIterator]()
    let offset = 0
    try {
      for (;;) {
        const next = await unlessAborted(iterator.next(), this.#signal)
        if (next.done === true) return
        const { payload, address, properties, storedAt } = next.value
        if (isControlAddress(address)) continue
        const read = this.#objects.decode(payload, offset++, { address, properties })
        if (!(read.arrival instanceof WaxwingError)) this.#keys.notice(read.arrival, storedAt)
        yield { ...read, storedAt }
      }
    } finally {
      // What does not come back when it is aborted must not hold up who aborted it.
      const ended = iterator.return?.()
      if (this.#signal.aborted) ended?.catch(() => undefined)
      else await ended
    }
  }

  async #take(read: Replayed): Promise<Message | ArchiveSkip | undefined> {
    const { arrival, offset, storedAt } = read
    if (arrival instanceof WaxwingError) {
      return { kind: 'skip', offset, reason: 'malformed', code: arrival.code }
    }
    let found = this.#objects.open(arrival)
    if (found.kind === 'no-key') {
      const tell = (): void => this.#progress.tell(arrival.kid)
      this.#keys.notice(arrival, storedAt) // the grant may have said how long an epoch is
      const isThere = await this.#keys.wait(arrival, this.#signal, tell)
      if (isThere) found = this.#objects.open(arrival)
      else if (this.#keys.isOutside(arrival, storedAt)) {
        this.#outside++
        return undefined
      } else this.#isUnopened = true
    }
    return await this.#objects.judge(arrival, offset, found)
  }

  #end(): HistoryEnd {
    const { kept } = this.#inputs
    const { gapCount, missingSessionCount, completeness } = this.#coverage
    const isDoubtful = this.#isUnopened || kept === 'newest'
    return {
      kind: 'end',
      messages: this.#progress.opened,
      skips: this.#progress.skips,
      gaps: gapCount,
      missingSessions: missingSessionCount,
      outside: this.#outside,
      completeness: completeness === 'complete' && isDoubtful ? 'unknown' : completeness,
      kept,
    }
  }
}
