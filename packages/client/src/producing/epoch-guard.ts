// SPDX-License-Identifier: Apache-2.0
/**
 * Which epoch may be sealed in (`docs/spec/05-keys.md` Section 5.6): epochs never go back within a
 * generation, whatever the clock does.
 *
 * Pure but for the time it is given. It says what has to be recorded first; recording is the
 * producer's matter.
 *
 * @module
 */

import { epochAt, epochStartMs, LAST_EPOCH, WaxwingError } from '@waxwing/core'
import { CLOCK_TOLERANCE_MS, type TimeKeeper } from '../time-keeper.js'

/** How long a producer goes on without knowing the time before it rotates. */
const UNKNOWN_LIMIT_MS = 86_400_000
const MAX_MARGIN_MS = 60_000
const MIN_MARGIN_MS = 10_000

export type EpochVerdict =
  /** Seal in this epoch: it was permitted. */
  | { readonly kind: 'seal'; readonly epoch: number }
  /** Record this epoch as permitted, then seal. */
  | { readonly kind: 'permit'; readonly epoch: number }
  /** Begin a new generation, in this epoch. */
  | { readonly kind: 'rotate'; readonly epoch: number }

export class EpochGuard {
  readonly #time: TimeKeeper
  readonly #epochMs: number
  readonly #epochSeconds: number
  /** No object may be sealed in an epoch below this one. */
  #floor: number
  #permitted: number
  #judgedAtMs = 0
  #unknown: { readonly baseMs: number; readonly atMs: number } | undefined

  /**
   * @param permitted - What was recorded: objects may have been sealed in it.
   * @param floor - The lowest epoch to use; `permitted` after a restart.
   */
  constructor(time: TimeKeeper, epochSeconds: number, permitted: number, floor: number) {
    this.#time = time
    this.#epochSeconds = epochSeconds
    this.#epochMs = epochSeconds * 1000
    this.#permitted = permitted
    this.#floor = floor
  }

  get permitted(): number {
    return this.#permitted
  }

  /** Notes that an epoch was recorded as permitted. */
  permit(epoch: number): void {
    this.#permitted = Math.max(this.#permitted, epoch)
  }

  /** Notes that an object is sealed in an epoch: none before it any more. */
  use(epoch: number): void {
    if (epoch > this.#floor) this.#floor = epoch
  }

  /**
   * Judges where to seal now.
   *
   * @throws {WaxwingError} `ERR_CLOCK` if no time is known at all.
   */
  judge(): EpochVerdict {
    const nowMs = this.#nowMs()
    this.#judgedAtMs = nowMs
    const epoch = epochAt(nowMs, this.#epochSeconds)
    if (this.#unknown !== undefined && this.#unknownForMs() > UNKNOWN_LIMIT_MS) {
      return { kind: 'rotate', epoch }
    }
    if (epoch < this.#floor) {
      const near = epochStartMs(this.#floor, this.#epochSeconds) <= nowMs + CLOCK_TOLERANCE_MS
      if (!near) return { kind: 'rotate', epoch }
      return this.#verdictFor(this.#floor)
    }
    return this.#verdictFor(epoch)
  }

  /** The epoch to permit ahead, so that sealing stays synchronous over the next boundary. */
  ahead(): number {
    return Math.min(LAST_EPOCH, epochAt(this.#nowMs() + this.#marginMs(), this.#epochSeconds))
  }

  /** Milliseconds until the next epoch should be permitted. */
  untilAheadMs(): number {
    const nowMs = this.#nowMs()
    const next =
      epochStartMs(epochAt(nowMs, this.#epochSeconds), this.#epochSeconds) + this.#epochMs
    return Math.max(1, next - this.#marginMs() - nowMs)
  }

  /**
   * The time of the last judgement, in milliseconds since 1970, by which the object that it was for is
   * dated: reading the clock again would cost as much as the encryption.
   */
  get judgedAtMs(): number {
    return this.#judgedAtMs
  }

  #verdictFor(epoch: number): EpochVerdict {
    return epoch <= this.#permitted ? { kind: 'seal', epoch } : { kind: 'permit', epoch }
  }

  /** The known time, or, without one, the monotonic clock's progress from the stored epoch. */
  #nowMs(): number {
    const time = this.#time
    const { knownMs } = time
    if (knownMs !== undefined) {
      this.#unknown = undefined
      return knownMs
    }
    const monotonic = time.monotonic()
    if (this.#unknown === undefined) {
      const storedMs = epochStartMs(this.#floor, this.#epochSeconds)
      const baseMs = Math.max(storedMs, time.now())
      if (time.confirmedMs === undefined && this.#floor === 0) {
        throw new WaxwingError('ERR_CLOCK', 'the time is unknown, and was never known')
      }
      this.#unknown = { baseMs, atMs: monotonic }
    }
    return this.#unknown.baseMs + (monotonic - this.#unknown.atMs)
  }

  #unknownForMs(): number {
    return this.#unknown === undefined ? 0 : this.#time.monotonic() - this.#unknown.atMs
  }

  #marginMs(): number {
    return Math.min(MAX_MARGIN_MS, Math.max(this.#epochMs / 2, MIN_MARGIN_MS))
  }
}
