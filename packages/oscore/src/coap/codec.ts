// SPDX-License-Identifier: Apache-2.0
/**
 * Code, options and payload as bytes: the plaintext of OSCORE (RFC 8613 Section 5.3), which is a CoAP
 * message without its header fields of one hop (RFC 7252 Section 3).
 *
 * Invariant: each message has exactly one encoding, up to the order of its options, and the decoder
 * accepts no other.
 *
 * @module
 */

import { malformed, Slab } from '@waxwing/core'
import type { CoapMessage, CoapOption } from './message.js'

const PAYLOAD_MARKER = 0xff
const MAX_OPTION_NUMBER = 65_535
// A nibble up to 12 is the number itself, 13 announces one further byte, 14 two (Section 3.1).
const NIBBLE_ONE_BYTE = 13
const NIBBLE_TWO_BYTES = 14
const ONE_BYTE_BASE = 13
const TWO_BYTES_BASE = 269
const MAX_VALUE_BYTES: number = 65_535 + TWO_BYTES_BASE

/** Encoded messages soon become others, encrypted or with a header, and are not kept. */
const messages = new Slab()

/**
 * Encodes Code, options in the order of their numbers, and payload with its marker. Returns new bytes, which
 * may lie in a larger buffer.
 *
 * @throws {RangeError} If code, the number of an option or the length of a value is out of range.
 */
export function encodeCoap({ code, options, payload }: CoapMessage): Uint8Array {
  if (!Number.isInteger(code) || code < 0 || code > 255) {
    throw new RangeError(`code must be a byte, got ${code}`)
  }
  const sorted = sortOptions(options)
  const bytes = messages.take(encodedBytes(sorted, payload))
  bytes[0] = code
  let at = 1
  let previous = 0
  for (const { number, value } of sorted) {
    at = writeHead(bytes, at, number - previous, value.length)
    bytes.set(value, at)
    at += value.length
    previous = number
  }
  if (payload.length > 0) {
    bytes[at] = PAYLOAD_MARKER
    bytes.set(payload, at + 1)
  }
  return bytes
}

/**
 * Decodes what {@link encodeCoap} wrote.
 *
 * @param bytes - Untrusted.
 * @returns Views into `bytes`, options in the order of their numbers.
 * @throws {WaxwingError} `ERR_MALFORMED`.
 */
export function decodeCoap(bytes: Uint8Array): CoapMessage {
  const [code] = bytes
  if (code === undefined) throw bad('code')
  const options: CoapOption[] = []
  const reader = new OptionReader(bytes)
  let number = 0
  for (;;) {
    const head = reader.head()
    if (head === undefined) return { code, options, payload: new Uint8Array(0) }
    if (head === PAYLOAD_MARKER) return { code, options, payload: reader.payload() }
    number += reader.extended(head >> 4, 'option delta')
    if (number > MAX_OPTION_NUMBER) throw bad('option number')
    const value = reader.take(reader.extended(head & 0x0f, 'option length'), 'option value')
    options.push({ number, value })
  }
}

/** In the order of numbers; instances of one number keep theirs. A copy, unless they were in order. */
export function sortOptions(options: readonly CoapOption[]): readonly CoapOption[] {
  let previous = 0
  for (const { number } of options) {
    if (number < previous) return options.toSorted((a, b) => a.number - b.number)
    previous = number
  }
  return options
}

class OptionReader {
  readonly #bytes: Uint8Array
  #offset = 1

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** The first byte of an option, or the payload marker; `undefined` at the end. */
  head(): number | undefined {
    return this.#bytes[this.#offset++]
  }

  /** What a nibble stands for, with the bytes that it announces. */
  extended(nibble: number, field: string): number {
    if (nibble < NIBBLE_ONE_BYTE) return nibble
    if (nibble === NIBBLE_ONE_BYTE) return ONE_BYTE_BASE + this.take(1, field)[0]!
    if (nibble !== NIBBLE_TWO_BYTES) throw bad(field)
    const bytes = this.take(2, field)
    return TWO_BYTES_BASE + bytes[0]! * 256 + bytes[1]!
  }

  take(length: number, field: string): Uint8Array {
    const end = this.#offset + length
    if (end > this.#bytes.length) throw bad(field)
    const taken = this.#bytes.subarray(this.#offset, end)
    this.#offset = end
    return taken
  }

  /** All that is left. A marker before nothing is an error (RFC 7252 Section 3). */
  payload(): Uint8Array {
    if (this.#offset >= this.#bytes.length) throw bad('payload')
    return this.#bytes.subarray(this.#offset)
  }
}

function checkOption({ number, value }: CoapOption): void {
  if (!Number.isInteger(number) || number < 0 || number > MAX_OPTION_NUMBER) {
    throw new RangeError(`number of an option must be within 0 and 65535, got ${number}`)
  }
  if (value.length > MAX_VALUE_BYTES) {
    throw new RangeError(`option ${number} must be at most ${MAX_VALUE_BYTES} bytes long`)
  }
}

function encodedBytes(sorted: readonly CoapOption[], payload: Uint8Array): number {
  let length = payload.length === 0 ? 1 : 2 + payload.length
  let previous = 0
  for (const option of sorted) {
    checkOption(option)
    const { number, value } = option
    length += 1 + extraBytes(number - previous) + extraBytes(value.length) + value.length
    previous = number
  }
  return length
}

/** Writes what stands before a value. Returns where the value begins. */
function writeHead(bytes: Uint8Array, at: number, delta: number, length: number): number {
  bytes[at] = (nibbleOf(delta) << 4) | nibbleOf(length)
  return writeExtra(bytes, writeExtra(bytes, at + 1, delta), length)
}

function nibbleOf(value: number): number {
  if (value < ONE_BYTE_BASE) return value
  return value < TWO_BYTES_BASE ? NIBBLE_ONE_BYTE : NIBBLE_TWO_BYTES
}

/** How many bytes the nibble announces. */
function extraBytes(value: number): number {
  if (value < ONE_BYTE_BASE) return 0
  return value < TWO_BYTES_BASE ? 1 : 2
}

function writeExtra(bytes: Uint8Array, at: number, value: number): number {
  if (value < ONE_BYTE_BASE) return at
  if (value < TWO_BYTES_BASE) {
    bytes[at] = value - ONE_BYTE_BASE
    return at + 1
  }
  const rest = value - TWO_BYTES_BASE
  bytes[at] = rest >> 8
  bytes[at + 1] = rest
  return at + 2
}

function bad(field: string): Error {
  return malformed('CoAP message', field)
}
