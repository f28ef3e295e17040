// SPDX-License-Identifier: Apache-2.0
/**
 * The records of parked objects in the store: what is said of each under its kid and number, in order
 * of arrival, and its bytes under its fingerprint, so that one object is parked once.
 *
 * @module
 */

import type { Change, Store } from '@waxwing/core'
import { Table } from '../table.js'
import {
  decodeParkedObject,
  encodeParkedObject,
  objectKey,
  PARKED_OBJECT_TABLE,
  PARKED_TABLE,
  parkedCodec,
  placeOfKey,
  recordKey,
  type ParkedPlace,
  type ParkedRecord,
} from './parked-record.js'

/** Their addresses and properties can be long. */
const LOAD_PAGE = 64

/** One parked object, without its bytes. */
export interface Parked {
  readonly place: ParkedPlace
  readonly record: ParkedRecord
}

export class ParkedTable {
  readonly #store: Store
  readonly #readerKey: string
  readonly #table: Table<ParkedRecord>

  constructor(store: Store, readerKey: string) {
    this.#store = store
    this.#readerKey = readerKey
    this.#table = new Table(store, PARKED_TABLE, parkedCodec)
  }

  /** Reads everything, page by page, and shows it to `visit` in no order of kids. */
  async load(visit: (parked: Parked) => void): Promise<void> {
    const prefix = `${this.#readerKey}/`
    for (let after: string | undefined; ;) {
      const page = await this.#scan({ prefix, after, limit: LOAD_PAGE })
      for (const { parked } of page) visit(parked)
      if (page.length < LOAD_PAGE) return
      after = page.at(-1)?.key
    }
  }

  /** Reads those of a kid, in order of arrival. @param after - A number. */
  async page(kid: string, after: number | undefined, limit: number): Promise<readonly Parked[]> {
    const prefix = `${this.#readerKey}/${kid}/`
    const from = after === undefined ? undefined : this.#recordKey({ kid, number: after })
    const page = await this.#scan({ prefix, after: from, limit })
    return page.map(({ parked }) => parked)
  }

  /** What is said of a parked object; `undefined` if it went meanwhile. */
  record(place: Pick<ParkedPlace, 'kid' | 'number'>): Promise<ParkedRecord | undefined> {
    return this.#table.get(this.#recordKey(place))
  }

  /** The number and the bytes of a parked object; `undefined` if there is none. */
  async object(
    kid: string,
    fingerprint: string,
  ): Promise<ReturnType<typeof decodeParkedObject> | undefined> {
    const value = await this.#store.get(PARKED_OBJECT_TABLE, this.#objectKey(kid, fingerprint))
    return value && decodeParkedObject(value)
  }

  /** The highest number under a kid; -1 if there is none. */
  async lastNumber(kid: string): Promise<number> {
    const prefix = `${this.#readerKey}/${kid}/`
    const [last] = await this.#store.scan(PARKED_TABLE, { prefix, reverse: true, limit: 1 })
    return last === undefined ? -1 : placeOfKey(last.key).number
  }

  /** The changes that park an object: refused where it, or another with its number, stands already. */
  insertions({ place, record }: Parked, object: Uint8Array): readonly Change[] {
    const { kid, number, fingerprint } = place
    const key = this.#objectKey(kid, fingerprint)
    const value = encodeParkedObject(number, object)
    return [
      this.#table.insert(this.#recordKey(place), record),
      { table: PARKED_OBJECT_TABLE, key, value, expect: null },
    ]
  }

  /** The change of a record that is there as it was read; else nothing is written. */
  replacing({ place, record }: Parked, change: Partial<ParkedRecord>): Change {
    const key = this.#recordKey(place)
    const expect = this.#table.put(key, record).value
    return { ...this.#table.put(key, { ...record, ...change }), expect }
  }

  /** The changes that delete parked objects. */
  deletions(places: readonly ParkedPlace[]): readonly Change[] {
    return places.flatMap((place) => {
      const key = this.#objectKey(place.kid, place.fingerprint)
      return [
        this.#table.delete(this.#recordKey(place)),
        { table: PARKED_OBJECT_TABLE, key, value: null },
      ]
    })
  }

  async #scan(query: {
    prefix: string
    after: string | undefined
    limit: number
  }): Promise<readonly { readonly key: string; readonly parked: Parked }[]> {
    const { prefix, after, limit } = query
    const range = after === undefined ? { prefix, limit } : { prefix, after, limit }
    return (await this.#table.scan(range)).map(({ key, record }) => {
      const { fingerprint } = record
      return { key, parked: { place: { ...placeOfKey(key), fingerprint }, record } }
    })
  }

  #recordKey({ kid, number }: Pick<ParkedPlace, 'kid' | 'number'>): string {
    return recordKey(this.#readerKey, kid, number)
  }

  #objectKey(kid: string, fingerprint: string): string {
    return objectKey(this.#readerKey, kid, fingerprint)
  }
}
