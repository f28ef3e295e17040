// SPDX-License-Identifier: Apache-2.0
/**
 * Finds the ends of CBOR items in bytes that come in pieces (RFC 8742, RFC 8949 Section 3): what
 * `cbor/item-end.ts` does for bytes that are all there, with the same rules, but going on where it
 * stopped. So each byte is looked at once, however small the pieces are.
 *
 * @module
 */

import { MAX_CBOR_DEPTH } from '../cbor/item-end.js'
import { WaxwingError } from '../errors.js'

const MAJOR_TEXT = 3
const MAJOR_MAP = 5
const MAJOR_TAG = 6
const MAJOR_SIMPLE = 7

export class ItemScanner {
  readonly #maxItemBytes: number
  /** Bytes of the current item that were looked at. */
  #seenBytes = 0
  /** What the arrays, maps and tags around the current item still lack, outermost first. */
  #outer: number[] = []
  #lacking = 1
  /** Bytes of the current string that are still to come. */
  #stringBytes = 0
  #major = 0
  #argument = 0
  /** Bytes of the current argument, and how many of them are still to come. */
  #argumentBytes = 0
  #missingBytes = 0

  constructor(maxItemBytes: number) {
    this.#maxItemBytes = maxItemBytes
  }

  /** `true` before the first byte of an item. */
  get isBetweenItems(): boolean {
    return this.#seenBytes === 0
  }

  /**
   * Goes on with the current item.
   *
   * @returns The offset behind the item's last byte, or `undefined` if it does not end in `bytes`.
   * @throws {WaxwingError} `ERR_MALFORMED` or `ERR_LIMIT`, as `itemEnd` does; the scanner is then
   *   of no more use.
   */
  scan(bytes: Uint8Array, start: number): number | undefined {
    let offset = start
    while (offset < bytes.length) {
      if (this.#stringBytes > 0) {
        const taken = Math.min(this.#stringBytes, bytes.length - offset)
        this.#stringBytes -= taken
        this.#seenBytes += taken
        offset += taken
        if (this.#stringBytes === 0 && this.#closeItem()) return offset
      } else if (this.#takeHeadByte(bytes[offset++]!)) {
        return offset
      }
    }
    return undefined
  }

  /** @returns Whether the whole item ends with this byte. */
  #takeHeadByte(byte: number): boolean {
    this.#seenBytes++
    if (this.#seenBytes > this.#maxItemBytes) throw overLimit('item size')
    if (this.#missingBytes === 0) return this.#takeInitialByte(byte)
    this.#argument = this.#argument * 256 + byte
    if (--this.#missingBytes > 0) return false
    // An argument is as short as can be (RFC 8949 Section 4.2.1).
    const smallest = this.#argumentBytes === 1 ? 24 : 2 ** (4 * this.#argumentBytes)
    if (this.#argument < smallest) throw bad('length of a number')
    return this.#openItem()
  }

  #takeInitialByte(byte: number): boolean {
    this.#major = byte >> 5
    this.#argument = byte & 31
    if (this.#major === MAJOR_SIMPLE) {
      // False, true and null are the only simple values of the profile (`cbor/cbor.ts`).
      if (this.#argument < 20 || this.#argument > 22) throw bad('simple value or float')
      return this.#closeItem()
    }
    if (this.#argument < 24) return this.#openItem()
    if (this.#argument === 31) throw bad('indefinite length')
    if (this.#argument > 27) throw bad('additional information')
    this.#argumentBytes = 2 ** (this.#argument - 24)
    this.#missingBytes = this.#argumentBytes
    this.#argument = 0
    return false
  }

  /** Begins what the head that was just read announces. */
  #openItem(): boolean {
    const argument = this.#argument
    if (this.#major < 2) return this.#closeItem()
    if (this.#major <= MAJOR_TEXT) {
      this.#claim(argument)
      this.#stringBytes = argument
      return argument === 0 && this.#closeItem()
    }
    if (this.#major === MAJOR_TAG) {
      if (argument > Number.MAX_SAFE_INTEGER) throw bad('tag')
      return this.#openContainer(1)
    }
    return this.#openContainer(this.#major === MAJOR_MAP ? 2 * argument : argument)
  }

  #openContainer(itemCount: number): boolean {
    this.#claim(itemCount) // each takes a byte at least
    if (this.#outer.length === MAX_CBOR_DEPTH) throw overLimit('nesting depth')
    if (itemCount === 0) return this.#closeItem()
    this.#outer.push(this.#lacking)
    this.#lacking = itemCount
    return false
  }

  /** Refuses a claim before the bytes come that it speaks of. */
  #claim(bytes: number): void {
    if (this.#seenBytes + bytes > this.#maxItemBytes) throw overLimit('item size')
  }

  #closeItem(): boolean {
    for (this.#lacking--; this.#lacking === 0; this.#lacking--) {
      const around = this.#outer.pop()
      if (around === undefined) {
        this.#seenBytes = 0
        this.#lacking = 1
        return true
      }
      this.#lacking = around
    }
    return false
  }
}

function bad(field: string): WaxwingError {
  return new WaxwingError('ERR_MALFORMED', `CBOR: bad ${field}`, { field })
}

function overLimit(rule: string): WaxwingError {
  return new WaxwingError('ERR_LIMIT', `CBOR: the limit on the ${rule} is exceeded`, { rule })
}
