// SPDX-License-Identifier: Apache-2.0
/**
 * The database file: made whole, inspected before use, then opened with the settings that the
 * store's promises rest on: WAL with a full sync at each commit, and deleted content overwritten.
 *
 * @module
 */

import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { inspect } from './inspection.js'
import type { Unlocked } from './inspection.js'
import { wrapDataKey } from './key-record.js'
import type { KeyRecord } from './key-record.js'
import { assertVacant, beginFile, discardFile, isCode, placeFile } from './new-file.js'
import { APPLICATION_ID, MIGRATIONS, migrate } from './schema.js'
import type { Migration } from './schema.js'
import { storeError } from './sqlite-error.js'
import type { KeyMaterial } from './store-key.js'
import { KEY_BYTES } from './value-cipher.js'

export interface DatabaseOptions {
  readonly material: KeyMaterial
  readonly create: boolean
  /** Files up to this size are read whole. */
  readonly checkBytes: number
  readonly maxPages?: number
  /** How long opening waits for another process, blocking the thread. */
  readonly busyTimeoutMs: number
  readonly migrations?: readonly Migration[]
}

export interface OpenedDatabase extends Unlocked {
  readonly db: DatabaseSync
}

/**
 * How long SQLite itself waits for another process once the store is open; it blocks the thread
 * meanwhile. Longer waits are the store's, between turns of the event loop.
 */
const STEADY_TIMEOUT_MS = 10

/** Opens the database at `path`; makes it first where it may. */
export function openDatabase(path: string, options: DatabaseOptions): OpenedDatabase {
  const { material, migrations = MIGRATIONS, checkBytes } = options
  if (options.create && !fs.existsSync(path)) createDatabase(path, material)
  fs.accessSync(path, fs.constants.R_OK | fs.constants.W_OK)
  const isThorough = fs.statSync(path).size <= checkBytes
  const { busyTimeoutMs: timeoutMs } = options
  const unlocked = inspect(path, { material, isThorough, timeoutMs, migrations })
  const db = new DatabaseSync(path, { timeout: timeoutMs, defensive: true })
  try {
    configure(db)
    migrate(db, migrations)
    if (options.maxPages !== undefined) db.exec(`PRAGMA max_page_count = ${options.maxPages}`)
    db.exec(`PRAGMA busy_timeout = ${STEADY_TIMEOUT_MS}`)
    return { db, ...unlocked }
  } catch (error) {
    unlocked.cipher.wipe()
    db.close()
    throw storeError(error)
  }
}

/** Writes the one key record, over the one before. */
export function writeKeyRecord(db: DatabaseSync, record: KeyRecord): void {
  const { kdf, passCount, memoryBytes, salt, wrappedKey, checksum } = record
  db.prepare(
    `INSERT OR REPLACE INTO key_record
      (id, kdf, pass_count, memory_bytes, salt, wrapped_key, checksum)
      VALUES (1, ?, ?, ?, ?, ?, ?)`,
  ).run(kdf, passCount, memoryBytes, salt, wrappedKey, checksum)
}

/** Makes an empty store beside its place and puts it there; loses against one that is faster. */
function createDatabase(path: string, material: KeyMaterial): void {
  assertVacant(path)
  const record = wrapDataKey(material, new Uint8Array(randomBytes(KEY_BYTES)))
  const building = beginFile(path)
  try {
    fillDatabase(building, record)
    placeFile(building, path)
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw storeError(error)
  } finally {
    discardFile(building)
  }
}

function fillDatabase(path: string, record: KeyRecord): void {
  const db = new DatabaseSync(path)
  try {
    db.exec(`PRAGMA application_id = ${APPLICATION_ID}`)
    configure(db)
    migrate(db)
    writeKeyRecord(db, record)
  } finally {
    db.close()
  }
}

function configure(db: DatabaseSync): void {
  db.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA secure_delete = ON;
    PRAGMA trusted_schema = OFF;
    PRAGMA cell_size_check = ON;
    PRAGMA temp_store = MEMORY;
  `)
}
