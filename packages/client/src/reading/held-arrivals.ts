// SPDX-License-Identifier: Apache-2.0
/**
 * What waits for room in a pool, by kid, in the order in which it came: the transport is not told, and
 * so keeps it.
 *
 * A connection that breaks brings all of it again. What came again takes the place of what can be
 * acknowledged no more, so that many reconnections are no crowd of copies; two messages with the same
 * bytes stay two, for each is to be acknowledged.
 *
 * @module
 */

import { equalBytes, toHex } from '@waxwing/core'
import type { Arrival } from './arrival.js'

export class HeldArrivals {
  /** By kid, then by epoch and Partial IV, in the order of the first with these. */
  readonly #byKid = new Map<string, Map<string, Arrival[]>>()

  get kids(): readonly string[] {
    return [...this.#byKid.keys()]
  }

  has(kid: string): boolean {
    return this.#byKid.has(kid)
  }

  hold(arrival: Arrival): void {
    const { kid, object } = arrival
    let held = this.#byKid.get(kid)
    if (held === undefined) this.#byKid.set(kid, (held = new Map<string, Arrival[]>()))
    const place = `${object.epoch}/${toHex(object.partialIv)}`
    const there = held.get(place)
    if (there === undefined) {
      held.set(place, [arrival])
      return
    }
    const index = there.findIndex((other) => isReplacedBy(other, arrival))
    if (index === -1) there.push(arrival)
    else there[index] = arrival
  }

  /** Takes all of a kid out; `undefined` where there are none. */
  take(kid: string): readonly Arrival[] | undefined {
    const held = this.#byKid.get(kid)
    if (held === undefined) return undefined
    this.#byKid.delete(kid)
    return [...held.values()].flat()
  }

  clear(): void {
    this.#byKid.clear()
  }
}

function isReplacedBy(other: Arrival, arrival: Arrival): boolean {
  return other.received?.isLost?.() === true && equalBytes(other.object.bytes, arrival.object.bytes)
}
