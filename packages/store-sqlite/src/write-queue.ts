// SPDX-License-Identifier: Apache-2.0
/**
 * Group commit: writes that are called while the event loop is busy share one transaction, and with
 * it one sync of the disk. Each has its own savepoint, so one that is refused does not undo the
 * others; where the whole transaction fails, each is tried on its own.
 *
 * @module
 */

import { setImmediate } from 'node:timers/promises'
import type { DatabaseSync } from 'node:sqlite'
import type { Change } from '@waxwing/core'
import type { BusyRetry } from './busy-retry.js'
import type { EntryTable } from './entry-table.js'
import { isBusy, storeError } from './sqlite-error.js'

/** Bounds how long one transaction keeps the thread. */
const MAX_BATCH_COUNT = 256

interface PendingWrite {
  /** Owned. */
  readonly changes: readonly Change[]
  resolve(isWritten: boolean): void
  reject(error: unknown): void
}

export class WriteQueue {
  readonly #db: DatabaseSync
  readonly #entries: EntryTable
  readonly #retry: BusyRetry
  #waiting: PendingWrite[] = []
  #draining: Promise<void> | undefined

  constructor(db: DatabaseSync, entries: EntryTable, retry: BusyRetry) {
    this.#db = db
    this.#entries = entries
    this.#retry = retry
  }

  /** Takes ownership of the changes. Resolves after the commit. */
  add(changes: readonly Change[]): Promise<boolean> {
    const { promise, resolve, reject } = Promise.withResolvers<boolean>()
    this.#waiting.push({ changes, resolve, reject })
    this.#draining ??= this.#drain()
    return promise
  }

  /** Resolves when nothing waits. Never rejects. */
  async drained(): Promise<void> {
    while (this.#draining !== undefined) await this.#draining
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      await setImmediate() // lets more writes join
      await this.#commit(this.#waiting.splice(0, MAX_BATCH_COUNT))
    }
    this.#draining = undefined
  }

  async #commit(batch: readonly PendingWrite[]): Promise<void> {
    try {
      const results = await this.#retry.run(() => this.#transact(batch))
      for (const [i, write] of batch.entries()) write.resolve(results[i] ?? false)
    } catch (error) {
      if (batch.length > 1 && !isBusy(error)) {
        for (const write of batch) await this.#commit([write])
      } else {
        for (const write of batch) write.reject(error)
      }
    }
  }

  #transact(batch: readonly PendingWrite[]): readonly boolean[] {
    return transaction(this.#db, () => {
      this.#entries.assertSameKey()
      return batch.map(({ changes }) => {
        this.#db.exec('SAVEPOINT one')
        const isWritten = this.#entries.apply(changes)
        this.#db.exec(isWritten ? 'RELEASE one' : 'ROLLBACK TO one; RELEASE one')
        return isWritten
      })
    })
  }
}

/** Runs `body` in a transaction that is committed, or leaves nothing. Maps SQLite's errors. */
export function transaction<T>(db: DatabaseSync, body: () => T): T {
  try {
    db.exec('BEGIN IMMEDIATE')
    const result = body()
    db.exec('COMMIT')
    return result
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK') // a full disk has rolled back already
    throw storeError(error)
  }
}
