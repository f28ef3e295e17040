// SPDX-License-Identifier: Apache-2.0
/**
 * The options Block1 and Block2 (RFC 7959 Section 2.2).
 *
 * @module
 */

import { malformed, WaxwingError } from '@waxwing/core'
import { type CoapMessage, type CoapOption, optionValue } from '@waxwing/oscore'
import { readUint, uintOption } from '../options.js'

const MORE_FLAG = 0b1000
const SIZE_MASK = 0b0111
const RESERVED_SIZE = 7
const MAX_OPTION_BYTES = 3
const MAX_NUMBER: number = 2 ** 20 - 1
const LEAST_SIZE_BITS = 4

/** The sizes that blocks can have, in bytes. */
export type BlockSize = 16 | 32 | 64 | 128 | 256 | 512 | 1024

/** The largest blocks. */
export const MAX_BLOCK_BYTES: BlockSize = 1024

/** Which part of a body a message has. */
export interface Block {
  /** NUM: 0 for the first. */
  readonly number: number
  /** M: whether others follow. */
  readonly hasMore: boolean
  /** The size that SZX stands for. */
  readonly bytes: BlockSize
}

/** Where a block begins in the body. */
export function offsetOf({ number, bytes }: Block): number {
  return number * bytes
}

/**
 * The block that a message says it has; `undefined` for one that says nothing.
 *
 * @throws {WaxwingError} `ERR_MALFORMED` for a value that stands for no block.
 */
export function readBlock(message: CoapMessage, option: number): Block | undefined {
  const value = optionValue(message, option)
  if (value === undefined) return undefined
  const integer = value.length > MAX_OPTION_BYTES ? undefined : readUint(value)
  if (integer === undefined || (integer & SIZE_MASK) === RESERVED_SIZE) {
    throw malformed('CoAP message', 'block')
  }
  return {
    number: integer >> 4,
    hasMore: (integer & MORE_FLAG) !== 0,
    bytes: (2 ** ((integer & SIZE_MASK) + LEAST_SIZE_BITS)) as BlockSize,
  }
}

/**
 * A block as an option.
 *
 * @throws {WaxwingError} `ERR_LIMIT` for a number above 1,048,575.
 */
export function blockOption(option: number, { number, hasMore, bytes }: Block): CoapOption {
  if (number > MAX_NUMBER) {
    const message = `a body has at most ${MAX_NUMBER + 1} blocks, here of ${bytes} bytes`
    throw new WaxwingError('ERR_LIMIT', message, { rule: 'block number' })
  }
  const sizeBits = Math.log2(bytes) - LEAST_SIZE_BITS
  return uintOption(option, number * 16 + (hasMore ? MORE_FLAG : 0) + sizeBits)
}

/** The part of a body at an offset. */
export function blockAt(body: Uint8Array, offset: number, bytes: BlockSize): Block {
  return { number: offset / bytes, hasMore: offset + bytes < body.length, bytes }
}

/** The smaller of two sizes. */
export function smaller(a: BlockSize, b: BlockSize): BlockSize {
  return a < b ? a : b
}
