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

import type { CoapMessage } from '@waxwing/oscore'
import type { Medium } from './medium.js'
import type { PeerState, RememberedMessage } from './peer-state.js'
import type { WithheldResponse } from './withheld-responses.js'

/** What a message costs beside its bytes, about. */
const OVERHEAD_BYTES = 200

export class RememberedMessages {
  readonly #medium: Medium
  readonly #peers: readonly PeerState[]
  /** Whose messages go when there is no room. */
  #victim = 0
  #count = 0
  #bytes = 0

  /** @param peers - All there are, at any time. */
  constructor(medium: Medium, peers: readonly PeerState[]) {
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
  find({ remembered }: PeerState, key: string): RememberedMessage | undefined {
    const message = remembered.get(key)
    return message !== undefined && message.expiresAt > this.#medium.now() ? message : undefined
  }

  /** Remembers a message that was dealt with, at its peer. */
  add(state: PeerState, key: string, message: RememberedMessage): void {
    this.#forgotten(state, state.remembered.delete(key))
    const { maxRememberedMessages, maxRememberedBytes } = this.#medium.limits
    const bytes = bytesOf(message)
    while (this.#count >= maxRememberedMessages || this.#bytes + bytes > maxRememberedBytes) {
      if (!this.#evictOne()) return
    }
    const kept = { ...message, reply: message.reply && ownCopy(message.reply) }
    state.remembered.add(key, kept)
    this.#count++
    this.#bytes += bytes
    state.withheld.add(kept)
  }

  /** Keeps the response to a message that must not be executed again. */
  withhold(state: PeerState, key: string, withheld: WithheldResponse): void {
    const message = this.find(state, key)
    if (message === undefined || message.withheld !== undefined) return
    message.withheld = withheld
    this.#bytes += withheld.bytes
    state.withheld.add(message)
  }

  /**
   * Takes the response that was kept for a request like this. The message stays remembered: duplicates
   * of it may still come.
   */
  takeWithheld(state: PeerState, fingerprint: string): CoapMessage | undefined {
    const withheld = state.withheld.take(fingerprint)
    this.#bytes -= withheld?.bytes ?? 0
    return withheld?.response
  }

  /** Forgets what is too old; later ones of a peer expire later, or soon after. */
  forgetExpired(state: PeerState): void {
    const now = this.#medium.now()
    while ((state.remembered.oldest?.expiresAt ?? Infinity) <= now) this.#forgetOldest(state)
  }

  /** Forgets all of a peer. */
  forgetAll(state: PeerState): void {
    while (state.remembered.size > 0) this.#forgetOldest(state)
  }

  #forgetOldest(state: PeerState): void {
    this.#forgotten(state, state.remembered.deleteOldest())
  }

  #forgotten(state: PeerState, message: RememberedMessage | undefined): void {
    if (message === undefined) return
    this.#count--
    this.#bytes -= bytesOf(message)
    state.withheld.delete(message)
  }

  #evictOne(): boolean {
    const victim = this.#findVictim()
    if (victim !== undefined) this.#forgetOldest(victim)
    return victim !== undefined
  }

  /** Stays with one peer until that has less than the mean: so the walk costs little. */
  #findVictim(): PeerState | undefined {
    const { length } = this.#peers
    const mean = this.#count / length
    for (let steps = 0; steps <= length; steps++) {
      const peer = this.#peers[this.#victim]
      if (peer !== undefined && peer.remembered.size > 0 && peer.remembered.size >= mean)
        return peer
      this.#victim = this.#victim + 1 < length ? this.#victim + 1 : 0
    }
    return undefined
  }
}

function bytesOf({ reply, withheld }: RememberedMessage): number {
  return OVERHEAD_BYTES + (reply?.length ?? 0) + (withheld?.bytes ?? 0)
}

/** Datagrams share memory with others, all of which each would keep: 64 KiB for an acknowledgement. */
function ownCopy(datagram: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(datagram.length)
  copy.set(datagram)
  return copy
}
