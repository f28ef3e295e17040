// SPDX-License-Identifier: Apache-2.0
/**
 * A segment as a value in the store, and its key: the number of its message, then its own. Both are this
 * package's alone; what is there and is none was damaged.
 *
 * @module
 */

import { concatBytes, utf8, WaxwingError, type StoreEntry } from '@waxwing/core'
import type { Part, Place } from './parts.js'

export const PARTS_TABLE = 'sms/parts'

const VERSION = 1
const FIXED_BYTES = 9
const KEY = /^([0-9]{15})\.([0-9]{3})$/

export interface KeptPart {
  readonly key: string
  /** Of the message: later ones are higher. */
  readonly messageNumber: number
  readonly part: Part
}

export function keyOf(messageNumber: number, place: Place | undefined): string {
  const segment = String(place?.number ?? 1).padStart(3, '0')
  return `${String(messageNumber).padStart(15, '0')}.${segment}`
}

/** NaN for what is no key. */
export function messageNumberOf(key: string): number {
  return Number(KEY.exec(key)?.[1] ?? NaN)
}

export function encodePart({ source, destination, isText, bytes, place }: Part): Uint8Array {
  const { width, reference, total, number } = place ?? SINGLE
  const [from, to] = [utf8(source), utf8(destination)]
  const fixed = [
    VERSION,
    isText ? 1 : 0,
    width,
    reference >> 8,
    reference,
    total,
    number,
    from.length,
    to.length,
  ]
  return concatBytes(Uint8Array.from(fixed), from, to, bytes)
}

/** @throws {WaxwingError} `ERR_STORE_CORRUPT`. */
export function decodePart({ key, value }: StoreEntry): KeptPart {
  const messageNumber = messageNumberOf(key)
  const [version, isText, width, high, low, total, number, fromLength, toLength] = value
  const isWhole = value.length >= FIXED_BYTES + (fromLength ?? 0) + (toLength ?? 0)
  if (version !== VERSION || !isWhole || !Number.isSafeInteger(messageNumber)) {
    throw new WaxwingError('ERR_STORE_CORRUPT', 'a segment in the store is damaged')
  }
  const text = new TextDecoder()
  const destinationAt = FIXED_BYTES + fromLength!
  const bytesAt = destinationAt + toLength!
  const isSegment = total! > 1 && number! >= 1 && number! <= total!
  const reference = (high! << 8) | low!
  const place = { width: width!, reference, total: total!, number: number! }
  const part: Part = {
    source: text.decode(value.subarray(FIXED_BYTES, destinationAt)),
    destination: text.decode(value.subarray(destinationAt, bytesAt)),
    isText: isText === 1,
    bytes: value.slice(bytesAt),
    place: isSegment ? place : undefined,
  }
  return { key, messageNumber, part }
}

const SINGLE: Place = { width: 0, reference: 0, total: 1, number: 1 }
