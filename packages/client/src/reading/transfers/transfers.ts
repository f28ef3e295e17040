// SPDX-License-Identifier: Apache-2.0
/**
 * Payloads in pieces, put together (`docs/spec/08-receiving.md` Section 8.7): each piece is kept durably
 * before the transport is told of it, and when all are there one message is handed over.
 *
 * The invariants: a piece is recorded as seen by the same write that keeps it, so that none is lost or
 * kept twice, whatever crashes; and pieces go by the same write that records how their transfer ended,
 * so that what still comes of it begins no new one. One piece has its turn at a time.
 *
 * @module
 */

import { equalBytes, WaxwingError, type Change, type ErrorCode } from '@waxwing/core'
import type { Message } from '../../message.js'
import type { Runtime } from '../../runtime.js'
import type { Turns } from '../../turns.js'
import { refused } from '../acceptance.js'
import { streamFactsOf } from '../arrival.js'
import type { Delivery } from '../delivery.js'
import type { OrderBuffer } from '../order-buffer.js'
import type { ReaderEvents } from '../reader-events.js'
import type { ReadingOptions } from '../reading-options.js'
import type { InFlight, PieceInHand } from '../seen-session.js'
import { PendingWork } from '../pending-work.js'
import { judgePiece, type Judgement } from './judging.js'
import { transferKey } from './joining.js'
import type { ReadTransfer, TransferBook } from './transfer-book.js'
import type { TransferRoom } from './transfer-room.js'
import type { OpenTransfer } from './transfer-record.js'
import type { WholeDelivery } from './whole-delivery.js'

export interface TransfersInputs {
  readonly runtime: Runtime
  readonly options: ReadingOptions
  readonly events: ReaderEvents
  readonly delivery: Delivery
  readonly order: OrderBuffer | undefined
  readonly book: TransferBook
  readonly room: TransferRoom
  readonly whole: WholeDelivery
}

/** What became of a piece. */
export type PieceOutcome =
  /** It was the last one that was missing. */
  | { readonly kind: 'complete'; readonly key: string; readonly record: OpenTransfer }
  | { readonly kind: 'kept'; readonly record: OpenTransfer }
  | { readonly kind: 'refused'; readonly error: WaxwingError }

/** Another process may win a race so often, and no oftener, before something is wrong. */
const MAX_RACES = 16

export class Transfers {
  readonly #inputs: TransfersInputs
  readonly #turns: Turns
  readonly #pending = new PendingWork()
  #closed = false

  constructor(inputs: TransfersInputs, turns: Turns) {
    this.#inputs = inputs
    this.#turns = turns
  }

  /**
   * Keeps a piece, and hands the payload over when it is complete. While what is complete and not
   * acknowledged takes the room, it waits. May be called again if it failed.
   *
   * @throws {WaxwingError} What the store refuses; the transport is not told then.
   */
  keep(entry: InFlight): Promise<void> {
    entry.settling ??= this.#pending.track(this.#keep(entry))
    return entry.settling
  }

  /**
   * Keeps a piece for a caller, who is handed the payload when it is complete.
   *
   * @throws {WaxwingError} `ERR_LIMIT` while what is not acknowledged takes the room; the piece may come
   *   again then. What the store refuses.
   */
  async keepFor(entry: InFlight): Promise<Message | Exclude<PieceOutcome, { kind: 'complete' }>> {
    const work = this.#settleAtOnce(entry)
    entry.settling = this.#pending.track(work.then(() => undefined))
    const outcome = await this.#undoneIfFailed(entry, work).catch((error: unknown) => {
      entry.session?.abandon(entry)
      entry.session?.invalidate() // its counter does not count as seen: the caller may try again
      throw error
    })
    if (outcome.kind !== 'complete') return outcome
    return await this.#inputs.whole.handBack(outcome.key)
  }

  /** Finds what is complete and was not acknowledged, and hands it over again. */
  async load(): Promise<void> {
    await this.#turns.take(() => this.#inputs.room.makeReady())
    for (const [key, { isComplete }] of this.#inputs.book.open) {
      if (isComplete) this.#inputs.whole.handOver({ key, redelivered: true, holdsPermit: false })
    }
  }

  /** The store may have changed. */
  invalidate(): void {
    this.#inputs.book.invalidate()
  }

  /** Begins nothing any more. */
  close(): void {
    this.#closed = true
    this.#inputs.book.invalidate()
    this.#inputs.room.close()
    this.#inputs.whole.close()
  }

  /** Resolves when everything that was begun is done. */
  async idle(): Promise<void> {
    await this.#pending.idle()
    await this.#inputs.whole.idle()
  }

  async #keep(entry: InFlight): Promise<void> {
    const holdsPermit = entry.holdsPermit
    entry.holdsPermit = false
    let isHandedOn = false
    try {
      const outcome = await this.#undoneIfFailed(entry, this.#settle(entry))
      isHandedOn = outcome.kind === 'complete' && holdsPermit
      this.#goOn(entry, outcome, holdsPermit)
    } finally {
      if (holdsPermit && !isHandedOn) this.#inputs.whole.releasePermit()
    }
  }

  #goOn(entry: InFlight, outcome: PieceOutcome, holdsPermit: boolean): void {
    const { order, whole } = this.#inputs
    const { session, counter, piece } = entry
    const expected = piece?.expected ?? counter
    const place = session && order && { session, counter, expected }
    if (outcome.kind === 'complete') {
      whole.handOver({ ...outcome, redelivered: false, holdsPermit, place })
    } else if (place !== undefined) order?.offer(place.session, counter, undefined, expected)
  }

  async #undoneIfFailed<T>(entry: InFlight, work: Promise<T>): Promise<T> {
    try {
      return await work
    } catch (error) {
      await Promise.resolve() // only now has the caller noted that it is under way
      entry.settling = undefined
      throw error
    }
  }

  /** Waits until there is room. */
  async #settle(entry: InFlight): Promise<PieceOutcome> {
    for (;;) {
      const { changed } = this.#inputs.book
      const outcome = await this.#settleInTurn(entry)
      if (outcome !== 'later') return outcome
      await changed
      if (this.#closed) throw new WaxwingError('ERR_CLOSED', 'the reader is closed')
    }
  }

  async #settleAtOnce(entry: InFlight): Promise<PieceOutcome> {
    const outcome = await this.#settleInTurn(entry)
    if (outcome !== 'later') return outcome
    const message = 'acknowledge other payloads first: they take all room for pieces'
    throw new WaxwingError('ERR_LIMIT', message, { rule: 'maxTransfersBytes' })
  }

  #settleInTurn(entry: InFlight): Promise<PieceOutcome | 'later'> {
    const { piece } = entry
    if (piece === undefined) throw new TypeError('the entry must hold a piece')
    const key = transferKey(this.#inputs.runtime.crypto, piece)
    return this.#turns.take(async () => {
      for (let race = 0; race < MAX_RACES; race++) {
        const outcome = await this.#tryToSettle(entry, piece, key)
        if (outcome !== undefined) return outcome
      }
      throw new WaxwingError('ERR_STORE_BUSY', 'another process keeps changing a transfer')
    })
  }

  /** @returns `undefined` if another process was faster; `later` if there is no room yet. */
  async #tryToSettle(
    entry: InFlight,
    piece: PieceInHand,
    key: string,
  ): Promise<PieceOutcome | 'later' | undefined> {
    const { book, room, delivery, options } = this.#inputs
    const old = await book.read(key)
    if (old === undefined) await room.makeReady()
    const judgement = await judgePiece(piece, old?.record, {
      options,
      nowMs: this.#nowMs,
      readPiece: (index) => book.piece(key, index),
    })
    const next = judgement.kind === 'keep' ? await this.#keeping(key, old, judgement) : judgement
    if (next === 'later') return 'later'
    const { changes, note } = this.#changesFor(key, old, piece, next)
    if (!(await delivery.settleWith(entry, changes, { note, rejectedFor: rejectionFor(next) }))) {
      return (await this.#isUnchanged(key, old))
        ? await this.#alreadySettled(entry, key, old)
        : undefined
    }
    if (old === undefined) room.watch()
    this.#report(piece, next)
    return outcomeOf(key, next)
  }

  /** Finds room for the piece; if there never is any, its transfer is given up. */
  async #keeping(
    key: string,
    old: ReadTransfer | undefined,
    judgement: Extract<Judgement, { kind: 'keep' }>,
  ): Promise<Judgement | 'later'> {
    const { book, room } = this.#inputs
    const { read } = book.replacement(key, judgement.record, old)
    const found = await room.makeFor(key, read.bytes.length + judgement.record.keptBytes)
    if (found !== 'none') return found === 'made' ? judgement : found
    const error = new WaxwingError('ERR_LIMIT', 'there is no room to keep the pieces', {
      rule: 'maxTransfersBytes',
    })
    return { kind: 'end', state: 'incomplete', error, record: judgement.record }
  }

  #changesFor(
    key: string,
    old: ReadTransfer | undefined,
    { message, piece }: PieceInHand,
    judgement: Judgement,
  ): { readonly changes: readonly Change[]; readonly note: () => void } {
    const { book } = this.#inputs
    if (judgement.kind === 'drop') return { changes: [], note: () => undefined }
    if (judgement.kind === 'keep') {
      const { change, read } = book.replacement(key, judgement.record, old)
      const kept = book.pieceChange(key, piece.index, message.plaintext)
      return { changes: [change, kept], note: () => book.note(key, read) }
    }
    const ended = { state: judgement.state, atMs: this.#nowMs }
    const changes = book.endingChanges(key, old, ended)
    return { changes, note: () => book.noteEnded(key, ended) }
  }

  /**
   * This very object was settled: by another process, which hands over what it completes, or here by a
   * write that failed and took place.
   */
  async #alreadySettled(
    entry: InFlight,
    key: string,
    known: ReadTransfer | undefined,
  ): Promise<PieceOutcome> {
    const { delivery, options, whole } = this.#inputs
    await delivery.settleAgain(entry)
    const record = known?.record
    const isComplete = record?.state === 'open' && record.progress.isComplete
    if (isComplete && !options.isShared && !whole.has(key)) return { kind: 'complete', key, record }
    const error = new WaxwingError('ERR_REPLAYED', 'another process keeps this piece already')
    return { kind: 'refused', error }
  }

  async #isUnchanged(key: string, old: ReadTransfer | undefined): Promise<boolean> {
    const now = await this.#inputs.book.read(key)
    if (now === undefined || old === undefined) return now === old
    return equalBytes(now.bytes, old.bytes)
  }

  #report({ arrival, message, piece }: PieceInHand, judgement: Judgement): void {
    if (judgement.kind === 'keep') return
    const { events, room } = this.#inputs
    const { stream } = message
    const facts = streamFactsOf(arrival, stream)
    if (judgement.conflict !== undefined) {
      const object = arrival.object.bytes.slice()
      const { transfer } = piece
      events.emit({
        type: 'transfer-conflict',
        transfer,
        rule: judgement.conflict,
        object,
        ...facts,
      })
    } else if (judgement.kind === 'end' && judgement.state === 'incomplete') {
      room.reportIncomplete(judgement.record, 'quota')
    } else if (judgement.error.code === 'ERR_REPLAYED') events.emit({ type: 'duplicate', ...facts })
    else events.emit(refused(arrival, stream, judgement.error).event)
  }

  get #nowMs(): number {
    return this.#inputs.runtime.time.now()
  }
}

function outcomeOf(key: string, judgement: Judgement): PieceOutcome {
  if (judgement.kind !== 'keep') return { kind: 'refused', error: judgement.error }
  const { record } = judgement
  return record.progress.isComplete ? { kind: 'complete', key, record } : { kind: 'kept', record }
}

/** Why the transport is to set a piece aside: not because it came before. */
function rejectionFor(judgement: Judgement): ErrorCode | undefined {
  if (judgement.kind === 'keep' || judgement.error.code === 'ERR_REPLAYED') return undefined
  return judgement.error.code
}
