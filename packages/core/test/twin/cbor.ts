// SPDX-License-Identifier: Apache-2.0
/**
 * The slow twin of the CBOR codec (`docs/spec/01-conventions.md` Section 1.4): an encoder straight
 * from RFC 8949 Sections 3 and 4.2.1, and a decoder that reads leniently, encodes again what it
 * read, and refuses whatever does not come out as the same bytes.
 *
 * @module
 */

import type { CborKey, CborValue } from '@waxwing/core'
import { join } from '../../../../tools/vectors/frozen/cbor.ts'
import { refuse } from './refusal.ts'

const MAX_DEPTH = 16

/** A tagged value. */
export class Tag {
  readonly tag: number
  readonly contents: CborValue

  constructor(tag: number, contents: CborValue) {
    this.tag = tag
    this.contents = contents
  }
}

export type CborMap = ReadonlyMap<CborKey, CborValue>

export function isMap(value: CborValue | undefined): value is CborMap {
  return value instanceof Map
}

export function isList(value: CborValue | undefined): value is readonly CborValue[] {
  return Array.isArray(value)
}

export function isTag(value: CborValue | undefined): value is Tag {
  return typeof value === 'object' && value !== null && 'tag' in value
}

/** Encodes a value by the letter of the specification. */
export function encodeByTheBook(value: CborValue): Uint8Array {
  if (value === false) return Uint8Array.of(0xf4)
  if (value === true) return Uint8Array.of(0xf5)
  if (value === null) return Uint8Array.of(0xf6)
  if (typeof value === 'number' || typeof value === 'bigint') {
    return value >= 0 ? head(0, BigInt(value)) : head(1, -1n - BigInt(value))
  }
  if (value instanceof Uint8Array) return join(head(2, value.length), value)
  if (typeof value === 'string') {
    const text = new TextEncoder().encode(value)
    return join(head(3, text.length), text)
  }
  if (isTag(value)) return join(head(6, value.tag), encodeByTheBook(value.contents))
  if (isMap(value)) return encodeMap(value)
  return join(head(4, value.length), ...value.map(encodeByTheBook))
}

function encodeMap(map: CborMap): Uint8Array {
  const entries = [...map].map(([k, v]) => [encodeByTheBook(k), encodeByTheBook(v)] as const)
  const sorted = entries.toSorted(([a], [b]) => Buffer.compare(a, b))
  return join(head(5, map.size), ...sorted.flat())
}

function head(major: number, argument: number | bigint): Uint8Array {
  const number = BigInt(argument)
  if (number < 24n) return Uint8Array.of((major << 5) | Number(number))
  const info = [8n, 16n, 32n, 64n].findIndex((bits) => number < 1n << bits)
  const length = 2 ** info
  const bytes = Array.from({ length }, (_, i) =>
    Number((number >> BigInt(8 * (length - 1 - i))) & 0xffn),
  )
  return Uint8Array.of((major << 5) | (24 + info), ...bytes)
}

/** Decodes exactly one item. @throws {Refusal} `ERR_MALFORMED`. */
export function decodeByTheBook(bytes: Uint8Array): CborValue {
  const { value, end } = decodeFirst(bytes)
  return end === bytes.length ? value : refuse('ERR_MALFORMED')
}

/** Decodes the item with which some bytes begin. @throws {Refusal} `ERR_MALFORMED`. */
export function decodeFirst(bytes: Uint8Array): { value: CborValue; end: number } {
  const read = readItem(bytes, 0, 0)
  const again = encodeByTheBook(read.value)
  return Buffer.compare(again, bytes.slice(0, read.end)) === 0 ? read : refuse('ERR_MALFORMED')
}

interface Read<T> {
  readonly value: T
  readonly end: number
}

/** @param depth - How many arrays, maps and tags are around the item. */
function readItem(bytes: Uint8Array, at: number, depth: number): Read<CborValue> {
  const initial = bytes[at] ?? refuse('ERR_MALFORMED')
  const major = initial >> 5
  if (major === 7) return { value: simple(initial), end: at + 1 }
  const { value: argument, end } = readArgument(bytes, at)
  if (major === 0) return { value: narrow(argument), end }
  if (major === 1) return { value: narrow(-1n - argument), end }
  if (major === 2 || major === 3) {
    const contentEnd = end + Number(argument)
    if (contentEnd > bytes.length) refuse('ERR_MALFORMED')
    const content = bytes.slice(end, contentEnd)
    return { value: major === 2 ? content : textOf(content), end: contentEnd }
  }
  if (depth === MAX_DEPTH) refuse('ERR_MALFORMED')
  if (major === 6) return readTag(bytes, end, argument, depth + 1)
  const count = Number(argument) * (major === 5 ? 2 : 1)
  const { value: items, end: itemsEnd } = readItems(bytes, end, count, depth + 1)
  return { value: major === 4 ? items : mapOf(items), end: itemsEnd }
}

function readArgument(bytes: Uint8Array, at: number): Read<bigint> {
  const info = bytes[at]! & 31
  if (info < 24) return { value: BigInt(info), end: at + 1 }
  if (info > 27) refuse('ERR_MALFORMED')
  const end = at + 1 + 2 ** (info - 24)
  if (end > bytes.length) refuse('ERR_MALFORMED')
  return { value: BigInt(`0x${Buffer.from(bytes.slice(at + 1, end)).toString('hex')}`), end }
}

function readItems(bytes: Uint8Array, at: number, count: number, depth: number): Read<CborValue[]> {
  const items: CborValue[] = []
  let end = at
  while (items.length < count) {
    const item = readItem(bytes, end, depth)
    items.push(item.value)
    end = item.end
  }
  return { value: items, end }
}

function readTag(bytes: Uint8Array, at: number, tag: bigint, depth: number): Read<Tag> {
  if (tag > BigInt(Number.MAX_SAFE_INTEGER)) refuse('ERR_MALFORMED')
  const { value, end } = readItem(bytes, at, depth)
  return { value: new Tag(Number(tag), value), end }
}

/** What stands twice leaves the map smaller than it was, and so does not encode as it was read. */
function mapOf(items: readonly CborValue[]): CborMap {
  const map = new Map<CborKey, CborValue>()
  for (let i = 0; i < items.length; i += 2) {
    const key = items[i]
    if (typeof key !== 'number' && typeof key !== 'string') return refuse('ERR_MALFORMED')
    map.set(key, items[i + 1]!)
  }
  return map
}

function simple(initial: number): boolean | null {
  if (initial === 0xf4) return false
  if (initial === 0xf5) return true
  return initial === 0xf6 ? null : refuse('ERR_MALFORMED')
}

function textOf(content: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content)
  } catch {
    return refuse('ERR_MALFORMED')
  }
}

function narrow(value: bigint): number | bigint {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value
}
