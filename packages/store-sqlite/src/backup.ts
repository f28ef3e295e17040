// SPDX-License-Identifier: Apache-2.0
/**
 * Copies of a store: taken while it is in use, and put back.
 *
 * A backup is a store of its own under the same key. To go on from an old one is to forget what
 * was recorded since; endpoints are made for that (they begin new sessions), applications may not be.
 *
 * @module
 */

import * as fs from 'node:fs'
import { pathToFileURL } from 'node:url'
import { DatabaseSync, backup } from 'node:sqlite'
import { checkPages, checkValues, inspect, refusal } from './inspection.js'
import { assertVacant, beginFile, discardFile, hasJournal, placeFile } from './new-file.js'
import { readKeySource } from './store-key.js'
import type { StoreKeySource } from './store-key.js'
import type { ValueCipher } from './value-cipher.js'

/** Pages for each step of the copying thread. */
const PAGES_PER_STEP = 512

/**
 * Copies the store at `from`, as it is at this moment, to the new file `to`, and reads the copy
 * whole before it gets its name.
 *
 * @throws {Error} `EEXIST` if `to` exists.
 */
export async function backUp(from: string, to: string, cipher: ValueCipher): Promise<void> {
  await copyDatabase(new DatabaseSync(from, { readOnly: true, timeout: 5000 }), to, (copy) => {
    const db = new DatabaseSync(copy)
    try {
      checkPages(db)
      checkValues(db, cipher)
    } finally {
      db.close()
    }
  })
}

/**
 * Puts a backup to where there is no store. The backup stays as it is, and may lie on a medium that
 * cannot be written to. With its key every value is checked; without, only the structure.
 *
 * @param from A file made by `backup`, or a copy of a store together with its `-wal` file.
 * @throws {WaxwingError} `ERR_STORE_FOREIGN`, `ERR_STORE_NEWER`, `ERR_STORE_KEY`,
 *   `ERR_STORE_CORRUPT`: the backup is not good; or `ERR_STORE_CORRUPT` if the journal of a store
 *   that is gone lies at `to`.
 * @throws {Error} `EEXIST` if `to` exists; other errors of the file system.
 */
export async function restoreBackup(
  from: string,
  to: string,
  options: { readonly key?: StoreKeySource } = {},
): Promise<void> {
  const material = options.key && readKeySource(options.key)
  fs.accessSync(from, fs.constants.R_OK)
  // Nobody writes to it, so it needs neither locks nor files beside it; unless it has a journal.
  const source = hasJournal(from) ? from : new URL(`${pathToFileURL(from).href}?immutable=1`)
  await copyDatabase(new DatabaseSync(source, { readOnly: true, timeout: 5000 }), to, (copy) => {
    const found = inspect(copy, { isThorough: true, ...(material && { material }) })
    found.cipher?.wipe()
  })
}

/** Copies what `source` sees now, has it checked, and gives it its name. Closes `source`. */
async function copyDatabase(
  source: DatabaseSync,
  to: string,
  check: (copy: string) => void,
): Promise<void> {
  let copy: string | undefined
  try {
    assertVacant(to)
    source.exec('BEGIN')
    source.prepare('SELECT count(*) FROM sqlite_schema').get() // from here on it sees one moment
    copy = beginFile(to)
    await backup(source, copy, { rate: PAGES_PER_STEP })
    check(copy)
    placeFile(copy, to)
  } catch (error) {
    throw refusal(error)
  } finally {
    source.close()
    if (copy !== undefined) discardFile(copy)
  }
}
