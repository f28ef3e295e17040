// SPDX-License-Identifier: Apache-2.0
/**
 * What is kept for requesters between their blocks.
 *
 * Invariant: count and bytes stay within limits whatever requesters do, and one requester that wants much
 * takes its place from itself first. What was not used for a while is gone.
 *
 * @module
 */

/** Limits of a table. */
export interface TableLimits {
  readonly maxCount: number
  readonly maxCountPerRequester: number
  readonly maxBytes: number
  /** After how long without use an entry is gone. */
  readonly lifetimeMs: number
  /** A clock that only goes forwards, in milliseconds. */
  readonly now: () => number
}

interface Entry<Value> {
  readonly requester: string
  readonly value: Value
  bytes: number
  usedAtMs: number
}

/** Values by key, each of a requester. The one that was not used for longest goes first. */
export class BoundedTable<Value> {
  readonly #limits: TableLimits
  /** In the order of their last use. */
  readonly #entries = new Map<string, Entry<Value>>()
  /** The keys of each requester, in the order of their last use. */
  readonly #keys = new Map<string, Set<string>>()
  #bytes = 0

  constructor(limits: TableLimits) {
    this.#limits = limits
  }

  get count(): number {
    return this.#entries.size
  }

  get bytes(): number {
    return this.#bytes
  }

  get(key: string): Value | undefined {
    this.#expire()
    return this.#entries.get(key)?.value
  }

  /**
   * Keeps a value, or says anew how large it is, which is a use of it. Others may have to go.
   *
   * @returns `false` if it alone is larger than the table.
   */
  set(key: string, requester: string, value: Value, bytes: number): boolean {
    this.delete(key)
    this.#expire()
    if (bytes > this.#limits.maxBytes) return false
    const usedAtMs = this.#limits.now()
    this.#entries.set(key, { requester, value, bytes, usedAtMs })
    this.#bytes += bytes
    const own = this.#keysOf(requester).add(key)
    if (own.size > this.#limits.maxCountPerRequester) this.#deleteFirst(own)
    while (this.count > this.#limits.maxCount || this.#bytes > this.#limits.maxBytes) {
      this.#deleteFirst(this.#entries.keys())
    }
    return true
  }

  delete(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    this.#bytes -= entry.bytes
    const own = this.#keys.get(entry.requester)
    own?.delete(key)
    if (own?.size === 0) this.#keys.delete(entry.requester)
  }

  #expire(): void {
    const before = this.#limits.now() - this.#limits.lifetimeMs
    for (const [key, { usedAtMs }] of this.#entries) {
      if (usedAtMs > before) return
      this.delete(key)
    }
  }

  #keysOf(requester: string): Set<string> {
    const known = this.#keys.get(requester)
    if (known !== undefined) return known
    const keys = new Set<string>()
    this.#keys.set(requester, keys)
    return keys
  }

  #deleteFirst(keys: Iterable<string>): void {
    for (const key of keys) return this.delete(key)
  }
}
