// SPDX-License-Identifier: Apache-2.0
/**
 * Payloads in pieces, put together in memory while an archive or a history is read
 * (`docs/spec/08-receiving.md` Sections 8.6 and 8.7): by the same rules and within the same bounds as
 * those that are delivered, and forgotten with the reading.
 *
 * @module
 */

import { encodeCbor, type ErrorCode } from '@waxwing/core'
import type { ObjectFacts } from '../../events.js'
import type { Message } from '../../message.js'
import { factsOf, streamFactsOf, type Arrival } from '../arrival.js'
import type { ReaderEvents } from '../reader-events.js'
import type { ReadingOptions } from '../reading-options.js'
import { transferKey, joinedMessage, type OpenedPiece } from './joining.js'
import { judgePiece, type Judgement } from './judging.js'
import {
  MAX_ENDED_TRANSFERS,
  MAX_OPEN_TRANSFERS,
  transferCodec,
  type EndedTransfer,
  type OpenTransfer,
} from './transfer-record.js'
import type { Runtime } from '../../runtime.js'

export interface KeptTransfersInputs {
  readonly runtime: Runtime
  readonly options: ReadingOptions
  readonly events: ReaderEvents
}

/** A payload that is not handed over, told at the place of its first piece in the reading. */
export interface TransferSkip extends Partial<ObjectFacts> {
  readonly kind: 'skip'
  readonly offset: number
  readonly reason: 'incomplete' | 'refused' | 'duplicate' | 'conflict'
  readonly code: ErrorCode
}

interface Kept {
  readonly record: OpenTransfer
  readonly pieces: Map<number, Uint8Array>
  /** Whether every piece was acknowledged before. */
  readonly repeated: boolean
  readonly skip: TransferSkip
  /** What the first piece says besides its payload: headers can be long. */
  readonly headBytes: number
}

export class KeptTransfers {
  readonly #inputs: KeptTransfersInputs
  /** The one of which a piece came first comes first. */
  readonly #open = new Map<string, Kept>()
  readonly #ended = new Map<string, EndedTransfer>()
  #bytes = 0
  #givenUp: TransferSkip[] = []

  constructor(inputs: KeptTransfersInputs) {
    this.#inputs = inputs
  }

  /** Takes a piece. @returns The whole, if this was the last of it that was missing. */
  async take(
    piece: OpenedPiece,
    arrival: Arrival,
    offset: number,
  ): Promise<Message | TransferSkip | undefined> {
    const { runtime, options } = this.#inputs
    const key = transferKey(runtime.crypto, piece)
    const kept = this.#open.get(key)
    const judgement = await judgePiece(piece, kept?.record ?? this.#ended.get(key), {
      options,
      nowMs: runtime.time.now(),
      readPiece: async (index) => kept?.pieces.get(index) ?? new Uint8Array(0),
    })
    const skip = skipOf(arrival, offset, judgement)
    if (judgement.kind === 'keep') return this.#keep(key, piece, judgement.record, { kept, skip })
    if (judgement.conflict !== undefined) {
      const { transfer } = piece.piece
      const rule = judgement.conflict
      const object = arrival.object.bytes.slice()
      const facts = streamFactsOf(arrival, piece.message.stream)
      this.#inputs.events.emit({ type: 'transfer-conflict', transfer, rule, object, ...facts })
    }
    if (judgement.kind === 'end') this.#end(key, judgement.state)
    return skip
  }

  /** Takes what was given up for want of room. */
  takeSkips(): readonly TransferSkip[] {
    return this.#givenUp.splice(0)
  }

  /** Gives up what is incomplete: the reading is at its end. */
  finish(): void {
    for (const key of this.#open.keys()) this.#giveUp(key)
  }

  #keep(
    key: string,
    { message, piece }: OpenedPiece,
    record: OpenTransfer,
    { kept, skip }: { kept: Kept | undefined; skip: TransferSkip },
  ): Message | undefined {
    const pieces = kept?.pieces ?? new Map<number, Uint8Array>()
    const repeated = message.repeated && (kept?.repeated ?? true)
    pieces.set(piece.index, message.plaintext)
    const headBytes = piece.index === 0 ? headBytesOf(record) : (kept?.headBytes ?? 0)
    const now: Kept = { record, pieces, repeated, skip: kept?.skip ?? skip, headBytes }
    this.#bytes += bytesOf(now) - bytesOf(kept)
    this.#open.set(key, now)
    if (record.progress.isComplete) return this.#join(key, now)
    const { maxTransfersBytes } = this.#inputs.options
    for (const oldest of this.#open.keys()) {
      if (this.#bytes <= maxTransfersBytes && this.#open.size <= MAX_OPEN_TRANSFERS) break
      this.#giveUp(oldest)
    }
    return undefined
  }

  #join(key: string, { record, pieces, repeated }: Kept): Message | undefined {
    const { progress, first, stream, protection } = record
    if (first === undefined) return undefined
    const plaintext = new Uint8Array(progress.receivedBytes)
    for (const [index, bytes] of pieces) plaintext.set(bytes, progress.offsetOf(index))
    this.#end(key, 'acknowledged')
    const said = { stream, first, protection, plaintext, repeated }
    return joinedMessage({ ...said, redelivered: false, acknowledge: keep })
  }

  #giveUp(key: string): void {
    const kept = this.#open.get(key)
    if (kept !== undefined) this.#givenUp.push(kept.skip)
    this.#end(key, 'incomplete')
  }

  #end(key: string, state: EndedTransfer['state']): void {
    this.#bytes -= bytesOf(this.#open.get(key))
    this.#open.delete(key)
    this.#ended.set(key, { state, atMs: 0 })
    if (this.#ended.size <= MAX_ENDED_TRANSFERS) return
    for (const oldest of this.#ended.keys()) {
      this.#ended.delete(oldest)
      return
    }
  }
}

function bytesOf(kept: Kept | undefined): number {
  return kept === undefined ? 0 : kept.record.keptBytes + kept.headBytes
}

function headBytesOf(record: OpenTransfer): number {
  return encodeCbor(transferCodec.toCbor(record)).length
}

/** What is kept is no queue: to acknowledge changes nothing. */
async function keep(): Promise<void> {}

/** Of a piece that is kept: what will be said if the others do not come. */
function skipOf(arrival: Arrival, offset: number, judgement: Judgement): TransferSkip {
  const facts = { kind: 'skip', offset, ...factsOf(arrival) } as const
  if (judgement.kind === 'keep') return { ...facts, reason: 'incomplete', code: 'ERR_LIMIT' }
  const { code } = judgement.error
  const reason =
    code === 'ERR_REPLAYED' ? 'duplicate' : code === 'ERR_CONFLICT' ? 'conflict' : 'refused'
  return { ...facts, reason, code }
}
