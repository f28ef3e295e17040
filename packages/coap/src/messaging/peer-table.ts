// SPDX-License-Identifier: Apache-2.0
/**
 * All peers of which anything is known.
 *
 * Invariant: no more than `maxPeers`. A peer with an exchange under way is never forgotten; of the
 * others one that was silent for a while, and one that proved its address later than one that did not.
 *
 * @module
 */

import type { Peer } from '../handler.js'
import type { Medium } from './medium.js'
import { PeerState } from './peer-state.js'
import { RememberedMessages } from './remembered-messages.js'

/** How often a silent peer is passed over: one of which nothing is known, one that proved its address. */
const CHANCES = 1
const PROVED_CHANCES = 3
/** So that no datagram costs much where all peers are busy. */
const MAX_EVICTION_STEPS = 64

export class PeerTable {
  readonly #medium: Medium
  readonly #states = new Map<string, PeerState>()
  /** The same, for walks that go on where they stopped. */
  readonly #ring: PeerState[] = []
  #hand = 0
  readonly remembered: RememberedMessages

  constructor(medium: Medium) {
    this.#medium = medium
    this.remembered = new RememberedMessages(medium, this.#ring)
  }

  get size(): number {
    return this.#ring.length
  }

  /** What is known of a peer, if anything. */
  find(peer: Peer): PeerState | undefined {
    return this.#states.get(keyOf(peer))
  }

  /** The state of a peer, a new one where there was none; `undefined` where there is no room. */
  obtain(peer: Peer): PeerState | undefined {
    const key = keyOf(peer)
    const known = this.#states.get(key)
    if (known !== undefined) {
      known.passedOver = 0
      return known
    }
    if (this.#ring.length >= this.#medium.limits.maxPeers && !this.#evictOne()) return undefined
    const state = new PeerState(this.#medium, key, { address: peer.address, port: peer.port })
    this.#states.set(key, state)
    this.#ring.push(state)
    return state
  }

  [Symbol.iterator](): Iterator<PeerState> {
    return this.#ring.values()
  }

  /** Forgets what is too old. To be called from time to time. */
  sweep(): void {
    const { now, transmission } = this.#medium
    const before = now() - transmission.exchangeLifetimeMs
    // From the end, so that what takes the place of a peer that is dropped was looked at.
    for (let at = this.#ring.length - 1; at >= 0; at--) {
      const state = this.#ring[at]!
      this.remembered.forgetExpired(state)
      for (const expectation of state.expectations.values()) expectation.forgetUnheard(before)
      if (state.heardAt < before && state.remembered.size === 0 && state.isIdle) this.#drop(at)
    }
  }

  /** The next peer that is idle goes, unless something came from it since it was passed over. */
  #evictOne(): boolean {
    for (let step = 0; step < MAX_EVICTION_STEPS; step++) {
      if (this.#hand >= this.#ring.length) this.#hand = 0
      const state = this.#ring[this.#hand]!
      const chances = state.budget.isProved ? PROVED_CHANCES : CHANCES
      if (state.isIdle && state.passedOver >= chances) {
        this.#drop(this.#hand)
        return true
      }
      state.passedOver++
      this.#hand++
    }
    return false
  }

  #drop(at: number): void {
    const state = this.#ring[at]!
    this.remembered.forgetAll(state)
    this.#states.delete(state.key)
    const last = this.#ring.pop()!
    if (last !== state) this.#ring[at] = last
  }
}

function keyOf({ address, port }: Peer): string {
  return `${address} ${port}`
}
