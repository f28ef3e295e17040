// SPDX-License-Identifier: Apache-2.0
/**
 * What time it is, and how far to believe it (`docs/spec/05-keys.md` Section 5.7).
 *
 * A device may know no time, be set wrong, or jump. The keeper gives one best estimate, says whether
 * the time is known at all, and says whether it is *confirmed*: only what a newer trust bundle or a
 * keeper's signed message bears out, or what passed steadily since, may make a producer forget keys.
 *
 * @module
 */

import type { Clock } from '@waxwing/core'

/** A difference between two clocks that means nothing: five minutes. */
export const CLOCK_TOLERANCE_MS = 300_000

export interface TimeKeeperInputs {
  readonly clock: Clock
  /** The latest confirmed time that was stored, in milliseconds. */
  readonly confirmedMs?: number | undefined
}

export type ClockChange = 'back' | 'ahead' | 'unknown'

export class TimeKeeper {
  readonly #clock: Clock
  /** A time that is certain to have passed, and the monotonic time when it was learnt. */
  #floorMs: number
  #floorAt: number
  /** Wall time minus monotonic time, while both run together. */
  #offset: number | undefined
  /** The same as it was when the time was last known. */
  #lastOffset: number | undefined
  /** The latest confirmed time, and the monotonic time when it was learnt; moves with it. */
  #confirmedMs: number | undefined
  #confirmedAt: number
  readonly #listeners = new Set<(change: ClockChange) => void>()

  constructor({ clock, confirmedMs }: TimeKeeperInputs) {
    this.#clock = clock
    const monotonic = clock.monotonic()
    this.#floorMs = confirmedMs ?? 0
    this.#floorAt = monotonic
    this.#confirmedMs = confirmedMs
    this.#confirmedAt = monotonic
  }

  /** Calls the listener when the clock jumps or is lost. Returns a function that removes it. */
  onChange(listener: (change: ClockChange) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The best estimate, in milliseconds since 1970. */
  now(): number {
    const wall = this.#wall()
    if (wall !== undefined) return wall
    const monotonic = this.#clock.monotonic()
    const floor = this.#floorMs + (monotonic - this.#floorAt)
    return this.#lastOffset === undefined ? floor : Math.max(floor, monotonic + this.#lastOffset)
  }

  /** The clock's time, in milliseconds since 1970, if it can be right at all. */
  get knownMs(): number | undefined {
    return this.#wall()
  }

  /** Whether the clock shows a time that can be right at all. */
  get known(): boolean {
    return this.knownMs !== undefined
  }

  /** Milliseconds that passed on the monotonic clock. */
  monotonic(): number {
    return this.#clock.monotonic()
  }

  /**
   * Takes a time that somebody trusted has signed: it has certainly been reached.
   *
   * @param atMs - Milliseconds since 1970.
   */
  confirm(atMs: number): void {
    const monotonic = this.#clock.monotonic()
    if (atMs > this.#floorMs + (monotonic - this.#floorAt)) {
      this.#floorMs = atMs
      this.#floorAt = monotonic
    }
    if (atMs > (this.confirmedMs ?? 0)) {
      this.#confirmedMs = atMs
      this.#confirmedAt = monotonic
    }
  }

  /** The latest time that is beyond doubt; `undefined` before the first confirmation. */
  get confirmedMs(): number | undefined {
    if (this.#confirmedMs === undefined) return undefined
    return this.#confirmedMs + (this.#clock.monotonic() - this.#confirmedAt)
  }

  /** Whether the current estimate is borne out, within five minutes. */
  get isConfirmed(): boolean {
    const confirmed = this.confirmedMs
    return confirmed !== undefined && this.now() <= confirmed + CLOCK_TOLERANCE_MS
  }

  /** The wall clock, unless it shows a time that has certainly passed. Notices jumps. */
  #wall(): number | undefined {
    const wall = this.#clock.now()
    const monotonic = this.#clock.monotonic()
    const floor = this.#floorMs + (monotonic - this.#floorAt)
    if (wall === undefined || wall + CLOCK_TOLERANCE_MS < floor) {
      const wasKnown = this.#offset !== undefined
      this.#offset = undefined
      if (wasKnown) this.#tell(wall === undefined ? 'unknown' : 'back')
      return undefined
    }
    const offset = wall - monotonic
    const drift = this.#offset === undefined ? 0 : offset - this.#offset
    const jumped = Math.abs(drift) > CLOCK_TOLERANCE_MS
    if (this.#offset === undefined || jumped) this.#offset = offset
    this.#lastOffset = this.#offset
    if (jumped) this.#tell(drift < 0 ? 'back' : 'ahead')
    return wall
  }

  /** Told last, because a listener may ask for the time. */
  #tell(change: ClockChange): void {
    for (const listener of this.#listeners) listener(change)
  }
}
