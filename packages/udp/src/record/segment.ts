// SPDX-License-Identifier: Apache-2.0
/**
 * A part of a record: a sequence of CBOR items (RFC 8742), in a file or in memory. A file ends where its
 * bytes end to be items: what a crash or a full disk cut short is passed over.
 *
 * @module
 */

import { readFile, rm } from 'node:fs/promises'
import { type CborValue, decodeCbor, encodeCbor, itemEnd } from '@waxwing/core'
import { decodeItem, type Item } from '../inquiry.js'

export interface Segment {
  /** Counts up, from the first one that the record ever had. */
  readonly number: number
  /** What it takes. */
  bytes: number
  /** The times in it; unknown of a file that was not read yet. */
  times: { first: number; last: number } | undefined
  /** When it was changed last, for what was there before. */
  readonly changedAt?: number
  /** What is in it, oldest first. */
  items(): Promise<readonly Item[]>
  /** It is not needed any more. */
  remove(): Promise<void>
}

const MAX_ITEM_BYTES = 2 ** 20
/** What a part in memory takes at first. */
const FIRST_BYTES = 16_384

/** An item as the record has it. */
export function encodeItem({ time, address, payload }: Item): Uint8Array {
  return encodeCbor([time, address, payload])
}

/** The items of a file, up to the first byte that is none of one. */
function readItems(bytes: Uint8Array): readonly Item[] {
  const items: Item[] = []
  const known = new Set<string>()
  try {
    for (let offset = 0; offset < bytes.length;) {
      const end = itemEnd(bytes, offset, { maxDepth: 2, maxBytes: MAX_ITEM_BYTES })
      if (end === undefined) break
      items.push(readItem(decodeCbor(bytes.subarray(offset, end), 'record'), known))
      offset = end
    }
  } catch {
    // A damaged end.
  }
  return items
}

/**
 * One item. There are many of few addresses, and each address is looked at once.
 *
 * @throws {WaxwingError} `ERR_MALFORMED`.
 */
function readItem(value: CborValue, known: Set<string>): Item {
  if (Array.isArray(value) && value.length === 3 && known.has(value[1] as string)) {
    const [time, address, payload] = value as readonly CborValue[]
    const isPlain = typeof time === 'number' && time >= 0 && payload instanceof Uint8Array
    if (isPlain) return { time, address: address as string, payload }
  }
  const item = decodeItem(value)
  known.add(item.address)
  return item
}

/** A part in memory: encoded, since a small item would take many times its bytes. */
export class MemorySegment implements Segment {
  readonly number: number
  bytes = 0
  times: Segment['times']
  #encoded = new Uint8Array(FIRST_BYTES)
  #length = 0

  constructor(number: number) {
    this.number = number
  }

  add(encoded: Uint8Array): void {
    const length = this.#length + encoded.length
    if (length > this.#encoded.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#encoded.length))
      larger.set(this.#encoded.subarray(0, this.#length))
      this.#encoded = larger
    }
    this.#encoded.set(encoded, this.#length)
    this.#length = length
  }

  items(): Promise<readonly Item[]> {
    return Promise.resolve(readItems(this.#encoded.subarray(0, this.#length)))
  }

  remove(): Promise<void> {
    return Promise.resolve()
  }
}

/** A part in a file. */
export class FileSegment implements Segment {
  readonly number: number
  readonly path: string
  bytes: number
  times: Segment['times']
  readonly changedAt: number

  constructor(number: number, path: string, before?: { size: number; mtimeMs: number }) {
    this.number = number
    this.path = path
    this.bytes = before?.size ?? 0
    this.changedAt = before?.mtimeMs ?? Infinity
  }

  async items(): Promise<readonly Item[]> {
    const bytes = await readFile(this.path)
    return readItems(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length))
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true })
  }
}
