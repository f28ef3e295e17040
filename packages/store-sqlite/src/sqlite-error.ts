// SPDX-License-Identifier: Apache-2.0
/**
 * SQLite's result codes (https://sqlite.org/rescode.html), as the errors of a store.
 *
 * @module
 */

import { WaxwingError } from '@waxwing/core'
import type { ErrorCode } from '@waxwing/core'

const PRIMARY_CODES: Readonly<Record<number, readonly [ErrorCode, string]>> = {
  5: ['ERR_STORE_BUSY', 'another process holds the store'], // SQLITE_BUSY
  6: ['ERR_STORE_BUSY', 'another connection holds the store'], // SQLITE_LOCKED
  11: ['ERR_STORE_CORRUPT', 'the store is damaged'], // SQLITE_CORRUPT
  13: ['ERR_STORE_FULL', 'the store has no room left'], // SQLITE_FULL
  18: ['ERR_LIMIT', 'a value is too long for the store'], // SQLITE_TOOBIG
  26: ['ERR_STORE_CORRUPT', 'the store is damaged'], // SQLITE_NOTADB
}
/** Of those that are no code of their own below: what is meant. */
const MEANT: Readonly<Record<number, number>> = {
  522: 11, // SQLITE_IOERR_SHORT_READ
  4874: 13, // SQLITE_IOERR_SHMSIZE: no room for the index of the journal, when a store is opened
}

/** SQLite's extended result code, if `error` comes from SQLite. */
export function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined
  return typeof error.errcode === 'number' ? error.errcode : undefined
}

/** Gives the store's error for SQLite's. What is not SQLite's, or nobody's fault, stays itself. */
export function storeError(error: unknown): unknown {
  const code = resultCode(error)
  if (code === undefined) return error
  const known = PRIMARY_CODES[MEANT[code] ?? code & 0xff]
  return known ? new WaxwingError(known[0], known[1], {}, { cause: error }) : error
}

export function isBusy(error: unknown): boolean {
  return error instanceof WaxwingError && error.code === 'ERR_STORE_BUSY'
}
