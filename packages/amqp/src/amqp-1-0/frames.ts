// SPDX-License-Identifier: Apache-2.0
/**
 * Bytes from the network as whole frames (AMQP 1.0 Part 2, Section 2.3), each no larger than was offered,
 * and each with a performative that is what it says (`value-reader.ts`). rhea is given nothing else: by
 * itself it collects frames of any size, and believes what they say of themselves.
 *
 * @module
 */

import { UnreadableError, ValueReader } from './value-reader.js'

/** 'AMQP': the first bytes of a protocol header, which no size of a frame can be. */
const PROTOCOL = 0x414d_5150
const HEADER_BYTES = 8
const SASL = 1

export class FrameReader {
  readonly #maxFrameBytes: number
  #chunks: Buffer[] = []
  #byteCount = 0
  /** So many bytes are wanted before it is worth to look again. */
  #wanted = HEADER_BYTES

  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes
  }

  /**
   * Takes what came, and hands over whole frames: those of AMQP that came together in one piece,
   * headers and frames of SASL alone, because rhea forgets what came behind those.
   *
   * @throws {UnreadableError} If something comes that is no frame.
   */
  push(chunk: Buffer, hand: (frames: Buffer) => void): void {
    this.#chunks.push(chunk)
    this.#byteCount += chunk.length
    if (this.#byteCount < this.#wanted) return
    const bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks)
    const rest = this.#split(bytes, hand)
    this.#chunks = rest.length === 0 ? [] : [rest]
    this.#byteCount = rest.length
    this.#wanted = rest.length < HEADER_BYTES ? HEADER_BYTES : this.#sizeAt(rest, 0)
  }

  #split(bytes: Buffer, hand: (frames: Buffer) => void): Buffer {
    let handed = 0
    let offset = 0
    const handTo = (end: number): void => {
      if (end > handed) hand(bytes.subarray(handed, end))
      handed = end
    }
    while (bytes.length - offset >= HEADER_BYTES) {
      const size = this.#sizeAt(bytes, offset)
      if (offset + size > bytes.length) break
      const isAlone = bytes.readUInt32BE(offset) === PROTOCOL || bytes[offset + 5] === SASL
      if (isAlone) handTo(offset)
      checkFrame(bytes, offset, offset + size)
      offset += size
      if (isAlone) handTo(offset)
    }
    handTo(offset)
    return bytes.subarray(offset)
  }

  #sizeAt(bytes: Buffer, offset: number): number {
    const size = bytes.readUInt32BE(offset)
    if (size === PROTOCOL) return HEADER_BYTES
    if (size < HEADER_BYTES) throw new UnreadableError(`a frame of ${size} bytes`)
    if (size > this.#maxFrameBytes) {
      throw new UnreadableError(
        `a frame of ${size} bytes, where ${this.#maxFrameBytes} were agreed`,
      )
    }
    return size
  }
}

function checkFrame(bytes: Buffer, begin: number, end: number): void {
  if (bytes.readUInt32BE(begin) === PROTOCOL) return
  const body = begin + 4 * bytes.readUInt8(begin + 4)
  if (body < begin + HEADER_BYTES || body > end) throw new UnreadableError('a frame without a body')
  if (body < end) new ValueReader(bytes, body, end).check()
}
