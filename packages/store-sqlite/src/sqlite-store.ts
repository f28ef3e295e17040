// SPDX-License-Identifier: Apache-2.0
/**
 * The durable store for Node: one SQLite file, its values encrypted, shared by any number of
 * processes (`docs/guide` says how to keep its key).
 *
 * What a write resolved to `true` for survives a crash of the process and the loss of power. Tables
 * and keys of entries are not secret; sizes and the number of entries show as well.
 *
 * @module
 */

import { randomBytes } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { WaxwingError } from '@waxwing/core'
import type { Change, ScanQuery, Store, StoreContinuity, StoreEntry } from '@waxwing/core'
import { checkedChanges, checkNames, checkQuery } from './arguments.js'
import { backUp } from './backup.js'
import { BusyRetry } from './busy-retry.js'
import { Continuity } from './continuity.js'
import { openDatabase, writeKeyRecord } from './database.js'
import type { OpenedDatabase } from './database.js'
import { EntryTable } from './entry-table.js'
import { ForeignChanges } from './foreign-changes.js'
import { checkPages, checkValues } from './inspection.js'
import type { Unlocked } from './inspection.js'
import { JournalWiping } from './journal-wiping.js'
import { wrapDataKey } from './key-record.js'
import { readKeySource } from './store-key.js'
import type { StoreKeySource } from './store-key.js'
import { KEY_BYTES, ValueCipher } from './value-cipher.js'
import { WriteQueue, transaction } from './write-queue.js'

export interface SqliteStoreOptions {
  readonly key: StoreKeySource
  /** Make the file if there is none. Default `true`. */
  readonly create?: boolean
  /** How long to wait for other processes, in milliseconds. Default 5,000. */
  readonly busyTimeoutMs?: number
  /** How often to look for what others changed, in milliseconds. Default 250. */
  readonly pollMs?: number
  /**
   * A file up to this size, in bytes, is read whole when it is opened: every page, every value.
   * Of larger ones the tables and the key are checked then, and each value when it is read;
   * `verify` checks all. Default 64 MiB.
   */
  readonly checkBytes?: number
  /** Room, in pages of 4,096 bytes. Default: as SQLite has it (some 16 TiB). */
  readonly maxPages?: number
}

export interface SqliteStore extends Store {
  onForeignChange(listener: () => void): () => void
  /**
   * Kept in a file beside the store, `…-mark`, from the first use on. A restored backup, a copy and a
   * store whose mark is missing have another life; a file system that was put back as a whole, a cloned
   * disk and a machine that was resumed from a snapshot have not, and nothing notices them.
   */
  readonly continuity: StoreContinuity
  /**
   * Gives the store another key: makes a new data key and encrypts every value anew, in one
   * transaction. The key before opens nothing any more, and neither do handles of other processes:
   * they get `ERR_STORE_KEY` and must open again. Backups keep the key that they were made with.
   *
   * @throws {WaxwingError} `ERR_STORE_KEY` if the new key cannot be read, `ERR_STORE_FULL`,
   *   `ERR_STORE_BUSY`; the key before is then still the key.
   */
  rekey(key: StoreKeySource): Promise<void>
  /**
   * Writes a copy of this moment to a new file while the store stays in use, and reads it whole
   * before it gets its name.
   *
   * @throws {Error} `EEXIST` if the file exists.
   */
  backup(path: string): Promise<void>
  /** Reads every page and every value. @throws {WaxwingError} `ERR_STORE_CORRUPT`. */
  verify(): Promise<void>
}

/**
 * Opens the store at `path`, making it (mode 0600) if there is none. Synchronous: a passphrase
 * takes a tenth of a second or more, a check of 64 MiB somewhat longer.
 *
 * @throws {WaxwingError} With the file unchanged: `ERR_STORE_FOREIGN`, `ERR_STORE_NEWER`,
 *   `ERR_STORE_KEY`, `ERR_STORE_CORRUPT`, `ERR_STORE_BUSY`.
 * @throws {Error} Errors of the file system; `ENOENT` with `create: false` where there is no file.
 * @throws {RangeError} If an option is out of its range.
 */
export function sqliteStore(path: string, options: SqliteStoreOptions): SqliteStore {
  const { busyTimeoutMs = 5000, pollMs = 250, maxPages, create = true } = options
  const checkBytes = options.checkBytes ?? 2 ** 26
  checkNumber('busyTimeoutMs', busyTimeoutMs, 0)
  checkNumber('pollMs', pollMs, 1)
  checkNumber('checkBytes', checkBytes, 0)
  if (maxPages !== undefined) checkNumber('maxPages', maxPages, 1)
  const material = readKeySource(options.key)
  const limits = { checkBytes, busyTimeoutMs, ...(maxPages !== undefined && { maxPages }) }
  const opened = openDatabase(path, { material, create, ...limits })
  return new DatabaseStore(path, opened, busyTimeoutMs, pollMs)
}

class DatabaseStore implements SqliteStore {
  readonly continuity: StoreContinuity
  readonly #path: string
  readonly #db: DatabaseSync
  readonly #entries: EntryTable
  readonly #retry: BusyRetry
  readonly #queue: WriteQueue
  readonly #foreign: ForeignChanges
  readonly #wiping: JournalWiping
  /** What `close` waits for besides the queue. */
  readonly #running: Set<Promise<unknown>> = new Set()
  /** The last of the works that exclude each other. Never rejects. */
  #exclusive: Promise<void> = Promise.resolve()
  #closing: Promise<void> | undefined

  constructor(path: string, opened: OpenedDatabase, busyTimeoutMs: number, pollMs: number) {
    this.#path = path
    this.#db = opened.db
    this.#entries = new EntryTable(opened.db, opened)
    this.#retry = new BusyRetry(busyTimeoutMs)
    this.#queue = new WriteQueue(opened.db, this.#entries, this.#retry)
    this.#foreign = new ForeignChanges(opened.db, pollMs)
    this.#wiping = new JournalWiping(opened.db)
    this.continuity = this.#makeContinuity(new Continuity(path, opened.db, this.#entries))
  }

  async get(table: string, key: string): Promise<Uint8Array | undefined> {
    checkNames(table, key)
    return await this.#run(() => this.#retry.run(() => this.#entries.get(table, key)))
  }

  async scan(table: string, query: ScanQuery = {}): Promise<readonly StoreEntry[]> {
    checkQuery(table, query)
    return await this.#run(() => this.#retry.run(() => this.#entries.scan(table, query)))
  }

  async write(changes: readonly Change[]): Promise<boolean> {
    const copies = checkedChanges(changes)
    const written = (): void => this.#wiping.written()
    return await this.#run(() => this.#queue.add(copies).finally(written))
  }

  onForeignChange(listener: () => void): () => void {
    this.#assertOpen()
    return this.#foreign.listen(listener)
  }

  async rekey(key: StoreKeySource): Promise<void> {
    const material = readKeySource(key)
    await this.#run(() =>
      this.#exclusively(async () => {
        const dataKey = new Uint8Array(randomBytes(KEY_BYTES))
        const record = wrapDataKey(material, dataKey)
        const unlocked = { record, cipher: new ValueCipher(dataKey) }
        await this.#retry.run(() => this.#relock(unlocked))
      }),
    )
  }

  async backup(path: string): Promise<void> {
    await this.#run(() =>
      this.#exclusively(() => backUp(this.#path, path, this.#entries.unlocked.cipher)),
    )
  }

  async verify(): Promise<void> {
    await this.#run(() =>
      this.#retry.run(() => {
        this.#entries.assertSameKey()
        checkPages(this.#db)
        checkValues(this.#db, this.#entries.unlocked.cipher)
      }),
    )
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#foreign.stop()
    await Promise.allSettled(this.#running)
    this.#wiping.close()
    this.#db.close()
    this.#entries.unlocked.cipher.wipe()
  }

  /** After what waits to be written; no write joins these. */
  #makeContinuity(continuity: Continuity): StoreContinuity {
    const run = <T>(work: () => T): Promise<T> =>
      this.#run(async () => {
        await this.#queue.drained()
        return await this.#retry.run(work).finally(() => this.#wiping.written())
      })
    return {
      life: () => run(() => continuity.life()),
      write: async (life, changes) => {
        const [copy, copies] = [life.slice(), checkedChanges(changes)]
        return await run(() => continuity.write(copy, copies))
      },
    }
  }

  /** One transaction, and not a turn of the event loop between it and the use of the new key. */
  #relock(unlocked: Unlocked): void {
    transaction(this.#db, () => {
      this.#entries.assertSameKey()
      this.#entries.reseal(unlocked.cipher)
      writeKeyRecord(this.#db, unlocked.record)
    })
    this.#entries.relock(unlocked)
    this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)') // what the old key opens leaves the journal
  }

  /** Lets a backup be checked under the key that it was made with. */
  #exclusively(work: () => Promise<void>): Promise<void> {
    const result = this.#exclusive.then(work)
    this.#exclusive = result.catch(() => undefined)
    return result
  }

  async #run<T>(work: () => Promise<T>): Promise<T> {
    this.#assertOpen()
    const running = work()
    this.#running.add(running)
    try {
      return await running
    } finally {
      this.#running.delete(running)
    }
  }

  #assertOpen(): void {
    if (this.#closing) throw new WaxwingError('ERR_CLOSED', 'the store was closed')
  }
}

function checkNumber(name: string, value: number, min: number): void {
  if (Number.isSafeInteger(value) && value >= min) return
  throw new RangeError(`${name} must be a whole number from ${min}, not ${value}`)
}
