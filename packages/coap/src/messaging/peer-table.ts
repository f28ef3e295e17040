// SPDX-License-Identifier: Apache-2.0
/**
 * All peers of which anything is known.
 *
 * Invariant: no more than `maxPeers`. A peer with an exchange under way is never forgotten; of the
 * others the one that was silent for longest, and one that proved its address after one that did not.
 *
 * @module
 */

import type { Peer } from '../handler.js'
import type { Medium } from './medium.js'
import { PeerState } from './peer-state.js'
import { RememberedMessages } from './remembered-messages.js'

/** How often a peer that proved its address is passed over, once it is silent. */
const PROVED_CHANCES = 3
/** So that no datagram costs much where all peers are busy. */
const MAX_EVICTION_STEPS = 64

export class PeerTable {
  readonly #medium: Medium
  /** In the order of their coming, or of their being passed over by an eviction. */
  readonly #states = new Map<string, PeerState>()
  readonly remembered: RememberedMessages

  constructor(medium: Medium) {
    this.#medium = medium
    this.remembered = new RememberedMessages(medium, this.#states)
  }

  get size(): number {
    return this.#states.size
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
      known.chances = known.budget.isProved ? PROVED_CHANCES : 1
      return known
    }
    if (this.#states.size >= this.#medium.limits.maxPeers && !this.#evictOne()) return undefined
    const state = new PeerState(this.#medium, key, { address: peer.address, port: peer.port })
    this.#states.set(key, state)
    return state
  }

  [Symbol.iterator](): Iterator<PeerState> {
    return this.#states.values()
  }

  /** Forgets what is too old. To be called from time to time. */
  sweep(): void {
    const { now, transmission } = this.#medium
    const before = now() - transmission.exchangeLifetimeMs
    for (const state of this.#states.values()) {
      this.remembered.forgetExpired(state)
      for (const expectation of state.expectations.values()) expectation.forgetUnheard(before)
      if (state.heardAt < before && state.remembered.size === 0 && state.isIdle) this.#drop(state)
    }
  }

  /**
   * The peer at the front goes, unless something came from it since the last time; then it goes to the
   * end. One that proved its address is passed over more often.
   */
  #evictOne(): boolean {
    for (let step = 0; step < MAX_EVICTION_STEPS; step++) {
      const [state] = this.#states.values()
      if (state === undefined) return false
      if (state.isIdle && state.chances <= 0) {
        this.#drop(state)
        return true
      }
      state.chances--
      this.#states.delete(state.key)
      this.#states.set(state.key, state)
    }
    return false
  }

  #drop(state: PeerState): void {
    this.remembered.forgetAll(state)
    state.outbox.clear()
    this.#states.delete(state.key)
  }
}

function keyOf({ address, port }: Peer): string {
  return `${address} ${port}`
}
