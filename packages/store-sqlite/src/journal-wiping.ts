// SPDX-License-Identifier: Apache-2.0
/**
 * Deleted and replaced values leave the journal too (`docs/spec/05-keys.md` Section 5.8). SQLite
 * overwrites them in the database file, but keeps what was written in its write-ahead log, until that
 * is used anew from its start. So a minute after a write, at the latest, the log is carried over
 * and cut to nothing.
 *
 * No write waits for it. Where another process reads or writes at that moment, it is tried again a
 * minute later.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'

const PAUSE_MS = 60_000

export class JournalWiping {
  readonly #db: DatabaseSync
  #timer: NodeJS.Timeout | undefined

  /** What a process left that was killed is wiped as well. */
  constructor(db: DatabaseSync) {
    this.#db = db
    this.written()
  }

  /** Notes that something was written. */
  written(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      if (!this.#wipe()) this.written()
    }, PAUSE_MS).unref()
  }

  /** Wipes what is left to be wiped, and nothing after that. To be called before the file is closed. */
  close(): void {
    if (this.#timer === undefined) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#wipe()
  }

  /** @returns Whether nothing is left in the journal. */
  #wipe(): boolean {
    try {
      return this.#db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.['busy'] === 0
    } catch {
      return false // the next read or write meets the same and tells its caller
    }
  }
}
