// SPDX-License-Identifier: Apache-2.0
/**
 * What callers may ask for; anything else is their bug.
 *
 * @module
 */

import type { Change, ScanQuery } from '@waxwing/core'

const KEY = /^[\x20-\x7e]{1,512}$/
const TABLE = /^[\x21-\x7e]{1,64}$/

/** @throws {TypeError} If a name has another form. */
export function checkNames(table: string, key: string): void {
  checkTable(table)
  if (!KEY.test(key)) throw new TypeError('key must be 1 to 512 printable ASCII characters')
}

/** @throws {TypeError} If the table's name has another form. @throws {RangeError} The limit. */
export function checkQuery(table: string, { limit }: ScanQuery): void {
  checkTable(table)
  if (limit === undefined || (Number.isSafeInteger(limit) && limit >= 0)) return
  throw new RangeError(`limit must be a whole number from 0, not ${limit}`)
}

/** Checks and copies what is to be written. @throws {TypeError} If a name has another form. */
export function checkedChanges(changes: readonly Change[]): readonly Change[] {
  return changes.map(({ table, key, value, expect }) => {
    checkNames(table, key)
    const copy = { table, key, value: value?.slice() ?? null }
    return expect === undefined ? copy : { ...copy, expect: expect?.slice() ?? null }
  })
}

function checkTable(table: string): void {
  if (!TABLE.test(table)) throw new TypeError('table must be 1 to 64 printable ASCII characters')
}
