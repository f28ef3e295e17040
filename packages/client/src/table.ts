// SPDX-License-Identifier: Apache-2.0
/**
 * One kind of record in a {@link Store}: its table, and how its values become bytes.
 *
 * Values are CBOR, in the same strict profile as everything else. A record that does not decode
 * means that the store is damaged, and is never skipped.
 *
 * @module
 */

import {
  decodeCbor,
  encodeCbor,
  WaxwingError,
  type CborValue,
  type Change,
  type ScanQuery,
  type Store,
} from '@waxwing/core'

export interface RecordCodec<T> {
  toCbor(record: T): CborValue
  fromCbor(value: CborValue): T
}

export class Table<T> {
  readonly name: string
  readonly #store: Store
  readonly #codec: RecordCodec<T>

  constructor(store: Store, name: string, codec: RecordCodec<T>) {
    this.#store = store
    this.name = name
    this.#codec = codec
  }

  async get(key: string): Promise<T | undefined> {
    const value = await this.#store.get(this.name, key)
    return value === undefined ? undefined : this.decode(value)
  }

  /** Reads a record with its bytes, to be expected when it is replaced. */
  async read(key: string): Promise<{ record: T; bytes: Uint8Array } | undefined> {
    const bytes = await this.#store.get(this.name, key)
    return bytes && { record: this.decode(bytes), bytes }
  }

  /** @param isWanted - Leaves the others out without decoding them. */
  async scan(
    query?: ScanQuery,
    isWanted: (key: string, bytes: Uint8Array) => boolean = () => true,
  ): Promise<readonly { key: string; record: T; bytes: Uint8Array }[]> {
    const entries = await this.#store.scan(this.name, query)
    const wanted = entries.filter(({ key, value }) => isWanted(key, value))
    return wanted.map(({ key, value }) => ({ key, record: this.decode(value), bytes: value }))
  }

  /** A change that writes a record; to be given to `Store.write`, alone or with others. */
  put(key: string, record: T): Change & { readonly value: Uint8Array } {
    return { table: this.name, key, value: encodeCbor(this.#codec.toCbor(record)) }
  }

  /** A change that writes a record only where none stands. */
  insert(key: string, record: T): Change {
    return { ...this.put(key, record), expect: null }
  }

  delete(key: string): Change {
    return { table: this.name, key, value: null }
  }

  /** @throws {WaxwingError} `ERR_STORE_CORRUPT`. */
  decode(value: Uint8Array): T {
    return readRecord(this.name, () => {
      return this.#codec.fromCbor(decodeCbor(value, `${this.name} record`))
    })
  }
}

/** Reads what a record holds. @throws {WaxwingError} `ERR_STORE_CORRUPT` where that fails. */
export function readRecord<T>(table: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    const message = `a record of table ${table} cannot be read`
    throw new WaxwingError('ERR_STORE_CORRUPT', message, { field: table }, { cause })
  }
}
