// SPDX-License-Identifier: Apache-2.0
/**
 * The bytes of a file that is sent, from wherever an earlier run stopped, with the digest of all of them.
 *
 * Invariant: what has not the size, or not the time of change, that it had in the beginning does not come
 * to its end. So nobody can take a mixture for the file.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import { createReadStream, statSync } from 'node:fs'
import { UsageError } from '../exit-codes.js'

const READ_BYTES = 262_144

/** A file, or standard input, that is read once. */
export class SentFile {
  readonly #hash = createHash('sha256')
  readonly #path: string

  /** @param path - `-` is standard input. */
  constructor(path: string) {
    this.#path = path
  }

  /** After all was read: in hex. */
  get sha256(): string {
    return this.#hash.copy().digest('hex')
  }

  /**
   * What is to be sent. What was sent before is read as well, for the digest.
   *
   * @param from - In bytes.
   * @throws {UsageError} At the end, if the file was changed meanwhile.
   */
  async *bytesFrom(from: number): AsyncGenerator<Uint8Array, void> {
    const before = this.#look()
    let at = 0
    for await (const chunk of this.#open()) {
      this.#hash.update(chunk)
      const skipped = Math.max(0, Math.min(chunk.length, from - at))
      at += chunk.length
      if (skipped < chunk.length) yield chunk.subarray(skipped)
    }
    if (before !== this.#look()) {
      throw new UsageError(`${this.#path} was changed while it was sent: send it again`)
    }
  }

  #open(): AsyncIterable<Uint8Array> {
    if (this.#path === '-') return process.stdin as AsyncIterable<Uint8Array>
    return createReadStream(this.#path, { highWaterMark: READ_BYTES }) as AsyncIterable<Uint8Array>
  }

  #look(): string {
    if (this.#path === '-') return ''
    const { size, mtimeMs } = statSync(this.#path)
    return `${size} ${mtimeMs}`
  }
}
