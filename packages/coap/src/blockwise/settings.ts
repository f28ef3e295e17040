// SPDX-License-Identifier: Apache-2.0
/**
 * How block-wise transfer is done: sizes and limits.
 *
 * @module
 */

import type { CoapMessage } from '@waxwing/oscore'
import { type BlockSize, MAX_BLOCK_BYTES } from './block.js'

/** RFC 7252 Section 4.6. */
const MAX_MESSAGE_BYTES = 1_152
/** What a message has besides options and payload: header, token and payload marker, and some spare. */
const FRAME_BYTES = 16
/** What a block may have besides: Block1, Block2, a size, an entity tag, a Request-Tag. */
const OPTIONS_OF_A_BLOCK_BYTES = 32
const LEAST_BLOCK_BYTES: BlockSize = 16

/** What both sides of block-wise transfer can be told. */
export interface BlockwiseOptions {
  /** Largest block to send and to ask for: 16, 32, 64, 128, 256, 512 or 1,024 bytes, the default. */
  readonly blockSize?: BlockSize
  /** Largest body to accept. Default 16 MiB at a client, 1 MiB at a server. */
  readonly maxBodyBytes?: number
  /**
   * A message whose options and payload together are no longer than this goes whole, though its payload
   * is larger than a block: so an OSCORE message around a block is not sliced again. Default 1,136 for
   * blocks of 1,024 bytes, otherwise 0.
   */
  readonly wholeMessageBytes?: number
  /**
   * The longest message that the network below sends. Blocks are smaller than `blockSize` where that is
   * needed to fit. By default, and at the most, they fit into 1,152 bytes.
   */
  readonly maxMessageBytes?: number
}

/** The settings of one side. */
export class BlockwiseSettings {
  readonly blockSize: BlockSize
  readonly maxBodyBytes: number
  readonly #wholeMessageBytes: number
  /** What options and payload may take of a message. */
  readonly #roomBytes: number

  /** @throws {RangeError} If an option is out of range. */
  constructor(options: BlockwiseOptions, defaultMaxBodyBytes: number) {
    const { blockSize = MAX_BLOCK_BYTES, maxBodyBytes = defaultMaxBodyBytes } = options
    const { maxMessageBytes = Number.MAX_SAFE_INTEGER } = options
    const bits = Math.log2(blockSize)
    if (!Number.isInteger(bits) || bits < 4 || bits > 10) {
      throw new RangeError(`blockSize must be a power of two from 16 to 1024, got ${blockSize}`)
    }
    assertCount('maxBodyBytes', maxBodyBytes)
    assertCount('maxMessageBytes', maxMessageBytes)
    this.maxBodyBytes = maxBodyBytes
    this.#roomBytes = Math.min(maxMessageBytes, MAX_MESSAGE_BYTES) - FRAME_BYTES
    this.blockSize = this.#fitting(blockSize, 0)
    const isLargest = blockSize === MAX_BLOCK_BYTES
    const { wholeMessageBytes = isLargest ? this.#roomBytes : 0 } = options
    this.#wholeMessageBytes = Math.min(wholeMessageBytes, maxMessageBytes - FRAME_BYTES)
  }

  /** Whether a message goes as it is. */
  isWhole(message: CoapMessage): boolean {
    const { payload } = message
    if (payload.length === 0) return true
    const bytes = optionBytes(message) + payload.length
    if (payload.length <= this.blockSize) return bytes <= this.#roomBytes
    return bytes <= this.#wholeMessageBytes
  }

  /** The size of a message's blocks: smaller where its options leave little room. */
  blockSizeFor(message: CoapMessage): BlockSize {
    return this.#fitting(this.blockSize, optionBytes(message))
  }

  #fitting(largest: BlockSize, otherBytes: number): BlockSize {
    const room = this.#roomBytes - OPTIONS_OF_A_BLOCK_BYTES - otherBytes
    let size = largest
    while (size > room && size > LEAST_BLOCK_BYTES) size = (size / 2) as BlockSize
    return size
  }
}

/** @throws {RangeError} If a limit is not a positive integer. */
export function assertCount(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new RangeError(`${name} must be an integer above 0, got ${value}`)
  }
}

/** No less than options take (RFC 7252 Section 3.1): a delta is at most the number. */
function optionBytes({ options }: CoapMessage): number {
  return options.reduce(
    (sum, { number, value: { length } }) =>
      sum + 1 + extension(number) + extension(length) + length,
    0,
  )
}

function extension(integer: number): number {
  if (integer < 13) return 0
  return integer < 269 ? 1 : 2
}
