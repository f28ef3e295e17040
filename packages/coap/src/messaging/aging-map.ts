// SPDX-License-Identifier: Apache-2.0
/**
 * A map that knows its oldest entry. The first key of a `Map` does as well, but is found by walking over
 * all that were deleted before it.
 *
 * @module
 */

interface Entry<T> {
  readonly key: string
  readonly value: T
  newer: Entry<T> | undefined
}

export class AgingMap<T> {
  readonly #entries = new Map<string, Entry<T>>()
  /** May be entries that were deleted since. */
  #oldest: Entry<T> | undefined
  #newest: Entry<T> | undefined

  get size(): number {
    return this.#entries.size
  }

  get oldest(): T | undefined {
    return this.#settleOldest()?.value
  }

  get(key: string): T | undefined {
    return this.#entries.get(key)?.value
  }

  /** Adds what has no entry yet. */
  add(key: string, value: T): void {
    const entry: Entry<T> = { key, value, newer: undefined }
    this.#entries.set(key, entry)
    if (this.#newest === undefined) this.#oldest = entry
    else this.#newest.newer = entry
    this.#newest = entry
  }

  /** @returns What was deleted. */
  delete(key: string): T | undefined {
    const entry = this.#entries.get(key)
    this.#entries.delete(key)
    return entry?.value
  }

  /** @returns What was deleted. */
  deleteOldest(): T | undefined {
    const entry = this.#settleOldest()
    return entry === undefined ? undefined : this.delete(entry.key)
  }

  #settleOldest(): Entry<T> | undefined {
    let entry = this.#oldest
    while (entry !== undefined && this.#entries.get(entry.key) !== entry) entry = entry.newer
    this.#oldest = entry
    if (entry === undefined) this.#newest = undefined
    return entry
  }
}
