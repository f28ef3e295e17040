// SPDX-License-Identifier: Apache-2.0
/**
 * How far the numbers of a client's requests run ahead of those that may not be repeated.
 *
 * A server refuses, without protection, what is 32 numbers behind the latest that it accepted (RFC 8613
 * Section 3.2.2). A request that is lost on its first way and overtaken by so many would be refused, and
 * nobody would know why. So others wait for it, for a while: what is answered late may have arrived early.
 *
 * @module
 */

import { unlessAborted } from '../abortable.js'

const WINDOW_SIZE = 32
/** By then a datagram was sent three times, by default (RFC 7252 Section 4.8). */
const PATIENCE_MS = 10_000

/** Those of one context. */
export class UnansweredRequests {
  #count = 0
  /** By their places among all requests, the first one first. */
  readonly #places = new Set<number>()
  #timer: ReturnType<typeof setTimeout> | undefined
  #turn: PromiseWithResolvers<void> = Promise.withResolvers()

  /** Whether a request may go out now. */
  get hasRoom(): boolean {
    const [first] = this.#places
    return first === undefined || this.#count - first < WINDOW_SIZE
  }

  /** Waits until it is worth looking again. @throws The reason of the signal. */
  async turn(signal: AbortSignal): Promise<void> {
    this.#timer ??= this.#wakeLater()
    await unlessAborted(this.#turn.promise, signal)
  }

  /** Counts a request that is on its way. If it may not be repeated, others wait for its answer. */
  add<T>(answer: Promise<T>, mayBeRepeated: boolean): Promise<T> {
    const place = this.#count++
    if (mayBeRepeated) return answer
    this.#places.add(place)
    return answer.finally(() => this.#answered(place))
  }

  #answered(place: number): void {
    this.#places.delete(place)
    if (this.#timer !== undefined && this.hasRoom) this.#wake()
  }

  #wakeLater(): ReturnType<typeof setTimeout> {
    const timer = setTimeout(() => {
      const [first] = this.#places
      if (first !== undefined) this.#places.delete(first)
      this.#wake()
    }, PATIENCE_MS)
    timer.unref()
    return timer
  }

  #wake(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const { resolve } = this.#turn
    this.#turn = Promise.withResolvers()
    resolve()
  }
}
