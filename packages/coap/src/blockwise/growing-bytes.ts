// SPDX-License-Identifier: Apache-2.0
/**
 * A body that arrives in blocks. Kept in one piece: a peer that sends blocks of one byte makes it no
 * larger than what it sent, up to a factor of two.
 *
 * @module
 */

import { equalBytes } from '@waxwing/core'

/** Bytes that only grow. */
export class GrowingBytes {
  #buffer: Uint8Array = new Uint8Array(0)
  #length = 0

  get length(): number {
    return this.#length
  }

  /** What it takes in memory. */
  get capacity(): number {
    return this.#buffer.length
  }

  /** Copies bytes to the end. */
  append(bytes: Uint8Array): void {
    const length = this.#length + bytes.length
    if (length > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#buffer.length))
      larger.set(this.#buffer.subarray(0, this.#length))
      this.#buffer = larger
    }
    this.#buffer.set(bytes, this.#length)
    this.#length = length
  }

  /** Whether these bytes stand at an offset already. */
  has(bytes: Uint8Array, offset: number): boolean {
    const end = offset + bytes.length
    return end <= this.#length && equalBytes(this.#buffer.subarray(offset, end), bytes)
  }

  /** All of them: a view, to be taken when nothing more is appended. */
  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length)
  }
}
