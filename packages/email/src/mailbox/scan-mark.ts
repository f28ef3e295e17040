// SPDX-License-Identifier: Apache-2.0
/**
 * How far a folder was looked through: every mail up to a UID holds nothing of ours or was handled. It
 * is good for as long as the folder keeps its UIDVALIDITY (RFC 9051 Section 2.3.1.1), and only ever saves
 * work: without it everything is looked through again.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import type { Store } from '@waxwing/core'

const TABLE = 'email.scanned'

export interface ScanMarkTerms {
  readonly store: Store | undefined
  /** Names the folder: server, user, folder, keyword. */
  readonly name: readonly string[]
  readonly report: (error: unknown) => void
}

export class ScanMark {
  readonly #terms: ScanMarkTerms
  readonly #key: string
  #saved = ''

  constructor(terms: ScanMarkTerms) {
    this.#terms = terms
    this.#key = createHash('sha256').update(JSON.stringify(terms.name)).digest('hex')
  }

  /** The UID up to which nothing is to be done; 0 where nobody knows. */
  async load(uidValidity: bigint): Promise<number> {
    const { store, report } = this.#terms
    try {
      const value = await store?.get(TABLE, this.#key)
      if (value === undefined) return 0
      this.#saved = new TextDecoder().decode(value)
      const [validity, uid] = this.#saved.split(' ')
      const isUsable = validity === String(uidValidity) && /^\d{1,10}$/.test(uid ?? '')
      return isUsable ? Number(uid) : 0
    } catch (error) {
      report(error)
      return 0
    }
  }

  async save(uidValidity: bigint, uid: number): Promise<void> {
    const { store, report } = this.#terms
    const text = `${uidValidity} ${uid}`
    if (store === undefined || text === this.#saved) return
    this.#saved = text
    try {
      await store.write([{ table: TABLE, key: this.#key, value: new TextEncoder().encode(text) }])
    } catch (error) {
      report(error)
    }
  }
}
