// SPDX-License-Identifier: Apache-2.0
/**
 * Reserves counters where they are durable (`docs/spec/05-keys.md` Section 5.5.3): before anything can
 * be sealed, and again before those that are there are used up. A generation that is worn, or of which
 * nobody knows what was used, gives way to a new one.
 *
 * @module
 */

import type { RotationReason } from '../events.js'
import { notReady, type StreamSealer } from './stream-sealer.js'
import type { Reservation, StreamState } from './stream-state.js'

const MAX_RACES = 16

export interface RoomFillingDeps {
  readonly state: StreamState
  readonly sealer: StreamSealer
  /** Begins a new generation at once. To be called in the turn of a step. */
  rotateNow(reason: RotationReason): Promise<void>
  /** Takes a step of its own, and reports what fails. */
  inBackground(step: () => Promise<void>): void
}

export class RoomFilling {
  readonly #deps: RoomFillingDeps
  #isUnderWay = false

  constructor(deps: RoomFillingDeps) {
    this.#deps = deps
  }

  /** Reserves what the next call needs. @throws {WaxwingError} `ERR_NOT_READY` after many races. */
  async fill(): Promise<void> {
    const { state, sealer } = this.#deps
    for (let race = 0; sealer.lacksCounters; race++) {
      if (race === MAX_RACES) throw notReady()
      const reservation = await state.reserve(sealer.countersWanted)
      if (reservation === 'worn') await this.#deps.rotateNow('key-worn')
      else await this.#follow(reservation)
    }
  }

  /** Reserves more in the background, if few are left. */
  fillSoon(): void {
    const { state } = this.#deps
    if (this.#isUnderWay || state.room?.isShort !== true) return
    this.#isUnderWay = true
    this.#deps.inBackground(async () => {
      try {
        if (state.room?.isShort !== true) return
        const reservation = await state.reserve(1)
        if (reservation === 'worn') return // what is left may be used
        await this.#follow(reservation)
        await this.fill()
      } finally {
        this.#isUnderWay = false
      }
    })
  }

  async #follow(reservation: Exclude<Reservation, 'worn'>): Promise<void> {
    if (reservation === 'other-generation') this.#deps.sealer.adopt()
    if (reservation === 'unproven') await this.#deps.rotateNow('state-loss')
  }
}
