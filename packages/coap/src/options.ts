// SPDX-License-Identifier: Apache-2.0
/**
 * Options of CoAP: their numbers, what a number says of itself, and the formats of their values (RFC 7252
 * Sections 3.2, 5.4 and 5.10).
 *
 * @module
 */

import { fromUtf8, utf8 } from '@waxwing/core'
import { type CoapMessage, type CoapOption, OPTION as OSCORE_OPTION } from '@waxwing/oscore'

const BEYOND_OSCORE = {
  ifMatch: 1,
  etag: 4,
  ifNoneMatch: 5,
  locationPath: 8,
  contentFormat: 12,
  hopLimit: 16,
  accept: 17,
  locationQuery: 20,
} as const

/** Numbers of options, as the registry of CoAP has them. */
export const OPTION: typeof OSCORE_OPTION & typeof BEYOND_OSCORE = {
  ...OSCORE_OPTION,
  ...BEYOND_OSCORE,
}

/** Whether a message must be refused by whoever does not understand this option (Section 5.4.1). */
export function isCritical(number: number): boolean {
  return (number & 1) === 1
}

/** Whether a proxy must understand this option to forward a message (Section 5.4.2). */
export function isUnsafeToForward(number: number): boolean {
  return (number & 2) === 2
}

/** Whether responses are the same whatever this option says (Section 5.4.2). */
export function isNoCacheKey(number: number): boolean {
  return (number & 0b11110) === 0b11100
}

/** All values of an option, in their order. */
export function optionValues(message: CoapMessage, number: number): readonly Uint8Array[] {
  return message.options.filter((option) => option.number === number).map(({ value }) => value)
}

/** The options but those of these numbers. */
export function withoutOptions(
  options: readonly CoapOption[],
  ...numbers: readonly number[]
): readonly CoapOption[] {
  return options.filter(({ number }) => !numbers.includes(number))
}

/**
 * An option with an unsigned integer, in as few bytes as possible (Section 3.2).
 *
 * @throws {RangeError} If the value is none.
 */
export function uintOption(number: number, value: number): CoapOption {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`option ${number} must be an integer from 0, got ${value}`)
  }
  const bytes: number[] = []
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
  return { number, value: Uint8Array.from(bytes) }
}

/** An option with text. */
export function textOption(number: number, value: string): CoapOption {
  return { number, value: utf8(value) }
}

/** The integer that an option holds; `undefined` for one that is longer than 4 bytes. */
export function readUint(value: Uint8Array): number | undefined {
  if (value.length > 4) return undefined
  return value.reduce((sum, byte) => sum * 256 + byte, 0)
}

/** The text that an option holds; `undefined` where it is not UTF-8. */
export function readText(value: Uint8Array): string | undefined {
  try {
    return fromUtf8(value)
  } catch {
    return undefined
  }
}
