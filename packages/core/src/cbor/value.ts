// SPDX-License-Identifier: Apache-2.0
/**
 * The data that CBOR of our profile carries (`docs/spec/01-conventions.md` Section 1.4).
 *
 * @module
 */

/** What a map may have as keys; a number is an integer of at most 53 bits and its sign. */
export type CborKey = number | string

/** Integers that a `number` holds exactly are numbers, all others `bigint`. */
export type CborValue =
  | number
  | bigint
  | string
  | boolean
  | null
  | Uint8Array
  | readonly CborValue[]
  | ReadonlyMap<CborKey, CborValue>
  | CborTag

/** A tagged value (RFC 8949 Section 3.4). No tag is ever interpreted. */
export class CborTag {
  /** An integer within 0 and 2^53 - 1. */
  readonly tag: number
  readonly contents: CborValue

  constructor(tag: number, contents: CborValue) {
    if (!Number.isSafeInteger(tag) || tag < 0) {
      throw new RangeError(`tag must be an integer within 0 and 2^53 - 1, got ${tag}`)
    }
    this.tag = tag
    this.contents = contents
  }
}
