// SPDX-License-Identifier: Apache-2.0
/**
 * Finds where one CBOR item ends, without decoding it (RFC 8949 Section 3).
 *
 * This is what splits an archive, a plaintext or a stream of bytes into items. It refuses at once
 * whatever can never become an item of the profile of `cbor.ts`; what it accepts may still fail
 * there, by the order of its keys, by text that is no UTF-8, or by the type of a key.
 *
 * Iterative, one look at each head, and no memory beyond `maxDepth` numbers, whatever lengths the
 * input claims.
 *
 * @module
 */

import { WaxwingError } from '../errors.js'

/** How many arrays, maps and tags may stand inside one another. */
export const MAX_CBOR_DEPTH = 16

const MAJOR_BYTES = 2
const MAJOR_TEXT = 3
const MAJOR_ARRAY = 4
const MAJOR_MAP = 5
const MAJOR_TAG = 6
const MAJOR_SIMPLE = 7

/** False, true and null: the only simple values of the profile (RFC 8949 Section 3.3). */
const FIRST_SIMPLE = 20
const LAST_SIMPLE = 22

/** Smallest argument that needs 1, 2, 4 and 8 bytes (RFC 8949 Section 4.2.1). */
const SMALLEST_ARGUMENTS = [24, 2 ** 8, 2 ** 16, 2 ** 32] as const

export interface ItemLimits {
  /** How many arrays, maps and tags may stand inside one another. Default 16. */
  readonly maxDepth?: number
  /** Longest item, in bytes. Default 2^53 - 1: no limit but the input's own. */
  readonly maxBytes?: number
}

interface Head {
  readonly major: number
  /** The number, the length, the count or the tag. */
  readonly argument: number
  readonly end: number
}

/**
 * Finds the end of the item that starts at `offset`.
 *
 * @param bytes - Untrusted. Read from `offset` on; what follows the item is not looked at.
 * @returns The offset behind the item's last byte, or `undefined` if the input ends before the item
 *   does: try again with more of it.
 * @throws {WaxwingError} `ERR_MALFORMED` if no continuation can make it an item of the profile:
 *   an indefinite length, a reserved value, a number longer than it has to be, a floating-point
 *   number, a simple value other than false, true and null. `ERR_LIMIT` if the item is nested
 *   deeper, or is or claims to be longer, than the limits say.
 * @throws {RangeError} If `offset` lies outside the input.
 */
export function itemEnd(
  bytes: Uint8Array,
  offset: number,
  limits: ItemLimits = {},
): number | undefined {
  if (!Number.isInteger(offset) || offset < 0 || offset > bytes.length) {
    throw new RangeError(`offset must be within 0 and ${bytes.length}, got ${offset}`)
  }
  const { maxDepth = MAX_CBOR_DEPTH, maxBytes = Number.MAX_SAFE_INTEGER } = limits
  const lastEnd = Math.min(offset + maxBytes, Number.MAX_SAFE_INTEGER)
  /** What the arrays, maps and tags around the current one still lack, outermost first. */
  const outer: number[] = []
  let lacking = 1
  let position = offset
  for (;;) {
    const head = readHead(bytes, position)
    if (head === undefined) return unfinished(bytes, lastEnd)
    position = head.end + contentBytes(head)
    const items = itemsInside(head)
    // Every item inside takes a byte at least, so the claim alone can break the limit.
    if (position + (items ?? 0) > lastEnd) throw overLimit('item size', head.end)
    if (position > bytes.length) return undefined
    lacking -= 1
    if (items !== undefined) {
      if (outer.length === maxDepth) throw overLimit('nesting depth', head.end)
      outer.push(lacking)
      lacking = items
    }
    while (lacking === 0) {
      const around = outer.pop()
      if (around === undefined) return position
      lacking = around
    }
  }
}

function readHead(bytes: Uint8Array, offset: number): Head | undefined {
  const initial = bytes[offset]
  if (initial === undefined) return undefined
  const major = initial >> 5
  const info = initial & 31
  if (major === MAJOR_SIMPLE) {
    if (info < FIRST_SIMPLE || info > LAST_SIMPLE) throw badHead('simple value or float', offset)
    return { major, argument: 0, end: offset + 1 }
  }
  if (info < 24) return { major, argument: info, end: offset + 1 }
  if (info === 31) throw badHead('indefinite length', offset)
  if (info > 27) throw badHead('additional information', offset)
  const end = offset + 1 + 2 ** (info - 24)
  if (end > bytes.length) return undefined
  const argument = bigEndian(bytes, offset + 1, end)
  if (argument < SMALLEST_ARGUMENTS[info - 24]!) throw badHead('length of a number', offset)
  if (major === MAJOR_TAG && argument > Number.MAX_SAFE_INTEGER) throw badHead('tag', offset)
  return { major, argument, end }
}

/** Exact up to 2^53; above, only the size matters. */
function bigEndian(bytes: Uint8Array, start: number, end: number): number {
  let number = 0
  for (let i = start; i < end; i++) number = number * 256 + bytes[i]!
  return number
}

function contentBytes({ major, argument }: Head): number {
  return major === MAJOR_BYTES || major === MAJOR_TEXT ? argument : 0
}

/** `undefined` for what cannot hold items. */
function itemsInside({ major, argument }: Head): number | undefined {
  if (major === MAJOR_ARRAY) return argument
  if (major === MAJOR_MAP) return 2 * argument
  return major === MAJOR_TAG ? 1 : undefined
}

function unfinished(bytes: Uint8Array, lastEnd: number): undefined {
  if (bytes.length >= lastEnd) throw overLimit('item size', bytes.length)
  return undefined
}

function badHead(field: string, offset: number): WaxwingError {
  return new WaxwingError('ERR_MALFORMED', `CBOR: bad ${field}`, { field, offset })
}

function overLimit(rule: string, offset: number): WaxwingError {
  return new WaxwingError('ERR_LIMIT', `CBOR: the limit on the ${rule} is exceeded`, {
    rule,
    offset,
  })
}
