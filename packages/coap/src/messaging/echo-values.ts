// SPDX-License-Identifier: Apache-2.0
/**
 * Values of the Echo option by which a peer proves its address (RFC 9175 Sections 2.3 and 2.4). Nothing
 * is kept for them: a value is a MAC of the address and the time, by a key of this process.
 *
 * @module
 */

import { createHmac, timingSafeEqual } from 'node:crypto'
import { CODE_UNAUTHORIZED, type CoapMessage, OPTION, optionValue } from '@waxwing/oscore'
import { isSafeMethod } from '../codes.js'
import type { Medium } from './medium.js'

const KEY_BYTES = 32
const VALUE_BYTES = 8
/** A value holds until the slot after its own ends. */
const SLOT_MS = 60_000

export class EchoValues {
  readonly #medium: Medium
  readonly #key: Buffer

  constructor(medium: Medium) {
    this.#medium = medium
    this.#key = medium.randomBytes(KEY_BYTES)
  }

  /** A response that asks the peer to repeat its request with the value that it has. */
  challenge(peerKey: string): CoapMessage {
    const value = this.#value(peerKey, this.#slot())
    const options = [{ number: OPTION.echo, value }]
    return { code: CODE_UNAUTHORIZED, options, payload: new Uint8Array(0) }
  }

  /** Whether this value was made for this peer, not long ago. */
  isProof(value: Uint8Array, peerKey: string): boolean {
    if (value.length !== VALUE_BYTES) return false
    const slot = this.#slot()
    return [slot, slot - 1].some((time) => timingSafeEqual(value, this.#value(peerKey, time)))
  }

  #slot(): number {
    return Math.floor(this.#medium.now() / SLOT_MS)
  }

  #value(peerKey: string, slot: number): Buffer {
    const mac = createHmac('sha256', this.#key).update(`${slot} ${peerKey}`).digest()
    return mac.subarray(0, VALUE_BYTES)
  }
}

/**
 * Whether a request may be executed again where its response could not be sent (RFC 7252 Section 5.1).
 * What OSCORE protects is a replay to its server the second time (RFC 8613 Section 7.4).
 */
export function isRepeatable(request: CoapMessage): boolean {
  return isSafeMethod(request.code) && optionValue(request, OPTION.oscore) === undefined
}
