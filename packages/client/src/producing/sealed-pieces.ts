// SPDX-License-Identifier: Apache-2.0
/**
 * Sealing a payload in pieces (`docs/spec/04-objects.md` Section 4.4.1), whoever carries them.
 *
 * The invariant of a transfer: a piece's place is its index times the length of pieces, so that it may
 * go on anywhere, and be sent again, by whoever knows its id, that length and how far it came.
 *
 * @module
 */

import { MAX_PIECES, TRANSFER_ID_BYTES, type CryptoProvider, type Piece } from '@waxwing/core'
import type { Receipt } from '../message.js'
import type { TransferOptions } from '../options.js'
import { cut, type CutPiece } from './cut.js'
import { notReady, type StreamSealer } from './stream-sealer.js'

const MAX_RACES = 16

export interface PiecesDeps {
  readonly crypto: Pick<CryptoProvider, 'randomBytes'>
  readonly sealer: StreamSealer
  ready(): Promise<void>
  /** Has noted before long how far the session got. */
  noteSoon(): void
  assertOpen(): void
}

/** A transfer with all that was left open decided. */
export interface PiecePlan {
  readonly id: Uint8Array
  readonly from: number
  readonly pieceBytes: number
  readonly options: TransferOptions
}

export interface SealedPiece {
  readonly sealed: Uint8Array | Promise<Uint8Array>
  readonly receipt: Receipt
}

/** @throws {TypeError | RangeError} If an option is wrong. */
export function planPieces(
  { crypto, sealer }: Pick<PiecesDeps, 'crypto' | 'sealer'>,
  options: TransferOptions,
  maxPayloadBytes: number,
): PiecePlan {
  const { size, transfer, retained } = options
  if (retained === true) {
    throw new TypeError('retained does not go with pieces: only the last would be kept')
  }
  const id = transfer?.id.slice() ?? crypto.randomBytes(TRANSFER_ID_BYTES)
  if (id.length !== TRANSFER_ID_BYTES) {
    throw new RangeError(`transfer.id must be ${TRANSFER_ID_BYTES} bytes, got ${id.length}`)
  }
  const from = transfer?.from ?? 0
  assertWithin('transfer.from', from, 0, MAX_PIECES - 1)
  if (from > 0 && transfer?.pieceBytes === undefined) {
    throw new TypeError('transfer.pieceBytes must be given where from is above 0')
  }
  const most = sealer.pieceBytesFor(options, maxPayloadBytes)
  const pieceBytes = transfer?.pieceBytes ?? options.pieceBytes ?? most
  assertWithin('pieceBytes', pieceBytes, 1, most)
  if (size !== undefined) assertWithin('size', size, 0, Number.MAX_SAFE_INTEGER)
  if (size !== undefined && size > MAX_PIECES * pieceBytes) throw tooManyPieces()
  return { id, from, pieceBytes, options }
}

/** One transfer: each piece is sealed as it comes. */
export class SealedPieces {
  readonly #deps: PiecesDeps
  readonly #plan: PiecePlan
  #index: number
  #bytes: number

  constructor(deps: PiecesDeps, plan: PiecePlan) {
    this.#deps = deps
    this.#plan = plan
    this.#index = plan.from
    this.#bytes = plan.from * plan.pieceBytes
  }

  /** Pieces up to the one that was sealed last, those of earlier runs included. */
  get pieces(): number {
    return this.#index
  }

  /** Their bytes. */
  get bytes(): number {
    return this.#bytes
  }

  /** Cuts a source as this transfer is cut. */
  cut(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<CutPiece, void> {
    return cut(source, this.#plan.pieceBytes)
  }

  /**
   * Notes the next piece, which is sealed afterwards.
   *
   * @throws {RangeError} If the piece cannot be one of what was announced.
   */
  take({ bytes, last }: CutPiece): void {
    const index = this.#index
    this.#bytes += bytes.length
    if (index > 0 && bytes.length === 0) throw new RangeError('source must not be empty')
    if (index >= MAX_PIECES) throw tooManyPieces()
    const { size } = this.#plan.options
    if (size !== undefined && (last ? this.#bytes !== size : this.#bytes >= size)) {
      throw new RangeError(`source must have size bytes in all, ${size}`)
    }
  }

  /** Everything but the bytes is said once, in the first piece; but intermediaries see the clear part. */
  async seal({ bytes, last }: CutPiece): Promise<SealedPiece> {
    const { id: transfer, options } = this.#plan
    const { size, clearPart } = options
    const index = this.#index++
    const isFirst = index === 0
    const piece: Piece = { transfer, index, last, ...(isFirst && size !== undefined && { size }) }
    const said = isFirst ? options : clearPart === undefined ? {} : { clearPart }
    const deps = this.#deps
    for (let tries = 0; ; tries++) {
      deps.assertOpen()
      const sealed = deps.sealer.sealToSend(bytes, said, piece)
      if (sealed !== undefined) {
        deps.noteSoon()
        return { sealed, receipt: deps.sealer.lastReceipt }
      }
      await untilReady(deps, tries)
    }
  }
}

/** An epoch may end, or another process rotate, before the turn of what is to be sealed comes. */
export async function untilReady(deps: Pick<PiecesDeps, 'ready'>, tries: number): Promise<void> {
  if (tries === MAX_RACES) throw notReady()
  await deps.ready()
}

function tooManyPieces(): RangeError {
  return new RangeError(`a payload must not have more than ${MAX_PIECES} pieces`)
}

function assertWithin(name: string, value: number, lowest: number, highest: number): void {
  if (Number.isSafeInteger(value) && value >= lowest && value <= highest) return
  throw new RangeError(`${name} must be an integer from ${lowest} to ${highest}, got ${value}`)
}
