// SPDX-License-Identifier: Apache-2.0
/**
 * A part of a record: a sequence of CBOR items (RFC 8742), in a file or in memory. A file ends where its
 * bytes end to be items: what a crash or a full disk cut short is passed over.
 *
 * @module
 */

import { readFile, rm } from 'node:fs/promises'
import { decodeCbor, encodeCbor, itemEnd } from '@waxwing/core'
import { decodeItem, type Item } from '../inquiry.js'

export interface Segment {
  /** Counts up, from the first one that the record ever had. */
  readonly number: number
  /** What it takes. */
  bytes: number
  /** The times in it; unknown of a file that was not read yet. */
  times: { first: number; last: number } | undefined
  /** What is in it, oldest first. */
  items(): Promise<readonly Item[]>
  /** It is not needed any more. */
  remove(): Promise<void>
}

const MAX_ITEM_BYTES = 2 ** 20

/** An item as the record has it. */
export function encodeItem({ time, address, payload }: Item): Uint8Array {
  return encodeCbor([time, address, payload])
}

/** The items of a file, up to the first byte that is none of one. */
function readItems(bytes: Uint8Array): readonly Item[] {
  const items: Item[] = []
  try {
    for (let offset = 0; offset < bytes.length;) {
      const end = itemEnd(bytes, offset, { maxDepth: 2, maxBytes: MAX_ITEM_BYTES })
      if (end === undefined) break
      items.push(decodeItem(decodeCbor(bytes.subarray(offset, end), 'record')))
      offset = end
    }
  } catch {
    // A damaged end.
  }
  return items
}

/** A part in memory. */
export class MemorySegment implements Segment {
  readonly number: number
  bytes = 0
  times: Segment['times']
  readonly #items: Item[] = []

  constructor(number: number) {
    this.number = number
  }

  add(item: Item): void {
    this.#items.push(item)
  }

  items(): Promise<readonly Item[]> {
    return Promise.resolve(this.#items.slice())
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

  constructor(number: number, path: string, bytes: number) {
    this.number = number
    this.path = path
    this.bytes = bytes
  }

  async items(): Promise<readonly Item[]> {
    const bytes = await readFile(this.path)
    return readItems(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length))
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true })
  }
}
