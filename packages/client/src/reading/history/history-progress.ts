// SPDX-License-Identifier: Apache-2.0
/**
 * How far the reading of a history is.
 *
 * @module
 */

import type { Message } from '../../message.js'
import type { ArchiveSkip, WantedTime } from './kept-objects.js'

export interface HistoryProgress {
  /** What came out of the history so far. */
  readonly replayed: number
  /** Messages that were handed over. */
  readonly opened: number
  /** Skips that were handed over. */
  readonly skipped: number
  /** The kid, in hex, for whose keys the reading waits. */
  readonly waitingFor?: string
  /** When the intermediary got what was looked at last, by its own word. */
  readonly at?: Date
  /** How much of the wanted time is behind, 0 to 1, where the intermediary says when it got what. */
  readonly fraction?: number
}

/** What came out between two tellings. */
const EVERY = 256

export class ProgressReport {
  readonly #listener: ((progress: HistoryProgress) => void) | undefined
  readonly #endMs: number
  #startMs: number | undefined
  #at: Date | undefined
  #replayed = 0
  #opened = 0
  readonly #skips = new Map<ArchiveSkip['reason'], number>()
  #skipped = 0

  /** @param nowMs - Where no end is wanted, the reading ends now. */
  constructor(
    listener: ((progress: HistoryProgress) => void) | undefined,
    { from, until }: WantedTime,
    nowMs: number,
  ) {
    this.#listener = listener
    this.#startMs = from?.getTime()
    this.#endMs = until?.getTime() ?? nowMs
  }

  get opened(): number {
    return this.#opened
  }

  get skips(): Readonly<Partial<Record<ArchiveSkip['reason'], number>>> {
    return Object.fromEntries(this.#skips)
  }

  /** Something came out of the history and has its turn. */
  replayed(storedAt: Date | undefined): void {
    this.#replayed++
    this.#at = storedAt ?? this.#at
    this.#startMs ??= storedAt?.getTime()
    if (this.#replayed % EVERY === 0) this.tell()
  }

  /** Something is about to be handed over. */
  handing(result: Message | ArchiveSkip): void {
    if (result.kind === 'message') {
      this.#opened++
      return
    }
    this.#skipped++
    this.#skips.set(result.reason, (this.#skips.get(result.reason) ?? 0) + 1)
  }

  /** @param waitingFor - A kid in hex. */
  tell(waitingFor?: string): void {
    const at = this.#at
    this.#listener?.({
      replayed: this.#replayed,
      opened: this.#opened,
      skipped: this.#skipped,
      ...(waitingFor !== undefined && { waitingFor }),
      ...(at !== undefined && { at, fraction: this.#fractionAt(at) }),
    })
  }

  #fractionAt(at: Date): number {
    const startMs = this.#startMs ?? at.getTime()
    const wholeMs = this.#endMs - startMs
    if (!(wholeMs > 0)) return 1
    return Math.min(1, Math.max(0, (at.getTime() - startMs) / wholeMs))
  }
}
