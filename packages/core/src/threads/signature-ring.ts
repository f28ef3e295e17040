// SPDX-License-Identifier: Apache-2.0
/**
 * Signatures that wait to be verified, in memory that threads share: a ring of slots, each with one
 * signature, what it signs and by which key. One thread, the owner, puts them in; the others, and the
 * owner itself, verify whichever is next.
 *
 * Invariant: whoever moved a slot from `queued` to `taken` is the only one to change it until it is
 * done; the owner writes into a slot only while nobody has taken it. So what is read is whole.
 *
 * @module
 */

/** A power of two. */
export const RING_SLOTS = 1024
/** Longest message that is put in; who has a longer one verifies it alone. */
export const MAX_RING_MESSAGE_BYTES = 2048

export const SLOT_FREE = 0
export const SLOT_QUEUED = 1
export const SLOT_TAKEN = 2
export const SLOT_VALID = 3
export const SLOT_INVALID = 4

const KEY_BYTES = 32
const SIGNATURE_BYTES = 64
const SIGNATURE_AT = KEY_BYTES
const MESSAGE_AT = SIGNATURE_AT + SIGNATURE_BYTES
const CELL_BYTES = MESSAGE_AT + MAX_RING_MESSAGE_BYTES
const SLOT_MASK = RING_SLOTS - 1

/** Where each number stands among the 32-bit ones. */
const TAIL = 0
const SLEEPERS = 1
const CLOSED = 2
const STATES = 4
const LENGTHS = STATES + RING_SLOTS
const KEY_IDS = LENGTHS + RING_SLOTS
const CELLS = KEY_IDS + RING_SLOTS
const RING_BYTES = 4 * CELLS + CELL_BYTES * RING_SLOTS

/** What a slot holds: copies. */
export interface SlotContent {
  readonly keyId: number
  readonly publicKey: Uint8Array
  readonly signature: Uint8Array
  readonly message: Uint8Array
}

export class SignatureRing {
  readonly buffer: SharedArrayBuffer
  readonly #numbers: Int32Array
  readonly #cells: Uint8Array

  /** @param buffer - The memory of the ring that another thread made. Default: new. */
  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(RING_BYTES)) {
    this.buffer = buffer
    this.#numbers = new Int32Array(buffer, 0, CELLS)
    this.#cells = new Uint8Array(buffer, 4 * CELLS)
  }

  /** Fills the slot of a position, for whoever comes first. The owner's alone. */
  put(position: number, { keyId, publicKey, signature, message }: SlotContent): void {
    const slot = position & SLOT_MASK
    const at = slot * CELL_BYTES
    this.#cells.set(publicKey, at)
    this.#cells.set(signature, at + SIGNATURE_AT)
    this.#cells.set(message, at + MESSAGE_AT)
    this.#numbers[LENGTHS + slot] = message.length
    this.#numbers[KEY_IDS + slot] = keyId
    Atomics.store(this.#numbers, STATES + slot, SLOT_QUEUED)
    Atomics.store(this.#numbers, TAIL, (position + 1) | 0)
    if (Atomics.load(this.#numbers, SLEEPERS) > 0) Atomics.notify(this.#numbers, TAIL)
  }

  /** Whether the slot of a position holds exactly this. The owner's alone. */
  holds(position: number, keyId: number, signature: Uint8Array, message: Uint8Array): boolean {
    const slot = position & SLOT_MASK
    if (this.#numbers[LENGTHS + slot] !== message.length) return false
    if (this.#numbers[KEY_IDS + slot] !== keyId) return false
    const at = slot * CELL_BYTES
    return (
      this.#equals(at + SIGNATURE_AT, signature, SIGNATURE_BYTES) &&
      this.#equals(at + MESSAGE_AT, message, message.length)
    )
  }

  stateOf(position: number): number {
    return Atomics.load(this.#numbers, STATES + (position & SLOT_MASK))
  }

  /** Moves a slot from `queued` to another state. @returns Whether it was queued. */
  claim(position: number, state: number): boolean {
    const index = STATES + (position & SLOT_MASK)
    return Atomics.compareExchange(this.#numbers, index, SLOT_QUEUED, state) === SLOT_QUEUED
  }

  /** Says what became of a slot that the caller has taken. */
  settle(position: number, isValid: boolean): void {
    const index = STATES + (position & SLOT_MASK)
    Atomics.store(this.#numbers, index, isValid ? SLOT_VALID : SLOT_INVALID)
    Atomics.notify(this.#numbers, index)
  }

  /** What stands in a slot that the caller has taken: new arrays, which nobody shares. */
  contentOf(position: number): SlotContent {
    const slot = position & SLOT_MASK
    const at = slot * CELL_BYTES
    const length = this.#numbers[LENGTHS + slot] ?? 0
    return {
      keyId: this.#numbers[KEY_IDS + slot] ?? 0,
      publicKey: this.#cells.slice(at, at + KEY_BYTES),
      signature: this.#cells.slice(at + SIGNATURE_AT, at + MESSAGE_AT),
      message: this.#cells.slice(at + MESSAGE_AT, at + MESSAGE_AT + length),
    }
  }

  /** Waits until a slot is no longer taken, or for some milliseconds. Blocks the thread. */
  awaitSettled(position: number, milliseconds: number): void {
    Atomics.wait(this.#numbers, STATES + (position & SLOT_MASK), SLOT_TAKEN, milliseconds)
  }

  /** The position that is filled next, modulo 2^32. */
  get tail(): number {
    return Atomics.load(this.#numbers, TAIL)
  }

  /** Waits until the tail is no longer there. Blocks the thread. @returns `false` once closed. */
  awaitBeyond(tail: number): boolean {
    if (Atomics.load(this.#numbers, CLOSED) !== 0) return false
    Atomics.add(this.#numbers, SLEEPERS, 1)
    Atomics.wait(this.#numbers, TAIL, tail)
    Atomics.sub(this.#numbers, SLEEPERS, 1)
    return Atomics.load(this.#numbers, CLOSED) === 0
  }

  /** Ends the waiting of all who wait for more. */
  close(): void {
    Atomics.store(this.#numbers, CLOSED, 1)
    Atomics.add(this.#numbers, TAIL, 1)
    Atomics.notify(this.#numbers, TAIL)
  }

  #equals(at: number, bytes: Uint8Array, length: number): boolean {
    const cells = this.#cells
    for (let i = 0; i < length; i++) if (cells[at + i] !== bytes[i]) return false
    return true
  }
}
