// SPDX-License-Identifier: Apache-2.0
/**
 * One address on its way across: what waits is sent in the order in which it came, several at a time, since
 * transports send in order.
 *
 * After a send that failed for the moment no other begins until those under way are answered. Then the lane
 * goes on from the first one that failed, alone until it is taken. So a lost connection changes no order; a
 * message that the target refused once, and others behind it not, comes after those others: what was taken
 * cannot be taken back. With a window of 1 there are no others.
 *
 * @module
 */

import { isClosed, isFinal } from './refusals.js'

/** What a lane carries. */
export interface Cargo {
  readonly payload: Uint8Array
}

export interface LanePort<T extends Cargo> {
  /** Sends under way at once. */
  readonly window: number
  /** Whether so many bytes more may be under way; if not, {@link Lane.pump} is called later. */
  admits(lane: Lane<T>, byteCount: number): boolean
  send(cargo: T): Promise<void>
  /** The target has taken it. */
  sent(cargo: T): void
  /** The target will never take it. */
  refused(cargo: T, error: unknown): void
  /** It is not under way any more, whatever became of it. */
  answered(cargo: T): void
  /** A send failed; the next one follows after `afterMs`. */
  failed(cargo: T, error: unknown, afterMs: number): void
  /** The pause after so many failures in a row. */
  pauseMs(failureCount: number): number
  /** Nothing waits and nothing is under way. */
  emptied(lane: Lane<T>): void
  /** The target is closed. */
  closed(error: unknown): void
}

export class Lane<T extends Cargo> {
  readonly address: string
  readonly #port: LanePort<T>
  #waiting: T[] = []
  /** In the order in which they were sent. */
  readonly #underWay = new Set<T>()
  /** Sent, failed, and to be sent again, in that order. */
  readonly #failed = new Set<T>()
  #failureCount = 0
  #lastError: unknown
  #timer: ReturnType<typeof setTimeout> | undefined
  #isStopped = false

  constructor(address: string, port: LanePort<T>) {
    this.address = address
    this.#port = port
  }

  push(cargo: T): void {
    this.#waiting.push(cargo)
    this.pump()
  }

  /** Begins whatever sends there is room for. */
  pump(): void {
    while (!this.#isHeld && this.#underWay.size < this.#window) {
      const next = this.#waiting[0]
      if (next === undefined || !this.#port.admits(this, next.payload.length)) return
      this.#waiting.shift()
      this.#underWay.add(next)
      void this.#send(next)
    }
  }

  /** Begins no send any more. */
  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  get #isHeld(): boolean {
    return this.#isStopped || this.#timer !== undefined || this.#failed.size > 0
  }

  get #window(): number {
    return this.#failureCount === 0 ? this.#port.window : 1
  }

  async #send(cargo: T): Promise<void> {
    try {
      await this.#port.send(cargo)
      this.#failureCount = 0
      this.#port.sent(cargo)
    } catch (error) {
      this.#notSent(cargo, error)
    }
    this.#port.answered(cargo)
    if (!this.#failed.has(cargo)) this.#underWay.delete(cargo)
    this.#goOn()
  }

  #notSent(cargo: T, error: unknown): void {
    if (isFinal(error)) {
      this.#port.refused(cargo, error)
      return
    }
    this.#failed.add(cargo)
    this.#lastError = error
    if (!isClosed(error)) return
    this.stop()
    this.#port.closed(error)
  }

  #goOn(): void {
    if (this.#failed.size > 0 && this.#failed.size === this.#underWay.size) this.#putBack()
    if (this.#underWay.size === 0 && this.#waiting.length === 0) this.#port.emptied(this)
    else this.pump()
  }

  /** All are answered: those that failed wait again, before all others and in their order. */
  #putBack(): void {
    const again = [...this.#underWay]
    this.#underWay.clear()
    this.#failed.clear()
    this.#waiting.unshift(...again)
    if (this.#isStopped) return
    const afterMs = this.#port.pauseMs(this.#failureCount++)
    const [first] = again
    if (first !== undefined) this.#port.failed(first, this.#lastError, afterMs)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.pump()
    }, afterMs)
  }
}
