// SPDX-License-Identifier: Apache-2.0
/**
 * Sends: they wait for the connection, and for room in a window of what is under way, in a queue of
 * bounded count and size. What was under way when the connection broke is sent again, before
 * everything later, in the order in which it was pushed: at least once, and never out of turn.
 *
 * @module
 */

import type { WaxwingError } from '@waxwing/core'
import { limitError } from './errors.js'

export interface SendQueueLimits {
  /** Sends that wait; one more is refused. */
  readonly maxWaitingSends: number
  /** The same in bytes of payload; a single message may be larger. */
  readonly maxWaitingBytes: number
  /** Sends under way at once. */
  readonly maxInFlight: number
}

/**
 * Hands one message to the first hop, and calls `done` once: without an error when it was taken, with
 * one when it was refused, with {@link INTERRUPTED} when it is to be sent again. May throw: refused.
 */
export type BeginSend<T> = (item: T, done: (error?: unknown) => void) => void

/** What became of a send is not known, because the connection broke. */
export const INTERRUPTED: unique symbol = Symbol('interrupted')

interface Entry<T> {
  readonly item: T
  readonly byteCount: number
  /** Its turn, counted from the first send. */
  readonly turn: number
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
  isSettled: boolean
  /** What the last attempt to send it is answered by. */
  done: ((error?: unknown) => void) | undefined
}

export class SendQueue<T> {
  readonly #limits: SendQueueLimits
  readonly #begin: BeginSend<T>
  #waiting: Entry<T>[] = []
  #waitingBytes = 0
  readonly #inFlight = new Set<Entry<T>>()
  #nextTurn = 0
  #isOpen = false
  #isSending = false
  readonly #whenEmpty = new Set<() => void>()
  #end: WaxwingError | undefined
  /** Sends of earlier turns were under way when the connection broke last. */
  #lostBefore = 0
  /** Sends of earlier turns are sent one by one; 0 where none are. */
  #oneByOneBefore = 0

  constructor(limits: SendQueueLimits, begin: BeginSend<T>) {
    this.#limits = limits
    this.#begin = begin
  }

  /** How many wait or are under way. */
  get size(): number {
    return this.#waiting.length + this.#inFlight.size
  }

  /**
   * Resolves when the first hop has taken the message.
   *
   * @param byteCount - Of its payload.
   * @throws {WaxwingError} `ERR_LIMIT` if too much waits; what `ended` was given.
   * @throws {unknown} What the send was refused with.
   */
  push(item: T, byteCount: number): Promise<void> {
    if (this.#end !== undefined) return Promise.reject(this.#end)
    const rule = this.#fullRule(byteCount)
    if (rule !== undefined) {
      return Promise.reject(limitError('too many sends wait for the broker', rule))
    }
    this.#waitingBytes += byteCount
    return new Promise((resolve, reject) => {
      const turn = this.#nextTurn++
      this.#waiting.push({
        item,
        byteCount,
        turn,
        resolve,
        reject,
        isSettled: false,
        done: undefined,
      })
      this.#sendNext()
    })
  }

  /** There is a connection to send over. */
  resume(): void {
    this.#isOpen = true
    this.#sendNext()
  }

  /**
   * The same, where one of the sends that were under way may be why the connection broke, and nobody knows
   * which: each of these is sent alone, until all are answered.
   */
  resumeOneByOne(): void {
    this.#oneByOneBefore = this.#lostBefore
    this.resume()
  }

  /** Whether the send under way, if there is one, is alone because it may break the connection. */
  get isOneByOne(): boolean {
    return this.#oneByOneBefore > 0
  }

  /** The connection is gone: what is under way waits for the next one. */
  suspend(): void {
    this.#isOpen = false
    const lost = [...this.#inFlight]
    for (const { turn } of lost) this.#lostBefore = Math.max(this.#lostBefore, turn + 1)
    this.#inFlight.clear()
    for (const entry of lost.toReversed()) this.#putBack(entry)
  }

  /** Resolves once nothing waits and nothing is under way, or after the time given. */
  async emptied(timeoutMs: number): Promise<void> {
    if (this.size === 0) return
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        this.#whenEmpty.delete(done)
        resolve()
      }
      const timer = setTimeout(done, timeoutMs)
      this.#whenEmpty.add(done)
    })
  }

  /** Nothing will be sent any more. */
  ended(error: WaxwingError): void {
    this.#end ??= error
    const entries = [...this.#inFlight, ...this.#waiting]
    this.#inFlight.clear()
    this.#waiting = []
    this.#waitingBytes = 0
    for (const entry of entries) {
      entry.isSettled = true
      entry.reject(error)
    }
    this.#checkEmpty()
  }

  #fullRule(byteCount: number): string | undefined {
    const { maxWaitingSends, maxWaitingBytes } = this.#limits
    if (this.#waiting.length >= maxWaitingSends) return 'maxWaitingSends'
    const isTooLarge = this.#waitingBytes + byteCount > maxWaitingBytes
    return this.#waiting.length > 0 && isTooLarge ? 'maxWaitingBytes' : undefined
  }

  #sendNext(): void {
    if (this.#isSending) return // a send may be done while it begins
    this.#isSending = true
    while (this.#isOpen && this.#inFlight.size < this.#window()) {
      const entry = this.#waiting.shift()
      if (entry === undefined) break
      this.#waitingBytes -= entry.byteCount
      this.#send(entry)
    }
    this.#isSending = false
    this.#checkEmpty()
  }

  /** How many may be under way now. */
  #window(): number {
    if (this.#oneByOneBefore === 0) return this.#limits.maxInFlight
    const [oldest = this.#waiting[0]] = this.#inFlight
    if (oldest !== undefined && oldest.turn < this.#oneByOneBefore) return 1
    this.#oneByOneBefore = 0
    return this.#limits.maxInFlight
  }

  #send(entry: Entry<T>): void {
    this.#inFlight.add(entry)
    let isDone = false
    const done = (error?: unknown): void => {
      if (isDone) return
      isDone = true
      // An earlier connection can still say that it was taken, and nothing else.
      if (error === undefined || entry.done === done) this.#done(entry, error)
    }
    entry.done = done
    try {
      this.#begin(entry.item, done)
    } catch (error) {
      done(error)
    }
  }

  #done(entry: Entry<T>, error: unknown): void {
    if (entry.isSettled) return
    const wasInFlight = this.#inFlight.delete(entry)
    if (error === undefined) {
      // Also where it was put back meanwhile: the answer of a connection that was thought gone.
      if (!wasInFlight) this.#takeOut(entry)
      entry.isSettled = true
      entry.resolve()
    } else if (wasInFlight && error === INTERRUPTED) {
      this.#putBack(entry)
    } else if (wasInFlight) {
      entry.isSettled = true
      entry.reject(error)
    }
    this.#sendNext()
  }

  /** Before all later ones. */
  #putBack(entry: Entry<T>): void {
    let place = 0
    while ((this.#waiting[place]?.turn ?? Infinity) < entry.turn) place++
    this.#waiting.splice(place, 0, entry)
    this.#waitingBytes += entry.byteCount
  }

  /** Only while it waits: what is under way again is answered again. */
  #takeOut(entry: Entry<T>): void {
    const place = this.#waiting.indexOf(entry)
    if (place === -1) return
    this.#waiting.splice(place, 1)
    this.#waitingBytes -= entry.byteCount
  }

  #checkEmpty(): void {
    if (this.size === 0) for (const done of this.#whenEmpty) done()
  }
}
