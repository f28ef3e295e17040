// SPDX-License-Identifier: Apache-2.0
/**
 * CBOR as a tree that can be changed and written again, wrong or right: a reader and a writer of
 * their own, which share nothing with what they are to test. A byte string that holds an item is
 * read as one, so that what is inside can change and the lengths around it still fit.
 *
 * @module
 */

export interface Item {
  /** From 0 to 7 (RFC 8949 Section 3.1). */
  major: number
  /** The number, tag or simple value; of strings, arrays and maps it is counted when written. */
  argument: bigint
  /** Of a string: its content, unless `items` has what is in it. Never changed in place. */
  bytes: Uint8Array
  /** Of an array, map (keys and values in turn) or tag; of a byte string that holds one item. */
  items: Item[]
  /** Bytes of the head beyond the fewest: 0 unless it is to be wrong. */
  excess: number
}

export const BYTES = 2
export const TEXT = 3
export const ARRAY = 4
export const MAP = 5
export const TAG = 6

const MAX_DEPTH = 40
const EMPTY = new Uint8Array()

/** Reads exactly one item; `undefined` if the bytes are anything else. */
export function treeOf(bytes: Uint8Array, depth = 0): Item | undefined {
  const read = readItem(bytes, 0, depth)
  return read !== undefined && read.end === bytes.length ? read.item : undefined
}

export function itemOf(major: number, argument: bigint | number, items: Item[] = []): Item {
  return { major, argument: BigInt(argument), bytes: EMPTY, items, excess: 0 }
}

export function stringOf(major: number, bytes: Uint8Array): Item {
  return { major, argument: 0n, bytes, items: [], excess: 0 }
}

/** A copy that shares nothing that may change. */
export function copyOf(item: Item): Item {
  return { ...item, items: item.items.map(copyOf) }
}

/** All items of a tree, the root first. */
export function allItems(root: Item): Item[] {
  const found = [root]
  for (const item of found) found.push(...item.items)
  return found
}

export function bytesOfItem(item: Item): Uint8Array {
  const parts: Uint8Array[] = []
  write(item, parts)
  return parts.length === 1 ? parts[0]! : new Uint8Array(Buffer.concat(parts))
}

function write(item: Item, parts: Uint8Array[]): void {
  const { major, items } = item
  if (major === BYTES || major === TEXT) {
    const content = items[0] === undefined ? item.bytes : bytesOfItem(items[0])
    parts.push(head(item, BigInt(content.length)), content)
    return
  }
  const isCounted = major === ARRAY || major === MAP
  const counted = BigInt(major === MAP ? items.length >> 1 : items.length)
  parts.push(head(item, isCounted ? counted : item.argument))
  for (const inner of items) write(inner, parts)
}

function head({ major, excess }: Item, argument: bigint): Uint8Array {
  const step = Math.min(4, stepOf(argument) + excess)
  if (step === 0) return Uint8Array.of((major << 5) | Number(argument))
  const size = 2 ** (step - 1)
  const bytes = Buffer.alloc(1 + size)
  bytes[0] = (major << 5) | (23 + step)
  const low = BigInt.asUintN(64, argument)
  if (size === 8) bytes.writeBigUInt64BE(low, 1)
  else bytes.writeUIntBE(Number(low), 1, size)
  return bytes
}

/** 0 where the argument fits in the first byte; else 1, 2, 3 or 4 for 1, 2, 4 or 8 bytes more. */
function stepOf(argument: bigint): number {
  const number = Number(argument)
  if (number < 24) return 0
  if (number < 256) return 1
  return number < 65_536 ? 2 : number < 2 ** 32 ? 3 : 4
}

function readItem(
  bytes: Uint8Array,
  at: number,
  depth: number,
): { item: Item; end: number } | undefined {
  const read = depth > MAX_DEPTH ? undefined : readHead(bytes, at)
  if (read === undefined) return undefined
  const { major, argument } = read
  const item = itemOf(major, argument)
  let { end } = read
  if (major === BYTES || major === TEXT) {
    const start = end
    end += Number(argument)
    if (end > bytes.length) return undefined
    item.bytes = bytes.subarray(start, end)
    const inner = major === BYTES ? containerIn(item.bytes, depth + 1) : undefined
    if (inner !== undefined) item.items.push(inner)
    return { item, end }
  }
  const count = major === ARRAY ? argument : major === MAP ? 2n * argument : major === TAG ? 1n : 0n
  if (count > BigInt(bytes.length - end)) return undefined
  for (let left = Number(count); left > 0; left--) {
    const inner = readItem(bytes, end, depth + 1)
    if (inner === undefined) return undefined
    item.items.push(inner.item)
    end = inner.end
  }
  return { item, end }
}

/** What a byte string holds, if it is more than a number or text by accident. */
function containerIn(bytes: Uint8Array, depth: number): Item | undefined {
  if (bytes.length < 2 || bytes[0]! >> 5 < ARRAY || bytes[0]! >> 5 > TAG) return undefined
  return treeOf(bytes, depth)
}

function readHead(
  bytes: Uint8Array,
  at: number,
): { major: number; argument: bigint; end: number } | undefined {
  const initial = bytes[at]
  if (initial === undefined) return undefined
  const major = initial >> 5
  const info = initial & 31
  if (info < 24) return { major, argument: BigInt(info), end: at + 1 }
  const end = at + 1 + 2 ** (info - 24)
  if (info > 27 || end > bytes.length) return undefined
  let argument = 0n
  for (let i = at + 1; i < end; i++) argument = argument * 256n + BigInt(bytes[i]!)
  return { major, argument, end }
}
