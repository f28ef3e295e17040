// SPDX-License-Identifier: Apache-2.0
/**
 * Properties in the clear part of an object (`docs/spec/04-objects.md` Section 4.2.4): what brokers route
 * by, readable by everyone and changeable by nobody. Transports carry a copy of them beside the object,
 * which anyone can change; only these here count.
 *
 * @module
 */

import { decodeCbor } from '../cbor/cbor.js'
import { encodeCbor } from '../cbor/encode.js'
import { WaxwingError } from '../errors.js'
import { MAX_CLEAR_PART_BYTES } from './header.js'

/** Most properties of one object. */
export const MAX_CLEAR_PROPERTIES = 64

/**
 * Writes properties as a clear part.
 *
 * @param properties - At most 64, with names of one character or more.
 * @returns New bytes: at most 65,535.
 * @throws {TypeError} If a name is empty, or something is no text that UTF-8 can hold.
 * @throws {RangeError} If there are too many, or they are too long.
 */
export function encodeClearProperties(properties: Readonly<Record<string, string>>): Uint8Array {
  const entries = Object.entries(properties)
  if (entries.length > MAX_CLEAR_PROPERTIES) {
    const count = entries.length
    throw new RangeError(`clearProperties must be at most ${MAX_CLEAR_PROPERTIES}, got ${count}`)
  }
  for (const [name, value] of entries) {
    if (name === '') throw new TypeError('clearProperties must not have an empty name')
    if (typeof value !== 'string') throw new TypeError(`clearProperties: ${name} must be text`)
  }
  const bytes = encodeCbor(new Map(entries))
  if (bytes.length <= MAX_CLEAR_PART_BYTES) return bytes
  throw new RangeError(
    `clearProperties must be at most ${MAX_CLEAR_PART_BYTES} bytes, got ${bytes.length}`,
  )
}

/**
 * Reads the properties in a clear part. A clear part may be anything: what has another form is no error.
 *
 * @param clearPart - Of an object. They are verified if that was opened, and anybody's word before.
 * @returns A frozen record in the order of the bytes; `undefined` if the clear part has no such form.
 */
export function decodeClearProperties(
  clearPart: Uint8Array,
): Readonly<Record<string, string>> | undefined {
  const map = mayBeMap(clearPart) ? mapIn(clearPart) : undefined
  if (map === undefined) return undefined
  const entries: [string, string][] = []
  for (const [name, value] of map) {
    if (typeof name !== 'string' || name === '' || typeof value !== 'string') return undefined
    entries.push([name, value])
  }
  return Object.freeze(Object.fromEntries(entries))
}

/** The heads of maps with 0 to 23 and with 24 to 255 entries. */
const SHORT_MAPS = 0xa0
const MAP_OF_8_BITS = 0xb8

/** Most clear parts of other forms are told by this, without an error that is thrown and caught. */
function mayBeMap([head = 0, count = 0]: Uint8Array): boolean {
  if (head === MAP_OF_8_BITS) return count <= MAX_CLEAR_PROPERTIES
  return head >= SHORT_MAPS && head < MAP_OF_8_BITS
}

function mapIn(clearPart: Uint8Array): ReadonlyMap<unknown, unknown> | undefined {
  try {
    const value = decodeCbor(clearPart, 'clear part')
    return value instanceof Map ? value : undefined
  } catch (error) {
    if (error instanceof WaxwingError) return undefined
    throw error
  }
}
