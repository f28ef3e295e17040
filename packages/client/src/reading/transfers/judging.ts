// SPDX-License-Identifier: Apache-2.0
/**
 * What is to become of a piece, by what is known of its transfer (`docs/spec/08-receiving.md`
 * Section 8.7). Changes nothing.
 *
 * @module
 */

import {
  equalBytes,
  TransferProgress,
  WaxwingError,
  type PieceConflict,
  type PieceFacts,
} from '@waxwing/core'
import type { ReadingOptions } from '../reading-options.js'
import { firstPieceOf, weaker, type OpenedPiece } from './joining.js'
import { PIECE_ROOM_BYTES } from './transfer-book.js'
import type { OpenTransfer, TransferEnd, TransferRecord } from './transfer-record.js'

export type Judgement =
  /** It is kept; the record is as it will be then. */
  | { readonly kind: 'keep'; readonly record: OpenTransfer }
  /** It is not wanted, and nothing changes. */
  | { readonly kind: 'drop'; readonly error: WaxwingError; readonly conflict?: Conflict }
  /** With it, the transfer ends. */
  | {
      readonly kind: 'end'
      readonly state: TransferEnd
      readonly error: WaxwingError
      readonly conflict?: Conflict
      /** What was there, with the piece. */
      readonly record: OpenTransfer
    }

export type Conflict = PieceConflict | 'content'

export interface JudgingMeans {
  readonly options: Pick<ReadingOptions, 'maxTransferBytes'>
  readonly nowMs: number
  /** Reads the payload of a piece that is there. */
  readonly readPiece: (index: number) => Promise<Uint8Array>
}

/** Ranges of consecutive pieces that a transfer may have at a time. */
const MAX_RANGES = 1024

/** What a piece says to others of its transfer. */
function factsOfPiece({ message, piece }: OpenedPiece): PieceFacts {
  const { index, last, size } = piece
  const bytes = message.plaintext.length
  return size === undefined ? { index, last, bytes } : { index, last, bytes, size }
}

/** Judges a piece. @throws {WaxwingError} What the store refuses. */
export async function judgePiece(
  opened: OpenedPiece,
  known: TransferRecord | undefined,
  means: JudgingMeans,
): Promise<Judgement> {
  if (known !== undefined && known.state !== 'open') return afterEnd(known.state)
  const record = known ?? begun(opened, means.nowMs)
  const facts = factsOfPiece(opened)
  const progress = TransferProgress.restore(record.progress.serialize())
  const verdict = progress.add(facts)
  switch (verdict) {
    case 'new':
      return withNew(opened, { ...record, progress }, means.options)
    case 'duplicate':
      if (equalBytes(await means.readPiece(facts.index), opened.message.plaintext)) return doubled()
      return contradictory(record, 'content')
    default:
      return contradictory(record, verdict)
  }
}

function begun({ message, piece }: OpenedPiece, nowMs: number): OpenTransfer {
  const { stream, protection } = message
  const progress = new TransferProgress()
  const { transfer } = piece
  const nothing = { keptBytes: 0, progress, first: undefined }
  return { state: 'open', stream, transfer, atMs: nowMs, protection, ...nothing }
}

function withNew(
  { message, piece }: OpenedPiece,
  record: OpenTransfer,
  { maxTransferBytes }: Pick<ReadingOptions, 'maxTransferBytes'>,
): Judgement {
  const { progress } = record
  const joined: OpenTransfer = {
    ...record,
    keptBytes: record.keptBytes + message.plaintext.length + PIECE_ROOM_BYTES,
    first: piece.index === 0 ? firstPieceOf(message) : record.first,
    protection: weaker(record.protection, message.protection),
  }
  const bytes = Math.max(progress.receivedBytes, progress.size ?? 0)
  if (bytes <= maxTransferBytes && progress.rangeCount <= MAX_RANGES) {
    return { kind: 'keep', record: joined }
  }
  return { kind: 'end', state: 'too-large', error: tooLarge(), record: joined }
}

/** What is complete stays so, whatever is said of it later. */
function contradictory(record: OpenTransfer, conflict: Conflict): Judgement {
  const error = new WaxwingError('ERR_CONFLICT', 'the piece contradicts others of its payload', {
    rule: conflict,
  })
  if (record.progress.isComplete) return { kind: 'drop', error, conflict }
  return { kind: 'end', state: 'conflict', error, conflict, record }
}

function afterEnd(state: TransferEnd): Judgement {
  if (state === 'acknowledged') return doubled()
  const error = state === 'conflict' ? afterConflict() : tooLarge()
  return { kind: 'drop', error }
}

function doubled(): Judgement {
  return { kind: 'drop', error: new WaxwingError('ERR_REPLAYED', 'this piece is there already') }
}

function afterConflict(): WaxwingError {
  const message = 'pieces of this payload contradicted each other'
  return new WaxwingError('ERR_CONFLICT', message, { rule: 'transfer' })
}

function tooLarge(): WaxwingError {
  const message = 'the payload was given up: it has more pieces than can be kept'
  return new WaxwingError('ERR_LIMIT', message, { rule: 'maxTransferBytes' })
}
