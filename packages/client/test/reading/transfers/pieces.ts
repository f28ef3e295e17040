// SPDX-License-Identifier: Apache-2.0
/**
 * Payloads cut into pieces and sealed by hand, for tests.
 *
 * @module
 */

import { fromHex, toHex, type Metadata, type Piece } from '@waxwing/core'
import type { SessionSealer } from '../../support/stream.js'

export const ID: Uint8Array = new Uint8Array(16).fill(0x77)

export interface CutOptions {
  /** Default 4. */
  readonly pieceBytes?: number
  readonly transfer?: Uint8Array
  /** The counter of the first piece. Default 0. */
  readonly counter?: number
  /** Whether the first piece says the size. Default `false`. */
  readonly sized?: boolean
  /** Of the first piece. */
  readonly metadata?: Metadata
}

/** The pieces of a text, each as an object, under ascending counters. */
export function piecesOf(
  sealer: SessionSealer,
  text: string,
  options: CutOptions = {},
): readonly Uint8Array[] {
  const { pieceBytes = 4, transfer = ID, counter = 0, sized = false } = options
  const count = Math.max(1, Math.ceil(text.length / pieceBytes))
  return Array.from({ length: count }, (_, index) => {
    const part = text.slice(index * pieceBytes, (index + 1) * pieceBytes)
    const size = index === 0 && sized ? { size: text.length } : {}
    const piece: Piece = { transfer, index, last: index === count - 1, ...size }
    return sealPiece(sealer, counter + index, part, piece, index === 0 ? options.metadata : {})
  })
}

export function sealPiece(
  sealer: SessionSealer,
  counter: number,
  text: string,
  piece: Partial<Piece>,
  metadata: Metadata = {},
): Uint8Array {
  const whole = { transfer: ID, index: 0, last: false, ...piece }
  return sealer.seal(counter, text, { metadata: { ...metadata, piece: whole } })
}

export const ID_HEX: string = toHex(ID)
export const OTHER_ID: Uint8Array = fromHex('88'.repeat(16))
