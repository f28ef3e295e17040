// SPDX-License-Identifier: Apache-2.0
/**
 * Which pieces of one payload are there, and whether they agree (`docs/spec/08-receiving.md`
 * Section 8.7): a state machine without the bytes, for whoever keeps them.
 *
 * The invariant: all pieces that were added are pieces of one payload, cut at one length. What
 * contradicts that is not added; from a signed stream it is evidence against the producer. Pieces may
 * come in any order, and again. Who adds keeps the pieces of one transfer, as the specification tells
 * them apart, from those of others.
 *
 * @module
 */

import { decodeCbor, encodeCbor } from '../cbor/cbor.js'
import { ArrayFields } from '../cbor/fields.js'
import { malformed } from '../errors.js'
import { MAX_PIECES } from '../object/metadata.js'
import { RangeList, type CounterRange } from '../receiving/range-list.js'
import {
  contradiction,
  shapeWith,
  totalBytes,
  type PieceFacts,
  type Shape,
} from './payload-shape.js'

export type { PieceFacts }

/** What contradicts the pieces that are there: the end, the length of pieces, the size of all. */
export type PieceConflict = 'end' | 'length' | 'size'

export type PieceVerdict = 'new' | 'duplicate' | PieceConflict

const WHAT = 'transfer progress'

export class TransferProgress {
  #ranges = new RangeList()
  #shape: Shape = { highest: -1 }

  /**
   * Restores what {@link serialize} gave.
   *
   * @throws {WaxwingError} `ERR_MALFORMED` if `bytes` are anything else.
   */
  static restore(bytes: Uint8Array): TransferProgress {
    const list = new ArrayFields(WHAT, decodeCbor(bytes, WHAT), 5)
    const pieceBytes = list.uintOrNull(0, 'piece length')
    const endBytes = list.uintOrNull(1, 'length of the last piece')
    const size = list.uintOrNull(2, 'size')
    const highest = list.uintOrNull(3, 'highest index', { max: MAX_PIECES - 1 }) ?? -1
    const progress = new TransferProgress()
    for (const range of rangesFrom(list.array(4, 'ranges'))) progress.#ranges.append(range)
    progress.#shape = {
      highest,
      ...(pieceBytes === null ? {} : { pieceBytes }),
      ...(endBytes === null ? {} : { end: { index: highest, bytes: endBytes } }),
      ...(size === null ? {} : { size }),
    }
    if (!progress.#isWhole || contradiction(progress.#shape)) throw malformed(WHAT, 'shape')
    return progress
  }

  /** Length of every piece but the last, in bytes; `undefined` until one of them was added. */
  get pieceBytes(): number | undefined {
    return this.#shape.pieceBytes
  }

  /** How many pieces there are in all; `undefined` until the last one, or the size, is known. */
  get pieceCount(): number | undefined {
    const { end, size, pieceBytes } = this.#shape
    if (end !== undefined) return end.index + 1
    return size === undefined || pieceBytes === undefined ? undefined : Math.ceil(size / pieceBytes)
  }

  /** Bytes of the whole payload; `undefined` until that is known. */
  get size(): number | undefined {
    return this.#shape.size ?? totalBytes(this.#shape)
  }

  /** How many different pieces are there. */
  get receivedCount(): number {
    return this.#ranges.counterCount
  }

  /** Their bytes in all. */
  get receivedBytes(): number {
    const { pieceBytes = 0, end } = this.#shape
    const inner = this.receivedCount - (end === undefined ? 0 : 1)
    return inner * pieceBytes + (end?.bytes ?? 0)
  }

  /** Ranges of consecutive pieces that are there: what this needs of memory. */
  get rangeCount(): number {
    return this.#ranges.count
  }

  get isComplete(): boolean {
    const { end } = this.#shape
    return end !== undefined && this.receivedCount === end.index + 1
  }

  has(index: number): boolean {
    return this.#ranges.has(index)
  }

  /** The indices that are there, in order. */
  received(): readonly CounterRange[] {
    return this.#ranges.toArray()
  }

  /**
   * The indices that are missing, in order: all where {@link pieceCount} is known, else those below
   * the highest that is there.
   */
  missing(): readonly CounterRange[] {
    const { lowest, highest } = this.#ranges
    const count = this.pieceCount
    if (lowest === undefined || highest === undefined) return []
    const missing = [...this.#ranges.holes()]
    if (lowest > 0) missing.unshift({ first: 0, last: lowest - 1 })
    if (count !== undefined && highest < count - 1) {
      missing.push({ first: highest + 1, last: count - 1 })
    }
    return missing
  }

  /** Where a piece begins in the payload, in bytes; `undefined` while that is not known. */
  offsetOf(index: number): number | undefined {
    const { pieceBytes } = this.#shape
    if (index === 0) return 0
    return pieceBytes === undefined ? undefined : index * pieceBytes
  }

  /**
   * Says what adding a piece would say, and changes nothing. `duplicate` compares no contents.
   *
   * @throws {RangeError} If the index, the length or the size is none.
   */
  check(piece: PieceFacts): PieceVerdict {
    assertPiece(piece)
    const shape = shapeWith(this.#shape, piece)
    if (typeof shape === 'string') return shape
    return this.#ranges.has(piece.index) ? 'duplicate' : 'new'
  }

  /** Adds a verified piece, unless it contradicts those that are there. @throws As {@link check}. */
  add(piece: PieceFacts): PieceVerdict {
    assertPiece(piece)
    const shape = shapeWith(this.#shape, piece)
    if (typeof shape === 'string') return shape
    this.#shape = shape
    if (this.#ranges.has(piece.index)) return 'duplicate'
    this.#ranges.add(piece.index)
    return 'new'
  }

  /** Whether the shape is of the pieces that are there. */
  get #isWhole(): boolean {
    const { highest, pieceBytes, end, size } = this.#shape
    const innerCount = this.receivedCount - (end === undefined ? 0 : 1)
    return (
      (this.#ranges.highest ?? -1) === highest &&
      (pieceBytes === undefined ? innerCount === 0 : innerCount > 0) &&
      (size === undefined || this.has(0))
    )
  }

  /** Encodes everything: about 10 bytes, and 2 to 10 for each range. */
  serialize(): Uint8Array {
    const { pieceBytes = null, end, size = null, highest } = this.#shape
    const ranges = this.#ranges.toArray().map(({ first, last }) => [first, last])
    return encodeCbor([pieceBytes, end?.bytes ?? null, size, highest < 0 ? null : highest, ranges])
  }
}

function assertPiece({ index, bytes, size }: PieceFacts): void {
  assertWithin('index', index, MAX_PIECES - 1)
  assertWithin('bytes', bytes, Number.MAX_SAFE_INTEGER)
  if (size === undefined) return
  assertWithin('size', size, Number.MAX_SAFE_INTEGER)
  if (index !== 0) throw new RangeError('size must be left out of all pieces but the first')
}

function assertWithin(name: string, value: number, max: number): void {
  if (Number.isSafeInteger(value) && value >= 0 && value <= max) return
  throw new RangeError(`${name} must be an integer from 0 to ${max}, got ${value}`)
}

/** In order, none touching the next. */
function rangesFrom(values: readonly unknown[]): CounterRange[] {
  let after = -2
  return values.map((value) => {
    const pair = new ArrayFields(WHAT, value as never, 2)
    const first = pair.uint(0, 'first', { max: MAX_PIECES - 1 })
    const last = pair.uint(1, 'last', { max: MAX_PIECES - 1 })
    pair.end()
    if (first < after + 2 || last < first) throw malformed(WHAT, 'ranges')
    after = last
    return { first, last }
  })
}
