// SPDX-License-Identifier: Apache-2.0
/**
 * What the store has of one session: which counters are settled, that is, acknowledged or refused for
 * good (`docs/spec/08-receiving.md` Section 8.2).
 *
 * It has a snapshot and, behind it, one small entry for each counter that was settled since, so that
 * to settle is one short write; every 512 entries become a snapshot, which has a thousand digests to
 * read and write. What was reported as missing at the session's end (Section 8.3) stands beside them,
 * so that it is reported once.
 *
 * Other processes may settle counters of the same session: their entries stay until somebody who has
 * read them makes a snapshot.
 *
 * @module
 */

import {
  ArrayFields,
  decodeCbor,
  encodeCbor,
  equalBytes,
  SEEN_DIGEST_BYTES,
  SeenRanges,
  WaxwingError,
  type Change,
  type CounterRange,
  type Store,
  type StoreEntry,
} from '@waxwing/core'
import { Turns } from '../turns.js'

const SEEN_TABLE = 'seen'
/** Entries behind a snapshot before they become a new one. */
export const COMPACT_AFTER = 512
/** Settled counters may have more holes than all verified ones: those that are in flight. */
const MAX_FOLDED_RANGES = 65_536

export class SeenRecord {
  readonly #store: Store
  readonly #prefix: string
  #snapshot: Uint8Array | undefined
  /** Digests behind the snapshot, by counter: those that are known here. */
  #entries = new Map<number, Uint8Array>()
  readonly #turns = new Turns()
  #settledWhileReading: Map<number, Uint8Array> | undefined
  #tail: CounterRange | undefined

  /** @param prefix - Of its keys in the table. */
  constructor(store: Store, prefix: string) {
    this.#store = store
    this.#prefix = prefix
  }

  /** The end of the session that was reported missing, as it was when the record was read. */
  get tail(): CounterRange | undefined {
    return this.#tail
  }

  /** The counters that are settled, as far as is known here, for the caller to go on with. */
  ranges(): SeenRanges {
    return SeenRanges.restore(this.#fold(this.#entries).serialize())
  }

  /** Reads what stands in the store. @throws {WaxwingError} `ERR_STORE_CORRUPT`. */
  read(): Promise<void> {
    return this.#turns.take(() => this.#read())
  }

  async #read(): Promise<void> {
    this.#settledWhileReading = new Map()
    try {
      this.#take(await this.#store.scan(SEEN_TABLE, { prefix: this.#prefix }))
      for (const [counter, digest] of this.#settledWhileReading) this.#entries.set(counter, digest)
    } finally {
      this.#settledWhileReading = undefined
    }
  }

  /** The change that records a counter as settled, refused where that was done already. */
  settlingChange(counter: number, digest: Uint8Array): Change {
    return { table: SEEN_TABLE, key: this.#entryKey(counter), value: digest, expect: null }
  }

  /** The change that records what is reported as missing at the end. */
  tailChange({ first, last }: CounterRange): Change {
    return { table: SEEN_TABLE, key: this.#tailKey, value: encodeCbor([first, last]) }
  }

  /** Whether another process settled a counter, or made a snapshot, since the record was read. */
  async isBehind(counter: number): Promise<boolean> {
    const [entry, snapshot] = await Promise.all([
      this.#store.get(SEEN_TABLE, this.#entryKey(counter)),
      this.#store.get(SEEN_TABLE, this.#snapshotKey),
    ])
    const isEntryNew = entry !== undefined && !this.#entries.has(counter)
    return isEntryNew || !isSame(snapshot, this.#snapshot)
  }

  /** Notes that a counter's entry is durable. */
  settled(counter: number, digest: Uint8Array): void {
    this.#entries.set(counter, digest)
    this.#settledWhileReading?.set(counter, digest)
  }

  /** Whether the entries have become so many that `compact` is due. */
  get isCompactionDue(): boolean {
    return this.#entries.size >= COMPACT_AFTER
  }

  /** Makes one snapshot of the snapshot and its entries, in one write. Not while it is being done. */
  async compact(): Promise<void> {
    const entries = new Map(this.#entries)
    const value = this.#fold(entries).serialize()
    const expect = this.#snapshot ?? null
    const changes: Change[] = [{ table: SEEN_TABLE, key: this.#snapshotKey, value, expect }]
    for (const counter of entries.keys()) {
      changes.push({ table: SEEN_TABLE, key: this.#entryKey(counter), value: null })
    }
    if (await this.#store.write(changes)) {
      this.#snapshot = value
      for (const counter of entries.keys()) this.#entries.delete(counter)
    } else {
      await this.read() // another process has just done it
    }
  }

  #fold(entries: ReadonlyMap<number, Uint8Array>): SeenRanges {
    const folded = restoreSnapshot(this.#snapshot)
    for (const [counter, digest] of entries) folded.add(counter, digest)
    return folded
  }

  #take(stored: readonly StoreEntry[]): void {
    const entries = new Map<number, Uint8Array>()
    let snapshot: Uint8Array | undefined
    for (const { key, value } of stored) {
      if (key === this.#snapshotKey) snapshot = value
      else if (key === this.#tailKey) this.#tail = decodeTail(value)
      else entries.set(this.#counterOf(key, value), value)
    }
    this.#snapshot = snapshot
    this.#entries = entries
  }

  #counterOf(key: string, value: Uint8Array): number {
    const counter = Number.parseInt(key.slice(-10), 16)
    if (key !== this.#entryKey(counter) || value.length !== SEEN_DIGEST_BYTES) throw corrupt()
    return counter
  }

  get #snapshotKey(): string {
    return `${this.#prefix}s`
  }

  get #tailKey(): string {
    return `${this.#prefix}t`
  }

  #entryKey(counter: number): string {
    return `${this.#prefix}c/${counter.toString(16).padStart(10, '0')}`
  }
}

function isSame(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  if (one === undefined || other === undefined) return one === other
  return equalBytes(one, other)
}

function restoreSnapshot(snapshot: Uint8Array | undefined): SeenRanges {
  const options = { maxRanges: MAX_FOLDED_RANGES }
  if (snapshot === undefined) return new SeenRanges(options)
  try {
    return SeenRanges.restore(snapshot, options)
  } catch (cause) {
    throw corrupt(cause)
  }
}

function decodeTail(value: Uint8Array): CounterRange {
  try {
    const list = new ArrayFields('missing end', decodeCbor(value, 'missing end'))
    const range = { first: list.uint(0, 'first'), last: list.uint(1, 'last') }
    list.end()
    return range
  } catch (cause) {
    throw corrupt(cause)
  }
}

function corrupt(cause?: unknown): WaxwingError {
  const message = 'a record of seen counters cannot be read'
  return new WaxwingError('ERR_STORE_CORRUPT', message, { field: SEEN_TABLE }, { cause })
}
