// SPDX-License-Identifier: Apache-2.0
/**
 * Deduplication (RFC 7252 Section 4.5): messages that were dealt with, for EXCHANGE_LIFETIME or
 * NON_LIFETIME, with what their duplicates are answered.
 *
 * Invariant: count and bytes stay within their limits. Who fills the table pushes out its own messages:
 * the oldest goes first of a peer that has no fewer than the mean.
 *
 * @module
 */

import type { Medium } from './medium.js'
import type { PeerState, RememberedMessage } from './peer-state.js'

/** What a message costs beside its bytes, about. */
const OVERHEAD_BYTES = 200

export class RememberedMessages {
  readonly #medium: Medium
  readonly #peers: ReadonlyMap<string, PeerState>
  #walk: Iterator<PeerState> | undefined
  /** Whose messages go when there is no room. */
  #victim: PeerState | undefined
  #count = 0
  #bytes = 0

  constructor(medium: Medium, peers: ReadonlyMap<string, PeerState>) {
    this.#medium = medium
    this.#peers = peers
  }

  get count(): number {
    return this.#count
  }

  get bytes(): number {
    return this.#bytes
  }

  /** What is known of an earlier message with this key. */
  find(state: PeerState, key: string): RememberedMessage | undefined {
    const message = state.remembered.get(key)
    return message !== undefined && message.expiresAt > this.#medium.now() ? message : undefined
  }

  /** Remembers a message that was dealt with, at its peer. */
  add(state: PeerState, key: string, message: RememberedMessage): void {
    this.forget(state, key)
    const { maxRememberedMessages, maxRememberedBytes } = this.#medium.limits
    const bytes = bytesOf(message)
    while (this.#count >= maxRememberedMessages || this.#bytes + bytes > maxRememberedBytes) {
      if (!this.#evictOne()) return
    }
    state.remembered.set(key, message)
    this.#count++
    this.#bytes += bytes
    if (message.withheld !== undefined) state.withheldCount++
  }

  forget(state: PeerState, key: string): void {
    const message = state.remembered.get(key)
    if (message === undefined) return
    state.remembered.delete(key)
    this.#count--
    this.#bytes -= bytesOf(message)
    if (message.withheld !== undefined) state.withheldCount--
  }

  /** Forgets what is too old; later ones of a peer expire later, or soon after. */
  forgetExpired(state: PeerState): void {
    const now = this.#medium.now()
    for (const [key, { expiresAt }] of state.remembered) {
      if (expiresAt > now) return
      this.forget(state, key)
    }
  }

  /** Forgets all of a peer. */
  forgetAll(state: PeerState): void {
    for (const key of state.remembered.keys()) this.forget(state, key)
  }

  #evictOne(): boolean {
    const victim = this.#findVictim()
    if (victim === undefined) return false
    const [oldest] = victim.remembered.keys()
    if (oldest !== undefined) this.forget(victim, oldest)
    return oldest !== undefined
  }

  /** Stays with one peer until that has less than the mean: so the walk costs little. */
  #findVictim(): PeerState | undefined {
    const mean = this.#count / this.#peers.size
    for (let steps = 0; steps <= 2 * this.#peers.size; steps++) {
      const size = this.#victim?.remembered.size ?? 0
      if (size > 0 && size >= mean) return this.#victim
      this.#victim = this.#nextPeer()
    }
    return undefined
  }

  #nextPeer(): PeerState | undefined {
    const next = this.#walk?.next()
    if (next !== undefined && next.done !== true) return next.value
    this.#walk = this.#peers.values()
    const first = this.#walk.next()
    return first.done === true ? undefined : first.value
  }
}

function bytesOf({ reply, withheld }: RememberedMessage): number {
  return OVERHEAD_BYTES + (reply?.length ?? 0) + (withheld?.response.payload.length ?? 0)
}
