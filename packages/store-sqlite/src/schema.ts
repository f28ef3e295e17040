// SPDX-License-Identifier: Apache-2.0
/**
 * What is inside the file, by version, and how an older one becomes a newer one.
 *
 * `application_id` says that the file is a Waxwing store, `user_version` which version. A step is
 * never changed once it was published; a new version is a new step at the end of {@link MIGRATIONS}.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { WaxwingError } from '@waxwing/core'

/** `WxWg`, at offset 68 of the file. */
export const APPLICATION_ID = 0x57785767

/** Brings a database from the version before to the next one; runs inside a transaction. */
export type Migration = (db: DatabaseSync) => void

export const MIGRATIONS: readonly Migration[] = [
  (db) => {
    db.exec(`
      CREATE TABLE key_record (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        kdf TEXT NOT NULL,
        pass_count INTEGER NOT NULL,
        memory_bytes INTEGER NOT NULL,
        salt BLOB NOT NULL,
        wrapped_key BLOB NOT NULL,
        checksum BLOB NOT NULL
      ) STRICT;
      CREATE TABLE entry (
        tbl TEXT NOT NULL,
        key TEXT NOT NULL,
        value BLOB NOT NULL,
        PRIMARY KEY (tbl, key)
      ) STRICT, WITHOUT ROWID;
    `)
  },
]

/** The tables of all versions so far. Anything else in a file was not made by this software. */
const TABLES: readonly unknown[] = ['entry', 'key_record']

/**
 * Checks whose file it is and which version, without changing anything.
 *
 * @throws {WaxwingError} `ERR_STORE_FOREIGN`, `ERR_STORE_NEWER`, or `ERR_STORE_CORRUPT` if the file
 *   holds tables, triggers or views of others.
 */
export function checkSchema(db: DatabaseSync, migrations: readonly Migration[] = MIGRATIONS): void {
  if (readPragma(db, 'application_id') !== APPLICATION_ID) {
    throw new WaxwingError('ERR_STORE_FOREIGN', 'the database belongs to another application')
  }
  const version = readPragma(db, 'user_version')
  if (version > migrations.length) {
    throw new WaxwingError(
      'ERR_STORE_NEWER',
      `the store has version ${version}; this software knows up to ${migrations.length}`,
    )
  }
  const objects = db.prepare('SELECT type, name FROM sqlite_schema').all()
  const isOurs = objects.every(({ type, name }) => type === 'table' && TABLES.includes(name))
  if (version < 1 || !isOurs || objects.length < TABLES.length) {
    throw new WaxwingError('ERR_STORE_CORRUPT', 'the tables of the store are not as they were made')
  }
}

/**
 * Brings the database to the newest version: each step is one transaction, so that a step that
 * fails leaves the version before it.
 */
export function migrate(db: DatabaseSync, migrations: readonly Migration[] = MIGRATIONS): void {
  while (readPragma(db, 'user_version') < migrations.length) {
    db.exec('BEGIN IMMEDIATE')
    try {
      const version = readPragma(db, 'user_version') // another process may have been faster
      migrations[version]?.(db)
      if (version < migrations.length) db.exec(`PRAGMA user_version = ${version + 1}`)
      db.exec('COMMIT')
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK')
      throw error
    }
  }
}

/** Reads a pragma whose value is one number. */
export function readPragma(db: DatabaseSync, name: string): number {
  const value = Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]
  if (typeof value !== 'number') throw new TypeError(`PRAGMA ${name} is not a number`)
  return value
}
