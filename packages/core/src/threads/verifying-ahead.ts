// SPDX-License-Identifier: Apache-2.0
/**
 * The owner's side of a {@link SignatureRing}: what was announced is verified by whoever has time, and
 * asked for in the end by the one who announced it.
 *
 * A result counts only for the very bytes and the very key. Threads that are slow, busy or dead cost
 * time and nothing else: what nobody has taken the owner verifies itself.
 *
 * @module
 */

import type { Ed25519VerifyingKey } from '../crypto/provider.js'
import {
  MAX_RING_MESSAGE_BYTES,
  RING_SLOTS,
  SignatureRing,
  SLOT_FREE,
  SLOT_INVALID,
  SLOT_QUEUED,
  SLOT_TAKEN,
  SLOT_VALID,
} from './signature-ring.js'

const SIGNATURE_BYTES = 64
/** A few verifications: a thread that takes longer was sent to sleep. */
const PATIENCE_MS = 0.25
/** So many others the caller verifies, at the most, while a thread has the one that it wants. */
const MAX_HELPS = 2

/** A key under which signatures are announced. */
export interface AheadKey {
  readonly id: number
  readonly key: Ed25519VerifyingKey
}

export class VerifyingAhead {
  readonly ring: SignatureRing
  /** Positions from `#head` to before `#tail` were announced; asked for are those that are marked. */
  readonly #isAsked = new Uint8Array(RING_SLOTS)
  /** By slot. */
  readonly #keys: AheadKey[] = []
  #head = 0
  #tail = 0

  constructor(ring: SignatureRing = new SignatureRing()) {
    this.ring = ring
  }

  /** Says that a signature will be asked for soon. What does not fit is forgotten. */
  announce(aheadKey: AheadKey, message: Uint8Array, signature: Uint8Array): void {
    if (message.length > MAX_RING_MESSAGE_BYTES || signature.length !== SIGNATURE_BYTES) return
    if (this.#tail - this.#head === RING_SLOTS) this.#forgetOldest()
    this.#skipTaken()
    const position = this.#tail
    if (position - this.#head === RING_SLOTS) return
    this.#isAsked[position % RING_SLOTS] = 0
    this.#keys[position % RING_SLOTS] = aheadKey
    this.#tail += 1
    const { publicKey } = aheadKey.key
    this.ring.put(position, { keyId: aheadKey.id, publicKey, signature, message })
  }

  /** Verifies a signature, or says what became of it if it was announced. */
  verify(aheadKey: AheadKey, message: Uint8Array, signature: Uint8Array): boolean {
    const position = this.#find(aheadKey, message, signature)
    if (position === undefined) return aheadKey.key.verify(message, signature)
    const isValid = this.#resultOf(position) ?? aheadKey.key.verify(message, signature)
    this.#isAsked[position % RING_SLOTS] = 1
    while (this.#head < this.#tail && this.#isAsked[this.#head % RING_SLOTS] === 1) this.#head += 1
    return isValid
  }

  #find({ id }: AheadKey, message: Uint8Array, signature: Uint8Array): number | undefined {
    if (message.length > MAX_RING_MESSAGE_BYTES || signature.length !== SIGNATURE_BYTES) {
      return undefined
    }
    for (let position = this.#head; position < this.#tail; position++) {
      if (this.#isAsked[position % RING_SLOTS] === 1) continue
      if (this.ring.holds(position, id, signature, message)) return position
    }
    return undefined
  }

  /** What others found; `undefined` if it is ours to verify. */
  #resultOf(position: number): boolean | undefined {
    for (let helps = 0; ; helps++) {
      if (this.ring.claim(position, SLOT_FREE)) return undefined
      const known = this.#settled(position)
      if (known !== undefined) return known
      if (helps < MAX_HELPS && this.#help(position)) continue
      this.ring.awaitSettled(position, PATIENCE_MS)
      return this.#settled(position)
    }
  }

  #settled(position: number): boolean | undefined {
    const state = this.ring.stateOf(position)
    return state === SLOT_VALID || state === SLOT_INVALID ? state === SLOT_VALID : undefined
  }

  /** Verifies one that is queued behind, while somebody else has the one that is wanted. */
  #help(position: number): boolean {
    for (let next = position + 1; next < this.#tail; next++) {
      if (this.ring.stateOf(next) !== SLOT_QUEUED || !this.ring.claim(next, SLOT_TAKEN)) continue
      const { message, signature } = this.ring.contentOf(next)
      const isValid = this.#keys[next % RING_SLOTS]?.key.verify(message, signature) ?? false
      this.ring.settle(next, isValid)
      return true
    }
    return false
  }

  /** A thread may have fallen asleep, or died, over what was given up since. */
  #skipTaken(): void {
    while (this.#tail - this.#head < RING_SLOTS && this.ring.stateOf(this.#tail) === SLOT_TAKEN) {
      this.#isAsked[this.#tail % RING_SLOTS] = 1
      this.#tail += 1
    }
  }

  #forgetOldest(): void {
    this.ring.claim(this.#head, SLOT_FREE)
    this.#head += 1
  }
}
