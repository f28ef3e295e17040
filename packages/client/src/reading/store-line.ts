// SPDX-License-Identifier: Apache-2.0
/**
 * Objects that the store refused to look up or to park, and that have a place in the order
 * (`docs/spec/08-receiving.md` Section 8.4): unacknowledged at the transport, and tried again, each in
 * its place, before anything of their kid that came later.
 *
 * The lane of a kid is held from the first refusal on, by one task that pauses and tries again, until
 * nothing of the kid waits here. What was begun before the refusal was known may be parked
 * meanwhile: numbers of parked objects are taken at arrival and kept, so what is parked late stands
 * where it belongs. What was parked before goes before, where there are keys for it by now.
 *
 * So there is here at most what was on its way into the store at once. What comes later waits in the
 * lane, and is bounded there. Closing drops it all: the transport was told of nothing, and brings
 * it again.
 *
 * @module
 */

import { WaxwingError } from '@waxwing/core'
import type { Arrival } from './arrival.js'
import type { KidLanes } from './kid-lanes.js'
import type { StorePauses } from './store-pauses.js'

const FIRST_PAUSE_MS = 1000
const LAST_PAUSE_MS = 60_000

/** An object that the store refused, and its place among the parked ones. */
export interface Refused {
  readonly arrival: Arrival
  readonly number: number
}

export interface StoreLineInputs {
  readonly lanes: KidLanes
  readonly pauses: StorePauses
  /** Resolves when it is known of all that was begun whether the store takes it. */
  readonly begun: () => Promise<void>
  /** Tries again. Returns whether the store took it; if not, it was added again. Does not reject. */
  readonly again: (refused: Refused) => Promise<boolean>
  /** Nothing of a kid waits any more; called in its lane. */
  readonly over: (kid: string) => void
}

export class StoreLine {
  readonly #inputs: StoreLineInputs
  /** By kid, in the order of their numbers. */
  readonly #lines = new Map<string, Refused[]>()
  #closed = false

  constructor(inputs: StoreLineInputs) {
    this.#inputs = inputs
  }

  /** Has an object wait, and holds the lane of its kid. */
  add(refused: Refused): void {
    if (this.#closed) return
    const { kid } = refused.arrival
    const line = this.#lines.get(kid)
    if (line === undefined) this.#hold(kid, refused)
    else {
      line.push(refused)
      line.sort((one, other) => one.number - other.number)
    }
  }

  /** Gives up what waits. The pauses have to be closed as well. */
  close(): void {
    this.#closed = true
    this.#lines.clear()
  }

  #hold(kid: string, refused: Refused): void {
    const { lanes } = this.#inputs
    this.#lines.set(kid, [refused])
    lanes.hold(kid)
    void lanes.runFirst(kid, () => this.#recover(kid))
  }

  async #recover(kid: string): Promise<void> {
    const { lanes, pauses, begun, over } = this.#inputs
    let pauseMs = FIRST_PAUSE_MS
    while ((this.#lines.get(kid)?.length ?? 0) > 0) {
      await pauses.pause(kid, pauseMs)
      pauseMs = Math.min(2 * pauseMs, LAST_PAUSE_MS)
      await begun()
      await this.#tryInOrder(kid)
    }
    this.#lines.delete(kid)
    lanes.letGo(kid)
    if (!this.#closed) over(kid)
  }

  /** As far as the store takes it. */
  async #tryInOrder(kid: string): Promise<void> {
    for (;;) {
      const first = this.#lines.get(kid)?.shift()
      if (first === undefined || !(await this.#inputs.again(first))) return
    }
  }
}

/** Whether a record cannot be read, for which to wait is in vain. */
export function isDamage(error: unknown): boolean {
  return error instanceof WaxwingError && error.code === 'ERR_STORE_CORRUPT'
}
