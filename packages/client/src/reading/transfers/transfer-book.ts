// SPDX-License-Identifier: Apache-2.0
/**
 * The transfers of a reader in the store: one record for each, and its pieces beside it. In memory is
 * only what quotas and ages want, so that a transfer costs next to nothing here however large it is.
 *
 * Several processes may keep pieces of the same transfer: a record is replaced only as it was read, and
 * each piece stands in the store by the same write as in the record.
 *
 * @module
 */

import {
  encodeCbor,
  WaxwingError,
  type Change,
  type Store,
  type TransferProgress,
} from '@waxwing/core'
import { Table } from '../../table.js'
import {
  transferCodec,
  type EndedTransfer,
  type OpenTransfer,
  type TransferRecord,
} from './transfer-record.js'

const TRANSFERS = 'transfer'
const PIECES = 'piece'
/** What a piece takes in the store besides its payload. */
export const PIECE_ROOM_BYTES = 256
const INDEX_DIGITS = 6
/** Pieces that are read at a time. */
const PAGE = 16

/** What is known of an open transfer without reading it. */
export interface KnownTransfer {
  readonly stream: string
  readonly isComplete: boolean
  /** When its first piece came, in milliseconds since 1970. */
  readonly atMs: number
  /** What it takes in the store. */
  readonly bytes: number
}

/** A record with its bytes, to be expected when it is replaced. */
export interface ReadTransfer {
  readonly record: TransferRecord
  readonly bytes: Uint8Array
}

export class TransferBook {
  readonly #store: Store
  readonly #readerKey: string
  readonly #report: (error: unknown) => void
  readonly #table: Table<TransferRecord>
  readonly #open = new Map<string, KnownTransfer>()
  #ended = new Map<string, number>()
  #openBytes = 0
  #isStale = true
  #isReading = false
  #change = Promise.withResolvers<void>()

  constructor(store: Store, readerKey: string, report: (error: unknown) => void) {
    this.#report = report
    this.#store = store
    this.#readerKey = readerKey
    this.#table = new Table(store, TRANSFERS, transferCodec)
  }

  /** Notes that the store may have changed. */
  invalidate(): void {
    this.#isStale = true
    this.#tellChange()
  }

  /** Resolves when a transfer ends, or the store may have changed, from now on. */
  get changed(): Promise<void> {
    return this.#change.promise
  }

  /** All open transfers. */
  get open(): ReadonlyMap<string, KnownTransfer> {
    return this.#open
  }

  /** When the others ended, in milliseconds since 1970; the one that ended first comes first. */
  get ended(): ReadonlyMap<string, number> {
    return this.#ended
  }

  /** What all open transfers take in the store. */
  get openBytes(): number {
    return this.#openBytes
  }

  /** Finds out what is there, if it may have changed. A damaged record is reported, and left there. */
  async refresh(): Promise<void> {
    if (!this.#isStale) return
    this.#isStale = false
    this.#isReading = true
    try {
      const prefix = `${this.#readerKey}/`
      const found = await this.#store.scan(TRANSFERS, { prefix })
      this.#open.clear()
      this.#ended.clear()
      this.#openBytes = 0
      for (const { key, value } of found) this.#noteStored(key.slice(prefix.length), value)
      this.#ended = new Map([...this.#ended].toSorted(([, one], [, other]) => one - other))
    } catch (error) {
      this.#isStale = true
      throw error
    } finally {
      this.#isReading = false
    }
  }

  #noteStored(key: string, bytes: Uint8Array): void {
    try {
      this.note(key, { record: this.#table.decode(bytes), bytes })
    } catch (error) {
      this.#report(error)
    }
  }

  /** Notes what now stands in the store. */
  note(key: string, { record, bytes }: ReadTransfer): void {
    this.forget(key)
    const { atMs } = record
    if (record.state !== 'open') {
      this.#ended.set(key, atMs)
      return
    }
    const { stream, keptBytes, progress } = record
    const size = bytes.length + keptBytes
    this.#open.set(key, { stream, isComplete: progress.isComplete, atMs, bytes: size })
    this.#openBytes += size
  }

  forget(key: string): void {
    this.#openBytes -= this.#open.get(key)?.bytes ?? 0
    this.#open.delete(key)
    this.#ended.delete(key)
  }

  read(key: string): Promise<ReadTransfer | undefined> {
    return this.#table.read(this.#nameOf(key))
  }

  /** The change that replaces a record, and the record as it is then. */
  replacement(
    key: string,
    record: TransferRecord,
    old: ReadTransfer | undefined,
  ): { readonly change: Change; readonly read: ReadTransfer } {
    const change = this.#table.put(this.#nameOf(key), record)
    const read = { record, bytes: change.value }
    return { change: { ...change, expect: old?.bytes ?? null }, read }
  }

  /** The change that keeps a piece. */
  pieceChange(key: string, index: number, payload: Uint8Array): Change {
    return { table: PIECES, key: this.#pieceName(key, index), value: payload }
  }

  /** The changes that end an open transfer: its pieces go, and how it ended is remembered. */
  endingChanges(
    key: string,
    old: ReadTransfer | undefined,
    ended: EndedTransfer,
  ): readonly Change[] {
    const { change } = this.replacement(key, ended, old)
    const changes: Change[] = [change]
    if (old?.record.state !== 'open') return changes
    for (const { first, last } of old.record.progress.received()) {
      for (let index = first; index <= last; index++) {
        changes.push({ table: PIECES, key: this.#pieceName(key, index), value: null })
      }
    }
    return changes
  }

  /** Notes that a transfer ended, for good. */
  noteEnded(key: string, ended: EndedTransfer): void {
    this.note(key, { record: ended, bytes: encodeCbor(transferCodec.toCbor(ended)) })
    // What is being read of the store may say otherwise.
    if (this.#isReading) this.#isStale = true
    this.#tellChange()
  }

  #tellChange(): void {
    const { resolve } = this.#change
    this.#change = Promise.withResolvers()
    resolve()
  }

  /** The change that forgets how a transfer ended. */
  removal(key: string): Change {
    return this.#table.delete(this.#nameOf(key))
  }

  /** The payload of a piece that is there. */
  async piece(key: string, index: number): Promise<Uint8Array> {
    const payload = await this.#store.get(PIECES, this.#pieceName(key, index))
    if (payload === undefined) throw corrupt()
    return payload
  }

  /** The payload of a complete transfer. @throws {WaxwingError} `ERR_STORE_CORRUPT`. */
  async join(key: string, { progress }: OpenTransfer): Promise<Uint8Array> {
    const joined = new Uint8Array(progress.receivedBytes)
    const prefix = `${this.#readerKey}/${key}/`
    let after = prefix
    let index = 0
    while (index < progress.receivedCount) {
      const page = await this.#store.scan(PIECES, { prefix, after, limit: PAGE })
      if (page.length === 0) throw corrupt()
      for (const { key: name, value } of page) {
        const at = progress.offsetOf(index) ?? Infinity
        const isNext = name === this.#pieceName(key, index)
        if (!isNext || value.length !== lengthOf(progress, at)) throw corrupt()
        joined.set(value, at)
        after = name
        index++
      }
    }
    return joined
  }

  #nameOf(key: string): string {
    return `${this.#readerKey}/${key}`
  }

  #pieceName(key: string, index: number): string {
    return `${this.#readerKey}/${key}/${index.toString(16).padStart(INDEX_DIGITS, '0')}`
  }
}

function lengthOf({ pieceBytes = Infinity, receivedBytes }: TransferProgress, at: number): number {
  return Math.min(pieceBytes, receivedBytes - at)
}

function corrupt(): WaxwingError {
  return new WaxwingError('ERR_STORE_CORRUPT', 'a kept piece is missing or changed', {
    field: PIECES,
  })
}
