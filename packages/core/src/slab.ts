// SPDX-License-Identifier: Apache-2.0
/**
 * Small byte arrays cut from larger buffers. To make a typed array with a buffer of its own costs about
 * half as much as to seal a small message; a view costs a tenth of that.
 *
 * Pieces are given out once and never taken back: whoever gets one owns its bytes. Who keeps one keeps
 * the buffer around it, so buffers are small, and each user of slabs has its own: pieces of two streams
 * never lie side by side.
 *
 * @module
 */

const SLAB_BYTES = 8192
/** What is larger has a buffer of its own. */
const MAX_PIECE_BYTES = 1024

export class Slab {
  #buffer = new ArrayBuffer(0)
  #used = 0

  /** Gives out zeros: a view of its own bytes in a larger buffer, or a new array. */
  take(length: number): Uint8Array {
    if (length > MAX_PIECE_BYTES) return new Uint8Array(length)
    const start = this.#used + length > this.#buffer.byteLength ? this.#renew() : this.#used
    this.#used = start + length
    return new Uint8Array(this.#buffer, start, length)
  }

  #renew(): number {
    this.#buffer = new ArrayBuffer(SLAB_BYTES)
    return 0
  }
}
