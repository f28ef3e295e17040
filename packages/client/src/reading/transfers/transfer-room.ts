// SPDX-License-Identifier: Apache-2.0
/**
 * Room for pieces, and its bounds (`docs/spec/08-receiving.md` Section 8.7): what would be too much
 * goes, the oldest transfer first, and what stays incomplete for too long. What is complete waits for
 * the application, and is never given up.
 *
 * @module
 */

import type { CounterRange, Store } from '@waxwing/core'
import type { Runtime } from '../../runtime.js'
import type { Turns } from '../../turns.js'
import type { ReaderEvents } from '../reader-events.js'
import type { ReadingOptions } from '../reading-options.js'
import type { TransferBook } from './transfer-book.js'
import { MAX_ENDED_TRANSFERS, MAX_OPEN_TRANSFERS, type OpenTransfer } from './transfer-record.js'

export interface TransferRoomInputs {
  readonly runtime: Runtime
  readonly store: Store
  readonly options: ReadingOptions
  readonly events: ReaderEvents
  readonly book: TransferBook
}

const DAY_MS = 86_400_000
/** Fewer are not worth a write. */
const FORGET_AT_ONCE = 64

export class TransferRoom {
  readonly #inputs: TransferRoomInputs
  readonly #turns: Turns
  #cancelTimer: (() => void) | undefined
  #closed = false

  /** @param turns - In which all transfers change. */
  constructor(inputs: TransferRoomInputs, turns: Turns) {
    this.#inputs = inputs
    this.#turns = turns
  }

  /** Finds out what is there, gives up what is too old, and has that done again in time. */
  async makeReady(): Promise<void> {
    await this.#inputs.book.refresh()
    await this.#giveUpOld()
    await this.#forgetEnded()
    this.watch()
  }

  /** Sees to it that the oldest incomplete transfer is given up when it is too old. */
  watch(): void {
    this.#cancelTimer?.()
    const { book, runtime } = this.#inputs
    const atMs = oldestIn(book)
    if (atMs === undefined || this.#closed) return
    const waitMs = Math.max(atMs + this.#maxAgeMs - runtime.time.now(), 1000)
    this.#cancelTimer = runtime.timers.after(waitMs, () => {
      this.#turns.take(() => this.makeReady()).catch((error: unknown) => runtime.report(error))
    })
  }

  /**
   * Gives up other incomplete transfers until there is room, if that helps: the oldest of the stream that
   * takes most of what is short, so that no producer drives out what is of others.
   *
   * @param bytes - What the transfer will take in all.
   * @returns `later`: what is complete and not acknowledged takes the room; `none`: there never is.
   */
  async makeFor(key: string, bytes: number): Promise<'made' | 'later' | 'none'> {
    const { book, options } = this.#inputs
    const max = options.maxTransfersBytes
    if (bytes > max) return 'none'
    const others = (): number => book.openBytes - (book.open.get(key)?.bytes ?? 0)
    if (others() + bytes > max) await book.refresh()
    const isNew = !book.open.has(key)
    for (;;) {
      const isFull = isNew && book.open.size >= MAX_OPEN_TRANSFERS
      if (!isFull && others() + bytes <= max) return 'made'
      const complete = completeIn(book)
      if (complete.bytes + bytes > max || (isNew && complete.count >= MAX_OPEN_TRANSFERS)) {
        return 'later'
      }
      const oldest = this.#oldestOfMost(key, isFull ? 'count' : 'bytes')
      if (oldest === undefined) return 'later'
      await this.#giveUp(oldest, 'quota')
    }
  }

  /** Says that a transfer was given up. */
  reportIncomplete(
    { stream, transfer, progress }: OpenTransfer,
    reason: 'quota' | 'expired',
  ): void {
    const missing: readonly CounterRange[] = progress.missing()
    const { pieceCount } = progress
    this.#inputs.events.emit({
      type: 'transfer-incomplete',
      stream,
      transfer,
      missing,
      pieceCount,
      reason,
    })
  }

  close(): void {
    this.#closed = true
    this.#cancelTimer?.()
  }

  #oldestOfMost(except: string, what: 'count' | 'bytes'): string | undefined {
    const shares = new Map<string, { key: string; atMs: number; count: number; bytes: number }>()
    for (const [key, { isComplete, atMs, bytes, stream }] of this.#inputs.book.open) {
      if (isComplete || key === except) continue
      const share = shares.get(stream) ?? { key, atMs, count: 0, bytes: 0 }
      shares.set(stream, share)
      share.count++
      share.bytes += bytes
      if (atMs < share.atMs) Object.assign(share, { key, atMs })
    }
    let most: { key: string; count: number; bytes: number } | undefined
    for (const share of shares.values()) {
      if (most === undefined || share[what] > most[what]) most = share
    }
    return most?.key
  }

  /** Gives up a transfer, unless it is complete by now. */
  async #giveUp(key: string, reason: 'quota' | 'expired'): Promise<void> {
    const { book, store, runtime } = this.#inputs
    const read = await book.read(key)
    if (read === undefined) {
      book.forget(key)
      return
    }
    book.note(key, read)
    const { record } = read
    if (record.state !== 'open' || record.progress.isComplete) return
    const ended = { state: 'incomplete', atMs: runtime.time.now() } as const
    if (!(await store.write(book.endingChanges(key, read, ended)))) return
    book.noteEnded(key, ended)
    this.reportIncomplete(record, reason)
  }

  async #giveUpOld(): Promise<void> {
    const { book, runtime } = this.#inputs
    if (!runtime.time.known) return
    const beforeMs = runtime.time.now() - this.#maxAgeMs
    const old = [...book.open].filter(([, { isComplete, atMs }]) => !isComplete && atMs <= beforeMs)
    for (const [key] of old) await this.#giveUp(key, 'expired')
  }

  async #forgetEnded(): Promise<void> {
    const { book, store, runtime } = this.#inputs
    const beforeMs = runtime.time.known ? runtime.time.now() - this.#maxAgeMs : -Infinity
    const surplus = book.ended.size - MAX_ENDED_TRANSFERS
    const gone: string[] = []
    for (const [key, atMs] of book.ended) {
      if (gone.length >= surplus && atMs > beforeMs) break
      gone.push(key)
    }
    if (gone.length < FORGET_AT_ONCE) return
    await store.write(gone.map((key) => book.removal(key)))
    for (const key of gone) book.forget(key)
  }

  get #maxAgeMs(): number {
    return this.#inputs.options.transferDays * DAY_MS
  }
}

/** When the first piece of the oldest incomplete transfer came. */
function oldestIn({ open }: TransferBook): number | undefined {
  let oldest: number | undefined
  for (const { isComplete, atMs } of open.values()) {
    if (!isComplete && atMs < (oldest ?? Infinity)) oldest = atMs
  }
  return oldest
}

function completeIn({ open }: TransferBook): { readonly count: number; readonly bytes: number } {
  let count = 0
  let sum = 0
  for (const { isComplete, bytes } of open.values()) {
    if (!isComplete) continue
    count++
    sum += bytes
  }
  return { count, bytes: sum }
}
