// SPDX-License-Identifier: Apache-2.0
/**
 * Asking for the keys that a history lacks, and waiting for them (`docs/spec/08-receiving.md`
 * Section 8.6): one request for a kid, for all epochs of the wanted span, as soon as its first object is
 * seen ahead.
 *
 * Waiting is bounded whatever the history holds: a kid is waited for until `waitMs` after it was asked
 * for, or after the last answer to anything that this reading asked for. Each kid that nobody answers
 * halves that, until an answer comes, so that junk under made-up kids costs twice that once.
 *
 * @module
 */

import { epochAt, epochStartMs, LAST_EPOCH, type DenialCode } from '@waxwing/core'
import { unlessAborted } from '../../abortable.js'
import type { Generation } from '../../generation.js'
import type { GenerationBook } from '../../generation-book.js'
import type { KeyRequests } from '../../key-requests.js'
import type { Runtime } from '../../runtime.js'
import type { Arrival } from '../arrival.js'
import type { Openings } from '../openings.js'
import type { Wanting } from '../wanting.js'
import type { WantedTime } from './kept-objects.js'

export interface HistoryKeysInputs {
  readonly runtime: Runtime
  readonly book: GenerationBook
  readonly requests: KeyRequests
  readonly openings: Openings
  readonly wanting: Wanting
}

/** What is asked for under one kid. */
interface AskedKid {
  readonly first: number
  readonly last: number
  readonly askedAt: number
  /** Only the first answer puts off what is waited for: the same can be said again and again. */
  isAnswered: boolean
  /** `over`: denied for good, or nobody answered. */
  state: 'waiting' | 'over'
}

/** Kids of which it is remembered that they were asked for. */
const MAX_KIDS = 4096
/** How far the clocks of producers and intermediaries may differ, and how long a message may travel. */
export const MARGIN_MS = 3_600_000
/** Denials after which nothing is to be expected soon. */
const FINAL: ReadonlySet<DenialCode> = new Set(['not-authorized', 'out-of-span'])

export class HistoryKeys {
  readonly #inputs: HistoryKeysInputs
  readonly #span: WantedTime
  readonly #waitMs: number
  readonly #kids = new Map<string, AskedKid>()
  readonly #undo: readonly (() => void)[]
  /** Kids in a row that nobody answered. */
  #unanswered = 0
  #answeredAt = -Infinity
  #wake: () => void = () => undefined

  /** @param waitMs - How long an answer is waited for; 0: not at all. */
  constructor(inputs: HistoryKeysInputs, span: WantedTime, waitMs: number) {
    this.#inputs = inputs
    this.#span = span
    this.#waitMs = waitMs
    const { book, requests } = inputs
    this.#undo = [
      book.onKeys(({ kid }) => this.#answered(kid, undefined)),
      requests.onDenial((kid, code) => this.#answered(kid, code)),
    ]
  }

  close(): void {
    for (const undo of this.#undo) undo()
  }

  /**
   * Asks for what an object lacks, unless that was done.
   *
   * @param storedAt - When the intermediary got it, if it says so.
   */
  notice(arrival: Arrival, storedAt: Date | undefined): void {
    const { kid, object } = arrival
    const { epoch } = object
    if (this.#inputs.openings.mayOpen(kid, epoch) || this.isOutside(arrival, storedAt)) return
    const known = this.#kids.get(kid)
    if (known !== undefined && known.first <= epoch && epoch <= known.last) return
    this.#ask(arrival, known, storedAt)
  }

  /** Whether an object that no key opens is not worth asking for: it cannot be of the wanted time. */
  isOutside({ kid, object: { epoch } }: Arrival, storedAt: Date | undefined): boolean {
    const [generation] = this.#inputs.book.byKid(kid)
    const fromMs = this.#span.from?.getTime() ?? -Infinity
    const untilMs = this.#span.until?.getTime() ?? Infinity
    if (generation === undefined) {
      const storedMs = storedAt?.getTime() ?? fromMs
      return storedMs < fromMs || storedMs > untilMs + MARGIN_MS
    }
    const { epochSeconds } = generation.manifest
    const startMs = epochStartMs(epoch, epochSeconds)
    return startMs + epochSeconds * 1000 <= fromMs || startMs > untilMs
  }

  /**
   * Waits for the keys of an object that was noticed.
   *
   * @param onWaiting - Called before it really waits.
   * @returns Whether there are some now.
   * @throws {unknown} The reason of the signal.
   */
  async wait(
    { kid, object }: Arrival,
    signal: AbortSignal,
    onWaiting: () => void,
  ): Promise<boolean> {
    const { openings, runtime } = this.#inputs
    const { epoch } = object
    let isWaiting = false
    for (;;) {
      if (openings.mayOpen(kid, epoch)) return true
      const asked = this.#kids.get(kid)
      if (asked?.state !== 'waiting') return false
      const leftMs = this.#deadlineOf(asked) - runtime.time.monotonic()
      if (leftMs <= 0) {
        asked.state = 'over'
        if (isWaiting) this.#unanswered++
        return false
      }
      if (!isWaiting) onWaiting()
      isWaiting = true
      await this.#anyAnswer(leftMs, signal)
    }
  }

  #deadlineOf({ askedAt }: AskedKid): number {
    return Math.max(askedAt, this.#answeredAt) + this.#waitMs / 2 ** this.#unanswered
  }

  /** Resolves at the next answer, or when it is too late for one. */
  async #anyAnswer(leftMs: number, signal: AbortSignal): Promise<void> {
    const { timers } = this.#inputs.runtime
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    const cancel = timers.after(leftMs, resolve)
    try {
      await unlessAborted(promise, signal)
    } finally {
      cancel()
    }
  }

  #ask(arrival: Arrival, known: AskedKid | undefined, storedAt: Date | undefined): void {
    const { book, wanting, runtime, openings } = this.#inputs
    const { kid, object, address = '' } = arrival
    const [generation] = book.byKid(kid)
    if (generation !== undefined && !openings.readingOf(generation).isWanted) return
    const first = Math.min(object.epoch, known?.first ?? Infinity)
    const last = this.#lastEpoch(generation, object.epoch, known, storedAt)
    const wanted = { kid, epoch: first, lastEpoch: last, address, generation, andLater: false }
    const state = wanting.askFor(wanted) ? 'waiting' : 'over'
    const askedAt = runtime.time.monotonic()
    this.#kids.delete(kid)
    this.#kids.set(kid, { first, last, askedAt, isAnswered: false, state })
    if (this.#kids.size > MAX_KIDS) this.#forgetOldest()
  }

  /** The last epoch that is worth asking for together with one that was met. */
  #lastEpoch(
    generation: Generation | undefined,
    epoch: number,
    known: AskedKid | undefined,
    storedAt: Date | undefined,
  ): number {
    const epochSeconds = generation?.manifest.epochSeconds
    const endMs = this.#span.until?.getTime() ?? this.#inputs.runtime.time.now()
    const end =
      epochSeconds === undefined ? guessEpoch(epoch, storedAt, endMs) : at(endMs, epochSeconds)
    const met = Math.max(epoch, known?.last ?? 0)
    if (end >= epoch) return Math.max(end, met)
    // It is later than it can be: the clock is wrong. Of more such, not each is asked for alone.
    return Math.min(met + (met - (known?.first ?? met)), LAST_EPOCH)
  }

  #answered(kid: string, code: DenialCode | undefined): void {
    const asked = this.#kids.get(kid)
    if (asked === undefined) return
    if (code !== undefined && FINAL.has(code)) asked.state = 'over'
    if (!asked.isAnswered) {
      this.#unanswered = 0
      this.#answeredAt = this.#inputs.runtime.time.monotonic()
    }
    asked.isAnswered = true
    this.#wake()
  }

  #forgetOldest(): void {
    for (const oldest of this.#kids.keys()) {
      this.#kids.delete(oldest)
      return
    }
  }
}

function at(ms: number, epochSeconds: number): number {
  return ms < 0 ? 0 : epochAt(Math.min(ms, LAST_EPOCH * epochSeconds * 1000), epochSeconds)
}

/**
 * The epoch of an instant where nobody knows yet how long an epoch is: an object of a known epoch came at
 * a known time. At the most an epoch too late; what is too early is asked for later.
 */
function guessEpoch(epoch: number, storedAt: Date | undefined, endMs: number): number {
  const guess = Math.ceil(((epoch + 1) * endMs) / (storedAt?.getTime() ?? Infinity))
  return guess >= epoch && guess <= LAST_EPOCH ? guess : epoch
}
