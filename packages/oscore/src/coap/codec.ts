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

import { malformed } from '@waxwing/core'
import { joinBytes } from './join-bytes.js'
import type { CoapMessage, CoapOption } from './message.js'

const PAYLOAD_MARKER = 0xff
const MAX_OPTION_NUMBER = 65_535
// A nibble up to 12 is the number itself, 13 announces one further byte, 14 two (Section 3.1).
const NIBBLE_ONE_BYTE = 13
const NIBBLE_TWO_BYTES = 14
const ONE_BYTE_BASE = 13
const TWO_BYTES_BASE = 269
const MAX_VALUE_BYTES: number = 65_535 + TWO_BYTES_BASE

/**
 * Encodes Code, options in the order of their numbers, and payload with its marker.
 *
 * @throws {RangeError} If code, the number of an option or the length of a value is out of range.
 */
export function encodeCoap({ code, options, payload }: CoapMessage): Uint8Array {
  if (!Number.isInteger(code) || code < 0 || code > 255) {
    throw new RangeError(`code must be a byte, got ${code}`)
  }
  const parts: Uint8Array[] = [Uint8Array.of(code)]
  let previous = 0
  for (const option of sortOptions(options)) {
    checkOption(option)
    parts.push(optionHead(option.number - previous, option.value.length), option.value)
    previous = option.number
  }
  if (payload.length > 0) parts.push(Uint8Array.of(PAYLOAD_MARKER), payload)
  return joinBytes(parts)
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

/** A copy in the order of numbers; instances of one number keep theirs. */
export function sortOptions(options: readonly CoapOption[]): readonly CoapOption[] {
  return options.toSorted((a, b) => a.number - b.number)
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

function optionHead(delta: number, length: number): Uint8Array {
  const [deltaNibble, ...deltaBytes] = extend(delta)
  const [lengthNibble, ...lengthBytes] = extend(length)
  return Uint8Array.of((deltaNibble << 4) | lengthNibble, ...deltaBytes, ...lengthBytes)
}

/** The nibble, then the bytes that it announces. */
function extend(value: number): readonly [number, ...number[]] {
  if (value < ONE_BYTE_BASE) return [value]
  if (value < TWO_BYTES_BASE) return [NIBBLE_ONE_BYTE, value - ONE_BYTE_BASE]
  const rest = value - TWO_BYTES_BASE
  return [NIBBLE_TWO_BYTES, rest >> 8, rest & 0xff]
}

function bad(field: string): Error {
  return malformed('CoAP message', field)
}
