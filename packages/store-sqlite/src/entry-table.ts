// SPDX-License-Identifier: Apache-2.0
/**
 * The entries of an open database, in plain: reading, and applying changes inside a transaction
 * that the caller holds. Synchronous; errors are SQLite's own until the caller maps them.
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { WaxwingError, equalBytes } from '@waxwing/core'
import type { Change, ScanQuery, StoreEntry } from '@waxwing/core'
import { readKeyRecord } from './inspection.js'
import type { Unlocked } from './inspection.js'
import { storeKeyError } from './store-key.js'
import type { ValueCipher } from './value-cipher.js'

/** After every key that begins with a prefix, and before all others that come after it. */
const AFTER_PRINTABLE = '\x7f'

export class EntryTable {
  readonly #db: DatabaseSync
  readonly #select: StatementSync
  readonly #ascending: StatementSync
  readonly #descending: StatementSync
  readonly #put: StatementSync
  readonly #delete: StatementSync
  #unlocked: Unlocked

  constructor(db: DatabaseSync, unlocked: Unlocked) {
    this.#db = db
    this.#unlocked = unlocked
    const scan = 'SELECT key, value FROM entry WHERE tbl = ? AND key >= ? AND key < ? ORDER BY key'
    this.#select = db.prepare('SELECT value FROM entry WHERE tbl = ? AND key = ?')
    this.#ascending = db.prepare(`${scan} LIMIT ?`)
    this.#descending = db.prepare(`${scan} DESC LIMIT ?`)
    this.#put = db.prepare('INSERT OR REPLACE INTO entry (tbl, key, value) VALUES (?, ?, ?)')
    this.#delete = db.prepare('DELETE FROM entry WHERE tbl = ? AND key = ?')
  }

  /** The key that the entries are under now. */
  get unlocked(): Unlocked {
    return this.#unlocked
  }

  /** Goes on under another data key. The one before is wiped. */
  relock(unlocked: Unlocked): void {
    this.#unlocked.cipher.wipe()
    this.#unlocked = unlocked
  }

  get(table: string, key: string): Uint8Array | undefined {
    const row = this.#select.get(table, key)
    return row && this.#open(table, key, row['value'])
  }

  scan(table: string, query: ScanQuery): StoreEntry[] {
    const { prefix = '', after, limit = -1, reverse = false } = query
    let from = prefix
    let to = prefix + AFTER_PRINTABLE
    if (after !== undefined && reverse && after < to) to = after
    if (after !== undefined && !reverse && after >= from) from = `${after}\0`
    const statement = reverse ? this.#descending : this.#ascending
    const entries: StoreEntry[] = []
    for (const row of statement.iterate(table, from, to, limit)) {
      const key = String(row['key'])
      entries.push({ key, value: this.#open(table, key, row['value']) })
    }
    return entries
  }

  /** Applies changes in their order. `false` at the first expectation that is not met. */
  apply(changes: readonly Change[]): boolean {
    for (const { table, key, value, expect } of changes) {
      if (expect !== undefined && !this.#holds(table, key, expect)) return false
      if (value === null) this.#delete.run(table, key)
      else this.#put.run(table, key, this.#unlocked.cipher.seal(table, key, value))
    }
    return true
  }

  /** Encrypts every value anew under another cipher; {@link relock} makes it the one in use. */
  reseal(cipher: ValueCipher): void {
    const next = this.#db.prepare(
      'SELECT tbl, key, value FROM entry WHERE (tbl, key) > (?, ?) ORDER BY tbl, key LIMIT 1',
    )
    for (let row = next.get('', ''); row !== undefined;) {
      const [table, key] = [String(row['tbl']), String(row['key'])]
      this.#put.run(table, key, cipher.seal(table, key, this.#open(table, key, row['value'])))
      row = next.get(table, key)
    }
  }

  /** @throws {WaxwingError} `ERR_STORE_KEY` if another process gave the store another key. */
  assertSameKey(): void {
    const { wrappedKey } = readKeyRecord(this.#db)
    if (equalBytes(wrappedKey, this.#unlocked.record.wrappedKey)) return
    throw storeKeyError('the store was given another key since it was opened')
  }

  #holds(table: string, key: string, expected: Uint8Array | null): boolean {
    const current = this.get(table, key)
    if (expected === null || current === undefined) return expected === (current ?? null)
    return equalBytes(expected, current)
  }

  #open(table: string, key: string, sealed: unknown): Uint8Array {
    try {
      return this.#unlocked.cipher.open(table, key, sealed)
    } catch (error) {
      if (error instanceof WaxwingError) this.assertSameKey()
      throw error
    }
  }
}
