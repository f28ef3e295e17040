// SPDX-License-Identifier: Apache-2.0
/**
 * Looking at a store before it is used: whose it is, which version, whether the key fits and
 * whether it is whole. Nothing is changed and nothing repaired; what is refused stays as it was,
 * byte for byte, its journal included.
 *
 * @module
 */

import { statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { WaxwingError } from '@waxwing/core'
import { parseKeyRecord, unwrapDataKey } from './key-record.js'
import type { KeyRecord } from './key-record.js'
import { hasJournal } from './new-file.js'
import { checkSchema } from './schema.js'
import type { Migration } from './schema.js'
import { resultCode, storeError } from './sqlite-error.js'
import type { KeyMaterial } from './store-key.js'
import { ValueCipher } from './value-cipher.js'

export interface Unlocked {
  readonly record: KeyRecord
  readonly cipher: ValueCipher
}

export interface InspectionOptions {
  /** Without it the values stay unread. */
  readonly material?: KeyMaterial
  /** Whether every page and every value is read. */
  readonly isThorough: boolean
  /** How long to wait for another process, blocking the thread. Default 5,000. */
  readonly timeoutMs?: number
  readonly migrations?: readonly Migration[]
}

const SQLITE_ERROR = 1
const SQLITE_NOTADB = 26
/** Of a database file. */
const HEADER_BYTES = 100

/**
 * Inspects the file at `path`.
 *
 * @returns Its key record and, with key material, the cipher for its values, which the caller owns.
 * @throws {WaxwingError} `ERR_STORE_FOREIGN`, `ERR_STORE_NEWER`, `ERR_STORE_KEY` or
 *   `ERR_STORE_CORRUPT`.
 */
export function inspect(
  path: string,
  options: InspectionOptions & { readonly material: KeyMaterial },
): Unlocked
export function inspect(path: string, options: InspectionOptions): Partial<Unlocked>
export function inspect(path: string, options: InspectionOptions): Partial<Unlocked> {
  assertNotEmptied(path)
  // A connection that may write would carry the journal over when it closes.
  const timeout = options.timeoutMs ?? 5000
  const db = new DatabaseSync(path, { readOnly: hasJournal(path), timeout, defensive: true })
  try {
    db.exec('PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; BEGIN')
    checkSchema(db, options.migrations)
    db.prepare('SELECT tbl, key, value FROM entry') // names columns that may not be there
    const record = readKeyRecord(db)
    const { material } = options
    if (options.isThorough) checkPages(db)
    if (material === undefined) return { record }
    const cipher = new ValueCipher(unwrapDataKey(material, record))
    if (options.isThorough) checkValues(db, cipher)
    return { record, cipher }
  } catch (error) {
    throw refusal(error)
  } finally {
    db.close()
  }
}

/** SQLite deletes the journal of an empty file, and takes one byte for none. */
function assertNotEmptied(path: string): void {
  if (statSync(path).size >= HEADER_BYTES || !hasJournal(path)) return
  throw new WaxwingError('ERR_STORE_CORRUPT', `'${path}' is cut, but its journal is there`)
}

/** Reads the key record of an open store. @throws {WaxwingError} `ERR_STORE_CORRUPT`. */
export function readKeyRecord(db: DatabaseSync): KeyRecord {
  const row = db
    .prepare(
      `SELECT kdf, pass_count AS passCount, memory_bytes AS memoryBytes, salt,
        wrapped_key AS wrappedKey, checksum FROM key_record WHERE id = 1`,
    )
    .get()
  return parseKeyRecord(row)
}

/** Has SQLite check the structure of all pages. @throws {WaxwingError} `ERR_STORE_CORRUPT`. */
export function checkPages(db: DatabaseSync): void {
  const findings = db.prepare('PRAGMA quick_check(1)').all()
  const [finding] = findings.flatMap((row) => Object.values(row))
  if (finding === 'ok') return
  throw new WaxwingError('ERR_STORE_CORRUPT', `the store is damaged: ${String(finding)}`)
}

/** Opens every value. @throws {WaxwingError} `ERR_STORE_CORRUPT` at the first that does not. */
export function checkValues(db: DatabaseSync, cipher: ValueCipher): void {
  for (const { tbl, key, value } of db.prepare('SELECT tbl, key, value FROM entry').iterate()) {
    cipher.open(String(tbl), String(key), value)
  }
}

/** The store's error for SQLite's, which before anything was changed complains about the file. */
export function refusal(error: unknown): unknown {
  const primary = (resultCode(error) ?? 0) & 0xff
  if (primary === SQLITE_NOTADB) {
    const message = 'the file is not an SQLite database'
    return new WaxwingError('ERR_STORE_FOREIGN', message, {}, { cause: error })
  }
  if (primary === SQLITE_ERROR) {
    const message = 'the tables of the store are damaged'
    return new WaxwingError('ERR_STORE_CORRUPT', message, {}, { cause: error })
  }
  return storeError(error)
}
