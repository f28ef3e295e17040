// SPDX-License-Identifier: Apache-2.0
/**
 * Putting a finished file into its place: whole or not at all, never over another one, and open to
 * its owner only (mode 0600).
 *
 * SQLite's locks belong to the process and end when any descriptor of the file is closed, so a
 * database that may be in use is never opened here; only files that nobody else knows yet are.
 *
 * @module
 */

import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { dirname } from 'node:path'
import { WaxwingError } from '@waxwing/core'

const JOURNALS = ['-wal', '-journal']

/** Makes an empty file beside `target` for building it. Returns its path. */
export function beginFile(target: string): string {
  const path = `${target}.new-${randomBytes(6).toString('hex')}`
  fs.closeSync(fs.openSync(path, 'wx', 0o600))
  return path
}

/**
 * Gives the finished file its name and makes both durable.
 *
 * @throws {Error} `EEXIST` if there is such a file.
 */
export function placeFile(path: string, target: string): void {
  syncPath(path)
  try {
    fs.linkSync(path, target)
  } catch (error) {
    if (!isCode(error, 'EPERM', 'ENOTSUP', 'ENOSYS')) throw error
    fs.copyFileSync(path, target, fs.constants.COPYFILE_EXCL) // a file system without links
    syncPath(target)
  }
  fs.unlinkSync(path)
  if (process.platform !== 'win32') syncPath(dirname(target))
}

/** Removes an unfinished file with everything that SQLite laid beside it. */
export function discardFile(path: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) fs.rmSync(path + suffix, { force: true })
}

/**
 * Refuses a place where a new store would meet what is left of another.
 *
 * @throws {Error} `EEXIST` if the file exists.
 * @throws {WaxwingError} `ERR_STORE_CORRUPT` if only its journal does: SQLite would replay it.
 */
export function assertVacant(target: string): void {
  if (fs.existsSync(target)) {
    throw Object.assign(new Error(`EEXIST: file already exists, '${target}'`), { code: 'EEXIST' })
  }
  for (const suffix of JOURNALS) {
    if (!fs.existsSync(target + suffix)) continue
    const message = `'${target}' is missing, but its journal '${target}${suffix}' is there`
    throw new WaxwingError('ERR_STORE_CORRUPT', message)
  }
}

/** Tells whether a database has changes that are not yet in its main file. */
export function hasJournal(path: string): boolean {
  return JOURNALS.some((suffix) => {
    const stats = fs.statSync(path + suffix, { throwIfNoEntry: false })
    return stats !== undefined && stats.size > 0
  })
}

export function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}

function syncPath(path: string): void {
  const file = fs.openSync(path, 'r')
  try {
    fs.fsyncSync(file)
  } finally {
    fs.closeSync(file)
  }
}
