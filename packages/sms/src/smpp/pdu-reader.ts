// SPDX-License-Identifier: Apache-2.0
/**
 * Cuts a stream of bytes into packets (SMPP v3.4 Section 3.1). A packet whose length cannot be is the
 * end of the stream: where the next one begins, nobody can tell.
 *
 * Holds at most one packet, and what was read together with its end.
 *
 * @module
 */

import { malformed } from '@waxwing/core'
import { HEADER_BYTES, type Pdu } from './pdu.js'

/** A message_payload of 64 KiB, and what stands around it. */
const MAX_PDU_BYTES = 66_560

export class PduReader {
  #chunks: Uint8Array[] = []
  #byteCount = 0
  /** So many bytes have to be there before there is anything to cut. */
  #wanted = HEADER_BYTES

  /** Takes bytes as they came. They must not be changed afterwards. */
  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk)
    this.#byteCount += chunk.length
  }

  /**
   * The next packet, where all of it is there. Its body is a copy.
   *
   * @throws {WaxwingError} `ERR_MALFORMED`: there will be none any more.
   */
  next(): Pdu | undefined {
    if (this.#byteCount < this.#wanted) return undefined
    const bytes = this.#joined()
    const view = new DataView(bytes.buffer, bytes.byteOffset)
    const length = view.getUint32(0)
    if (length < HEADER_BYTES || length > MAX_PDU_BYTES) throw malformed('PDU', 'command_length')
    if (bytes.length < length) {
      this.#wanted = length
      return undefined
    }
    this.#chunks = bytes.length > length ? [bytes.subarray(length)] : []
    this.#byteCount = bytes.length - length
    this.#wanted = HEADER_BYTES
    return {
      command: view.getUint32(4),
      status: view.getUint32(8),
      sequence: view.getUint32(12),
      body: new Uint8Array(bytes.subarray(HEADER_BYTES, length)),
    }
  }

  #joined(): Uint8Array {
    const [first] = this.#chunks
    if (this.#chunks.length === 1 && first !== undefined) return first
    const bytes = Buffer.concat(this.#chunks)
    this.#chunks = [bytes]
    return bytes
  }
}
