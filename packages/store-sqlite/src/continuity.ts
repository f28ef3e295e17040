// SPDX-License-Identifier: Apache-2.0
/**
 * The life of a store (`StoreContinuity`): the database and its mark count the same writes, and where
 * they disagree another life begins.
 *
 * The mark goes first, inside the transaction, and so under SQLite's lock: no two processes write it at
 * once. A crash between the two begins another life although nothing was lost; the other way round,
 * what was lost would not show.
 *
 * @module
 */

import { randomBytes } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { concatBytes, equalBytes, WaxwingError } from '@waxwing/core'
import type { Change } from '@waxwing/core'
import { ContinuityMark, type Mark, type PlacedMark } from './continuity-mark.js'
import type { EntryTable } from './entry-table.js'
import { isCode } from './new-file.js'
import { transaction } from './write-queue.js'

/** Tables of callers have no blank in their names. */
const TABLE = 'of the store'
const KEY = 'continuity'
const LIFE_BYTES = 16

export class Continuity {
  readonly #db: DatabaseSync
  readonly #entries: EntryTable
  readonly #mark: ContinuityMark

  constructor(path: string, db: DatabaseSync, entries: EntryTable) {
    this.#db = db
    this.#entries = entries
    this.#mark = new ContinuityMark(path)
  }

  /** The life in which the store is; another one if it cannot be told to be the one before. */
  life(): Uint8Array {
    return this.#transact(() => {
      const known = this.#proven()
      if (known !== undefined) return known.life
      const life = new Uint8Array(randomBytes(LIFE_BYTES))
      this.#move({ life, step: 0 })
      return life
    })
  }

  /** Applies changes in a life. `false` if it is another, or an expectation is not met. */
  write(life: Uint8Array, changes: readonly Change[]): boolean {
    return this.#transact(() => {
      const known = this.#proven()
      if (known === undefined || !equalBytes(known.life, life)) return false
      this.#db.exec('SAVEPOINT one')
      if (!this.#entries.apply(changes)) {
        this.#db.exec('ROLLBACK TO one; RELEASE one')
        return false
      }
      this.#db.exec('RELEASE one')
      this.#move({ life, step: known.step + 1 })
      return true
    })
  }

  #move(mark: Mark): void {
    const value = valueOf(this.#mark.write(mark))
    this.#entries.apply([{ table: TABLE, key: KEY, value }])
  }

  /** What database and mark agree on. */
  #proven(): Mark | undefined {
    const value = this.#entries.get(TABLE, KEY)
    const mark = this.#mark.read()
    if (value === undefined || mark === undefined) return undefined
    return equalBytes(value, valueOf(mark)) ? mark : undefined
  }

  #transact<T>(body: () => T): T {
    return transaction(this.#db, () => {
      this.#entries.assertSameKey()
      try {
        return body()
      } catch (error) {
        if (!isCode(error, 'ENOSPC', 'EDQUOT')) throw error
        const message = 'there is no room for the mark of the store'
        throw new WaxwingError('ERR_STORE_FULL', message, {}, { cause: error })
      }
    })
  }
}

function valueOf({ life, step, changedNs }: PlacedMark): Uint8Array {
  const numbers = new DataView(new ArrayBuffer(16))
  numbers.setBigUint64(0, BigInt(step))
  numbers.setBigInt64(8, changedNs)
  return concatBytes(life, new Uint8Array(numbers.buffer))
}
