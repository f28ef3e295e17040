// SPDX-License-Identifier: Apache-2.0
/**
 * What an endpoint needs to keep its state: ordered tables of small values, written atomically.
 *
 * Narrow on purpose: what is kept, and under which keys, is the client's matter; how it becomes
 * durable, secret and shared between processes is the store's. Optimistic: a change may name the
 * value that it expects to replace, and the whole write is refused if another process was faster.
 *
 * @module
 */

export interface StoreEntry {
  readonly key: string
  /** Owned by the caller. */
  readonly value: Uint8Array
}

export interface Change {
  readonly table: string
  /** 1 to 512 printable ASCII characters. */
  readonly key: string
  /** The new value, or `null` to delete. Copied before `write` returns. */
  readonly value: Uint8Array | null
  /**
   * What must stand there now for the write to happen; `null` means nothing may stand there.
   * Left out: whatever stands there is replaced.
   */
  readonly expect?: Uint8Array | null
}

export interface ScanQuery {
  /** Only keys that begin with this. */
  readonly prefix?: string
  /** Only keys after this one (before it, with `reverse`). */
  readonly after?: string
  /** At most this many entries. Default: all. */
  readonly limit?: number
  /** From the last key to the first. Default `false`. */
  readonly reverse?: boolean
}

/**
 * What a store offers that notices when it was put back to an earlier state: from a backup, or as a copy
 * somewhere else. It keeps a mark besides, which backups leave out, and which goes on with each write
 * that is made through here.
 */
export interface StoreContinuity {
  /**
   * Names the life of the store: 16 bytes that stay the same for as long as nothing is lost of what was
   * written through {@link write}, and are drawn anew where that is not certain.
   *
   * @throws {WaxwingError} As `Store.write`.
   */
  life(): Promise<Uint8Array>
  /**
   * Writes as `Store.write`. When it resolves to `true`, a store that lacks these
   * changes has another life.
   *
   * @param life - In which the caller read what it now changes.
   * @returns `false`, with nothing changed, if the store has another life or an expectation was not met.
   * @throws {WaxwingError} As `Store.write`.
   */
  write(life: Uint8Array, changes: readonly Change[]): Promise<boolean>
}

export interface Store {
  /** Reads one value; `undefined` where there is none. */
  get(table: string, key: string): Promise<Uint8Array | undefined>
  /** Reads entries in the order of their keys, by code unit. */
  scan(table: string, query?: ScanQuery): Promise<readonly StoreEntry[]>
  /**
   * Applies all changes or none. When it resolves to `true` they survive the loss of power.
   *
   * @returns `false`, with nothing changed, if an expectation was not met.
   * @throws {WaxwingError} `ERR_STORE_FULL` if there was no room, `ERR_STORE_BUSY` if another
   *   process held the store too long; nothing was changed in either case.
   */
  write(changes: readonly Change[]): Promise<boolean>
  /**
   * Calls the listener after another process (never this one) changed something. Returns a function
   * that removes it. Absent where nobody else can write.
   */
  onForeignChange?(listener: () => void): () => void
  /** Absent where the store cannot tell. */
  readonly continuity?: StoreContinuity
  /** Finishes what was begun and frees everything. Safe to call twice. */
  close(): Promise<void>
}
