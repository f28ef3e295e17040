// SPDX-License-Identifier: Apache-2.0
/**
 * OSCORE messages that a proxy sent in blocks (RFC 8613 Section 4.1.3.4.2, RFC 7959 Section 2).
 *
 * Outer blocks are not protected: anybody can send them without end, which is why there is a limit.
 *
 * @module
 */

import { equalBytes, malformed, WaxwingError } from '@waxwing/core'
import { joinBytes } from './join-bytes.js'
import { type CoapMessage, OPTION, optionValue } from './message.js'

const MORE_FLAG = 0b1000
const SIZE_MASK = 0b0111
const RESERVED_SIZE = 7
const MAX_BLOCK_OPTION_BYTES = 3

interface Block {
  readonly number: number
  readonly hasMore: boolean
  readonly bytes: number
}

/** Which option numbers the blocks: Block1 those of a request, Block2 those of a response. */
export type BlockedDirection = 'request' | 'response'

/** Puts one message together. Blocks come in order; the transport asks for the next one. */
export class OuterBlocks {
  readonly #direction: BlockedDirection
  readonly #maxBytes: number
  #first: CoapMessage | undefined
  #parts: Uint8Array[] = []
  #length = 0

  /** @param maxBytes - MAX_UNFRAGMENTED_SIZE: of all payloads together. */
  constructor(direction: BlockedDirection, maxBytes: number) {
    if (!Number.isSafeInteger(maxBytes) || maxBytes < 1) {
      throw new RangeError(`maxBytes must be an integer above 0, got ${maxBytes}`)
    }
    this.#direction = direction
    this.#maxBytes = maxBytes
  }

  /**
   * Adds a block. Block 0 begins anew.
   *
   * @param message - Untrusted.
   * @returns The message as it was before, once its last block is there; a message without Block option
   *   at once; `undefined` as long as more is to come.
   * @throws {WaxwingError} `ERR_MALFORMED` for a block that does not follow the one before, `ERR_LIMIT`
   *   above `maxBytes`; what was collected is gone then.
   */
  add(message: CoapMessage): CoapMessage | undefined {
    const { option, size } = this.#numbers()
    const value = optionValue(message, option)
    if (value === undefined) return message
    const block = this.#checked(decodeBlock(value), message)
    const first = (this.#first ??= message)
    this.#parts.push(message.payload.slice())
    this.#length += message.payload.length
    if (block.hasMore) return undefined
    const payload = joinBytes(this.#parts)
    this.#clear()
    const options = first.options.filter(({ number }) => number !== option && number !== size)
    return { ...first, options, payload }
  }

  #numbers(): { readonly option: number; readonly size: number } {
    return this.#direction === 'request'
      ? { option: OPTION.block1, size: OPTION.size1 }
      : { option: OPTION.block2, size: OPTION.size2 }
  }

  #checked(block: Block | undefined, message: CoapMessage): Block {
    if (block?.number === 0) this.#clear()
    const { payload } = message
    const isNext = block !== undefined && block.number * block.bytes === this.#length
    const isWhole = block !== undefined && (!block.hasMore || payload.length === block.bytes)
    if (!isNext || !isWhole || payload.length > block.bytes || !this.#isSameMessage(message)) {
      this.#clear()
      throw malformed('CoAP message', 'block')
    }
    if (this.#length + payload.length > this.#maxBytes) {
      this.#clear()
      throw new WaxwingError('ERR_LIMIT', `more than ${this.#maxBytes} bytes in blocks`, {
        rule: 'unfragmented size',
      })
    }
    return block
  }

  /** All blocks of a message have its OSCORE option. */
  #isSameMessage(message: CoapMessage): boolean {
    if (this.#first === undefined) return true
    const before = optionValue(this.#first, OPTION.oscore)
    const now = optionValue(message, OPTION.oscore)
    return before !== undefined && now !== undefined && equalBytes(before, now)
  }

  #clear(): void {
    this.#first = undefined
    this.#parts = []
    this.#length = 0
  }
}

/** NUM, M and SZX (RFC 7959 Section 2.2); `undefined` if the value is none. */
function decodeBlock(value: Uint8Array): Block | undefined {
  if (value.length > MAX_BLOCK_OPTION_BYTES) return undefined
  const integer = value.reduce((sum, byte) => sum * 256 + byte, 0)
  const sizeExponent = integer & SIZE_MASK
  if (sizeExponent === RESERVED_SIZE) return undefined
  return {
    number: integer >> 4,
    hasMore: (integer & MORE_FLAG) !== 0,
    bytes: 2 ** (sizeExponent + 4),
  }
}
