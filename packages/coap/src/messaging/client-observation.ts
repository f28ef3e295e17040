// SPDX-License-Identifier: Apache-2.0
/**
 * An observation at the client (RFC 7641 Section 3): from the second response on.
 *
 * A notification is acknowledged when the listener took it, and not before: what a crash interrupts
 * comes again. Where notifications are not protected, those that are older than the newest are passed
 * over (Section 3.4); with OSCORE the order is what its layer verifies.
 *
 * @module
 */

import { type CoapMessage, OPTION, optionValue } from '@waxwing/oscore'
import type { NotificationListener } from '../handler.js'
import { readUint } from '../options.js'

const HALF_RANGE = 2 ** 23
/** After this, whatever comes is newer (Section 3.4). */
const FRESH_AFTER_MS = 128_000
/** What waits for a listener, or for its taking them; what is more comes again or is lost. */
const MAX_UNDER_WAY = 16
const SUCCESS_CLASS = 2

/** A notification, and whom to tell what became of it. */
export interface OfferedNotification {
  readonly message: CoapMessage
  /** Called once. @param isTaken - `false`: as if it had not come. */
  settle(isTaken: boolean): void
}

/** Whether this response says that others will follow. */
export function isObserved(message: CoapMessage): boolean {
  return message.code >> 5 === SUCCESS_CLASS && optionValue(message, OPTION.observe) !== undefined
}

export class ClientObservation {
  readonly #now: () => number
  /** The last one was handed over, or the listener is not interested any more. */
  readonly #ended: () => void
  #newest: number
  #newestAt: number
  #listener: NotificationListener | undefined
  #early: OfferedNotification[] = []
  #underWayCount = 0
  #isOver = false
  #error: Error | undefined

  constructor(first: CoapMessage, now: () => number, ended: () => void) {
    this.#now = now
    this.#ended = ended
    this.#newest = sequenceOf(first)
    this.#newestAt = now()
  }

  get isHeard(): boolean {
    return this.#listener !== undefined
  }

  /** Begins to hand over. @throws {TypeError} If somebody listens already. */
  listen(listener: NotificationListener): void {
    if (this.#listener !== undefined) throw new TypeError('notifications must be started only once')
    this.#listener = listener
    if (this.#isOver) {
      listener.end(this.#error)
      return
    }
    const early = this.#early
    this.#early = []
    for (const offered of early) this.#hand(listener, offered)
  }

  /** Takes a notification, or says at once that it does not. */
  offer(offered: OfferedNotification): void {
    const waitingCount = this.#underWayCount + this.#early.length
    if (this.#isOver || waitingCount >= MAX_UNDER_WAY) offered.settle(false)
    else if (this.#isStale(offered.message)) offered.settle(true)
    else if (this.#listener === undefined) this.#early.push(offered)
    else this.#hand(this.#listener, offered)
  }

  /** Hands over nothing more. */
  stop(error?: Error): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#error = error
    for (const offered of this.#early) offered.settle(false)
    this.#early = []
    this.#listener?.end(error)
  }

  #hand(listener: NotificationListener, offered: OfferedNotification): void {
    this.#underWayCount++
    const settle = (isTaken: boolean): void => {
      this.#underWayCount--
      offered.settle(isTaken && !this.#isOver)
      if (this.#isOver || !isTaken || isObserved(offered.message)) return
      this.stop()
      this.#ended()
    }
    void listener.next(offered.message).then(
      () => settle(true),
      () => settle(false),
    )
  }

  #isStale(message: CoapMessage): boolean {
    if (!isObserved(message)) return false // it ends the observation
    const now = this.#now()
    const sequence = sequenceOf(message)
    const isNewer = isLater(sequence, this.#newest) || now - this.#newestAt > FRESH_AFTER_MS
    if (!isNewer) return optionValue(message, OPTION.oscore) === undefined
    this.#newest = sequence
    this.#newestAt = now
    return false
  }
}

function isLater(sequence: number, than: number): boolean {
  const distance = sequence - than
  return (distance > 0 && distance < HALF_RANGE) || distance < -HALF_RANGE
}

function sequenceOf(message: CoapMessage): number {
  return readUint(optionValue(message, OPTION.observe) ?? new Uint8Array(0)) ?? 0
}
