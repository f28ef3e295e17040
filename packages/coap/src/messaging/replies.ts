// SPDX-License-Identifier: Apache-2.0
/**
 * What a peer is answered as far as its address budget goes: the whole, else the demand to prove its
 * address, else nothing (RFC 9175 Section 2.4).
 *
 * @module
 */

import type { CoapMessage } from '@waxwing/oscore'
import { HEADER_BYTES, withMessage } from './datagram.js'
import type { EchoValues } from './echo-values.js'
import type { Medium } from './medium.js'
import type { PeerState } from './peer-state.js'

/** A challenge has a header, an option head of two bytes and a value of eight. */
const CHALLENGE_BYTES = 14

export class Replies {
  readonly #medium: Medium
  readonly #echo: EchoValues

  constructor(medium: Medium, echo: EchoValues) {
    this.#medium = medium
    this.#echo = echo
  }

  /** Sends a reply or nothing. @returns `false` if it was too much. */
  sendWhole(state: PeerState, reply: Buffer): boolean {
    if (!state.budget.spend(reply.length)) return false
    this.#medium.send(reply, state.peer)
    return true
  }

  /** Sends a reply or a challenge. @returns `false` if the whole was too much. */
  send(state: PeerState, reply: Buffer): boolean {
    if (this.sendWhole(state, reply)) return true
    // An acknowledgement has no token: a challenge in its place would belong to no request.
    const isEmpty = reply.length === HEADER_BYTES
    if (!isEmpty) this.sendWhole(state, this.challengeFor(state, reply))
    return false
  }

  /** The demand to prove the address. */
  challenge(state: PeerState): CoapMessage {
    return this.#echo.challenge(state.key)
  }

  /** The same in place of a reply. */
  challengeFor(state: PeerState, reply: Buffer): Buffer {
    return withMessage(reply, this.challenge(state))
  }

  /**
   * Sends the acknowledgement of a request that will be answered later, unless nothing could be sent
   * then: without it the peer sends its request again, which makes room.
   */
  acknowledge(state: PeerState, acknowledgement: Buffer, tokenBytes: number): boolean {
    const least = acknowledgement.length + CHALLENGE_BYTES + tokenBytes
    if (!state.budget.allows(least) || !state.budget.spend(acknowledgement.length)) return false
    this.#medium.send(acknowledgement, state.peer)
    return true
  }
}
