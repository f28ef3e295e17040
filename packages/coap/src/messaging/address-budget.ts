// SPDX-License-Identifier: Apache-2.0
/**
 * How much may be sent to a peer whose address might be forged (RFC 7252 Section 11.3, RFC 9175
 * Section 2.4): fewer bytes than three times those that came from there.
 *
 * Invariant: everything that a request can make this endpoint send is spent here first, each
 * retransmission anew. What is sent without being counted is an empty message for a message of no
 * fewer bytes, which in turn is not counted as heard.
 *
 * @module
 */

import type { Medium } from './medium.js'

/** The bytes of one peer. */
export class AddressBudget {
  readonly #medium: Medium
  #heardBytes = 0
  #sentBytes = 0
  #provedUntil: number | undefined

  constructor(medium: Medium) {
    this.#medium = medium
  }

  /** Whether the peer proved that it receives what is sent to its address. */
  get isProved(): boolean {
    return this.#provedUntil !== undefined && this.#provedUntil > this.#medium.now()
  }

  /** So many bytes came from there. */
  heard(bytes: number): void {
    if (this.#provedUntil !== undefined && !this.isProved) this.#beginAnew()
    this.#heardBytes += bytes
  }

  /** The peer showed something that only its address was sent. */
  prove(): void {
    const { limits, now } = this.#medium
    this.#provedUntil = now() + limits.provedAddressMs
  }

  /** Whether so many bytes may be sent. */
  allows(bytes: number): boolean {
    if (this.isProved) return true
    return this.#sentBytes + bytes < this.#medium.limits.amplificationFactor * this.#heardBytes
  }

  /** Counts so many bytes as sent. @returns `false` if they must not be; then nothing is counted. */
  spend(bytes: number): boolean {
    if (!this.allows(bytes)) return false
    this.#sentBytes += bytes
    return true
  }

  /** The proof is too old: what was heard and sent under it counts no more. */
  #beginAnew(): void {
    this.#provedUntil = undefined
    this.#heardBytes = 0
    this.#sentBytes = 0
  }
}
