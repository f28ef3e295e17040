// SPDX-License-Identifier: Apache-2.0
/**
 * The responses that a cache holds.
 *
 * Invariant: neither their number nor their bytes exceed the limits; what was used least recently goes
 * first.
 *
 * @module
 */

import { optionValue } from '@waxwing/oscore'
import { OPTION } from '../options.js'
import { limitsOf } from './limits.js'
import type { StoredResponse } from './stored-response.js'

const DEFAULTS = {
  maxBytes: 16 * 1024 * 1024,
  maxEntries: 10_000,
  maxEntryBytes: 1024 * 1024,
} as const
/** What an entry takes beside its payload and its options, in memory. */
const ENTRY_OVERHEAD_BYTES = 512
/** What an option takes beside its value: a message of a thousand empty ones is a large one here. */
const OPTION_OVERHEAD_BYTES = 256

/** How much a cache holds. */
export interface CacheLimits {
  /** All responses together, with 512 bytes more for each, and 256 for each option. Default 16 MiB. */
  readonly maxBytes?: number
  /** Default 10,000. */
  readonly maxEntries?: number
  /** Larger responses pass without being stored. Default 1 MiB. */
  readonly maxEntryBytes?: number
}

/** Responses by Cache-Key, and by the resource that they represent. */
export class ResponseStore {
  readonly #limits: Required<CacheLimits>
  /** The one used last comes last. */
  readonly #entries = new Map<string, StoredResponse>()
  readonly #keysOf = new Map<string, Set<string>>()
  #bytes = 0

  /** @throws {RangeError} If a limit is no integer above 0. */
  constructor(limits: CacheLimits) {
    this.#limits = limitsOf(limits, DEFAULTS)
  }

  get size(): number {
    return this.#entries.size
  }

  get bytes(): number {
    return this.#bytes
  }

  clear(): void {
    this.#entries.clear()
    this.#keysOf.clear()
    this.#bytes = 0
  }

  /** What is stored, fresh or not. */
  find(key: string): StoredResponse | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    return entry
  }

  /** Stores a response in the place of the one before, or drops that. */
  replace(key: string, entry: StoredResponse | undefined): void {
    this.#remove(key)
    if (entry === undefined) return
    const bytes = sizeOf(entry)
    const { maxBytes, maxEntryBytes } = this.#limits
    if (bytes > maxEntryBytes || bytes > maxBytes) return
    this.#entries.set(key, entry)
    this.#bytes += bytes
    const keys = this.#keysOf.get(entry.resource) ?? new Set()
    this.#keysOf.set(entry.resource, keys.add(key))
    this.#evict()
  }

  /** Marks all responses of a resource as not fresh (RFC 7252 Section 5.9.1). */
  expire(resource: string): void {
    for (const key of this.#keysOf.get(resource) ?? []) {
      const entry = this.#entries.get(key)!
      if (optionValue(entry, OPTION.etag) === undefined) this.#remove(key)
      else this.#entries.set(key, { ...entry, freshUntil: -Infinity })
    }
  }

  #evict(): void {
    const { maxBytes, maxEntries } = this.#limits
    while (this.#bytes > maxBytes || this.#entries.size > maxEntries) {
      const [oldest] = this.#entries.keys()
      if (oldest === undefined) return
      this.#remove(oldest)
    }
  }

  #remove(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    this.#bytes -= sizeOf(entry)
    const keys = this.#keysOf.get(entry.resource)
    keys?.delete(key)
    if (keys?.size === 0) this.#keysOf.delete(entry.resource)
  }
}

function sizeOf({ options, payload }: StoredResponse): number {
  const values = options.reduce((sum, { value }) => sum + OPTION_OVERHEAD_BYTES + value.length, 0)
  return ENTRY_OVERHEAD_BYTES + values + payload.length
}
