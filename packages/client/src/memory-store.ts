// SPDX-License-Identifier: Apache-2.0
/**
 * A {@link Store} in memory: for throw-away endpoints, and for tests.
 *
 * It keeps the whole contract except that nothing outlives the process. What an endpoint over it
 * loses with it is what any device loses with its disk: its keys, and the proof that no session was
 * forgotten. `snapshot` and `from` copy a whole state, so that a test can put a device back to an
 * earlier moment or run two copies of it.
 *
 * Changes of one write apply in their order, and each expectation sees those before it.
 *
 * @module
 */

import { WaxwingError, equalBytes } from '@waxwing/core'
import type { Change, ScanQuery, Store, StoreContinuity, StoreEntry } from '@waxwing/core'

const KEY = /^[\x20-\x7e]{1,512}$/
const TABLE = /^[\x21-\x7e]{1,64}$/
const LIFE_BYTES = 16

/** The content of a {@link MemoryStore} at one moment. Never changes afterwards. */
export interface MemorySnapshot {
  readonly tables: ReadonlyMap<string, ReadonlyMap<string, Uint8Array>>
}

export interface MemoryStoreOptions {
  /** Room for keys and values together, in bytes. Default: without limit. */
  readonly maxBytes?: number
  /** Begin with this content instead of with nothing. Copied. */
  readonly from?: MemorySnapshot
}

export interface MemoryStore extends Store {
  /** Of this store alone: one that begins with its snapshot has another life. */
  readonly continuity: StoreContinuity
  /** Copies the content. Works after `close` as well: then it is what the disk would still hold. */
  snapshot(): MemorySnapshot
}

/** One table: values by key, and the keys in order. Owns its arrays. */
class Table {
  readonly values: Map<string, Uint8Array> = new Map()
  /** In order. Those that were deleted stay a while, because taking each out would move the rest. */
  #keys: string[] = []
  readonly #deleted = new Set<string>()

  /** Takes ownership of `value`. */
  put(key: string, value: Uint8Array | null): void {
    if (value === null) {
      if (this.values.delete(key)) this.#delete(key)
      return
    }
    const { size } = this.values
    this.values.set(key, value)
    if (this.values.size > size && !this.#deleted.delete(key)) this.#insert(key)
  }

  scan({ prefix = '', after, limit = Infinity, reverse = false }: ScanQuery): StoreEntry[] {
    const entries: StoreEntry[] = []
    const step = reverse ? -1 : 1
    for (let at = this.#start(prefix, after, reverse); entries.length < limit; at += step) {
      const key = this.#keys[at]
      if (key === undefined || !key.startsWith(prefix)) break
      const value = this.values.get(key)
      if (value !== undefined) entries.push({ key, value: value.slice() })
    }
    return entries
  }

  #start(prefix: string, after: string | undefined, reverse: boolean): number {
    if (reverse) {
      const end = prefix === '' ? this.#keys.length : this.#position(`${prefix}\uffff`)
      return (after === undefined ? end : Math.min(end, this.#position(after))) - 1
    }
    const begin = this.#position(prefix)
    return after === undefined ? begin : Math.max(begin, this.#position(`${after}\0`))
  }

  #insert(key: string): void {
    const last = this.#keys.at(-1)
    if (last === undefined || last < key) this.#keys.push(key)
    else this.#keys.splice(this.#position(key), 0, key)
  }

  #delete(key: string): void {
    this.#deleted.add(key)
    if (this.#deleted.size < this.#keys.length / 2) return
    this.#keys = this.#keys.filter((one) => !this.#deleted.has(one))
    this.#deleted.clear()
  }

  /** Index of the first key that is not before `key`. */
  #position(key: string): number {
    let low = 0
    let high = this.#keys.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#keys[middle]! < key) low = middle + 1
      else high = middle
    }
    return low
  }
}

/**
 * Opens an empty store in memory, or a copy of a snapshot.
 *
 * @throws {RangeError} If `maxBytes` is not a positive whole number.
 */
export function memoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  const { maxBytes = Infinity, from } = options
  if (!(maxBytes > 0) || (maxBytes !== Infinity && !Number.isSafeInteger(maxBytes))) {
    throw new RangeError(`maxBytes must be a positive whole number, not ${maxBytes}`)
  }
  return new MemoryTables(maxBytes, from)
}

class MemoryTables implements MemoryStore {
  readonly continuity: StoreContinuity
  readonly #tables: Map<string, Table> = new Map()
  readonly #maxBytes: number
  #usedBytes = 0
  #closed = false

  constructor(maxBytes: number, from: MemorySnapshot | undefined) {
    this.#maxBytes = maxBytes
    this.continuity = this.#makeContinuity()
    for (const [name, values] of from?.tables ?? []) {
      for (const [key, value] of values) this.#put(name, key, value.slice())
    }
  }

  async get(table: string, key: string): Promise<Uint8Array | undefined> {
    this.#assertOpen()
    assertNames(table, key)
    return this.#tables.get(table)?.values.get(key)?.slice()
  }

  async scan(table: string, query: ScanQuery = {}): Promise<readonly StoreEntry[]> {
    this.#assertOpen()
    assertQuery(table, query)
    return this.#tables.get(table)?.scan(query) ?? []
  }

  async write(changes: readonly Change[]): Promise<boolean> {
    this.#assertOpen()
    for (const { table, key } of changes) assertNames(table, key)
    const staged = this.#stage(changes)
    if (staged === undefined) return false
    this.#assertRoom(staged)
    for (const { table, key, value } of staged) this.#put(table, key, value)
    return true
  }

  snapshot(): MemorySnapshot {
    const tables = new Map<string, ReadonlyMap<string, Uint8Array>>()
    for (const [name, table] of this.#tables) {
      tables.set(name, new Map([...table.values].map(([key, value]) => [key, value.slice()])))
    }
    return { tables }
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  #makeContinuity(): StoreContinuity {
    const own = globalThis.crypto.getRandomValues(new Uint8Array(LIFE_BYTES))
    return {
      life: async () => {
        this.#assertOpen()
        return own.slice()
      },
      write: async (life, changes) => equalBytes(life, own) && (await this.write(changes)),
    }
  }

  /** The last change of each key, copied; `undefined` if an expectation is not met. */
  #stage(changes: readonly Change[]): readonly Change[] | undefined {
    const [only] = changes
    if (changes.length === 1 && only !== undefined) return this.#stageOnly(only)
    const staged = new Map<string, Change>()
    for (const { table, key, value, expect } of changes) {
      const id = `${table}\0${key}`
      const before = staged.get(id)
      const current = before ? before.value : this.#current(table, key)
      if (expect !== undefined && !sameValue(expect, current)) return undefined
      staged.set(id, { table, key, value: value?.slice() ?? null })
    }
    return [...staged.values()]
  }

  /** Most writes are of one change: the acknowledgement of a message, for one. */
  #stageOnly({ table, key, value, expect }: Change): readonly Change[] | undefined {
    if (expect !== undefined && !sameValue(expect, this.#current(table, key))) return undefined
    return [{ table, key, value: value?.slice() ?? null }]
  }

  #assertRoom(staged: readonly Change[]): void {
    if (this.#maxBytes === Infinity) return
    let growth = 0
    for (const { table, key, value } of staged) {
      growth += entryBytes(key, value) - entryBytes(key, this.#current(table, key))
    }
    if (growth > 0 && this.#usedBytes + growth > this.#maxBytes) {
      throw new WaxwingError('ERR_STORE_FULL', `the store is limited to ${this.#maxBytes} bytes`)
    }
  }

  #current(tableName: string, key: string): Uint8Array | null {
    return this.#tables.get(tableName)?.values.get(key) ?? null
  }

  #put(tableName: string, key: string, value: Uint8Array | null): void {
    if (this.#maxBytes !== Infinity) {
      this.#usedBytes += entryBytes(key, value) - entryBytes(key, this.#current(tableName, key))
    }
    let table = this.#tables.get(tableName)
    if (table === undefined) this.#tables.set(tableName, (table = new Table()))
    table.put(key, value)
  }

  #assertOpen(): void {
    if (this.#closed) throw new WaxwingError('ERR_CLOSED', 'the store was closed')
  }
}

function entryBytes(key: string, value: Uint8Array | null): number {
  return value === null ? 0 : key.length + value.length
}

function sameValue(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === null || b === null ? a === b : equalBytes(a, b)
}

function assertNames(table: string, key: string): void {
  if (!TABLE.test(table)) throw new TypeError('table must be 1 to 64 printable ASCII characters')
  if (!KEY.test(key)) throw new TypeError('key must be 1 to 512 printable ASCII characters')
}

function assertQuery(table: string, { limit }: ScanQuery): void {
  if (!TABLE.test(table)) throw new TypeError('table must be 1 to 64 printable ASCII characters')
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 0)) {
    throw new RangeError(`limit must be a whole number from 0, not ${limit}`)
  }
}
