// SPDX-License-Identifier: Apache-2.0
/**
 * What the pieces of a payload say of it together: how long pieces are, where it ends, how large it is
 * (`docs/spec/04-objects.md` Section 4.4.1).
 *
 * @module
 */

import { MAX_PIECES, type Piece } from '../object/metadata.js'

/** What one piece says. */
export interface PieceFacts extends Pick<Piece, 'index' | 'last' | 'size'> {
  /** Length of its payload. */
  readonly bytes: number
}

/** What is known of a payload. */
export interface Shape {
  /** The highest index that came; -1 where none did. */
  readonly highest: number
  /** Length of every piece but the last. */
  readonly pieceBytes?: number
  readonly end?: { readonly index: number; readonly bytes: number }
  /** As the first piece said. */
  readonly size?: number
}

/** What is known with one more piece, or what it contradicts. */
export function shapeWith(shape: Shape, piece: PieceFacts): Shape | 'end' | 'length' | 'size' {
  const { index, last, bytes, size } = piece
  const { end, pieceBytes, highest } = shape
  if (end !== undefined && (last ? index !== end.index : index >= end.index)) return 'end'
  if (last && index < highest) return 'end'
  const known = last ? end?.bytes : pieceBytes
  if (known !== undefined && known !== bytes) return 'length'
  if (size !== undefined && size !== (shape.size ?? size)) return 'size'
  // A piece that was not the last one cannot become it.
  if (last && end === undefined && index === highest) return 'end'
  const joined: Shape = {
    ...shape,
    highest: Math.max(highest, index),
    ...(last ? { end: { index, bytes } } : { pieceBytes: bytes }),
    ...(size === undefined ? {} : { size }),
  }
  return contradiction(joined) ?? joined
}

/** Whether there is no payload of which this could be known. */
export function contradiction(shape: Shape): 'length' | 'size' | undefined {
  const { pieceBytes, end, size, highest } = shape
  if (pieceBytes === 0) return 'length'
  if (end !== undefined) {
    if (end.bytes === 0 && end.index > 0) return 'length'
    if (pieceBytes !== undefined && end.bytes > pieceBytes) return 'length'
    const total = totalBytes(shape)
    if (total === undefined) return undefined
    return total === (size ?? total) && Number.isSafeInteger(total) ? undefined : 'size'
  }
  if (size === undefined || pieceBytes === undefined) return undefined
  // At least one byte follows the highest piece, which is not the last.
  const isLarger = size > (highest + 1) * pieceBytes
  return isLarger && size <= MAX_PIECES * pieceBytes ? undefined : 'size'
}

/** Bytes of the payload, as its end tells it. */
export function totalBytes({ pieceBytes, end }: Shape): number | undefined {
  if (end === undefined) return undefined
  if (end.index === 0) return end.bytes
  return pieceBytes === undefined ? undefined : end.index * pieceBytes + end.bytes
}
