// SPDX-License-Identifier: Apache-2.0
/**
 * Retained messages (`docs/spec/09-bindings.md` Section 9.11.6). There is nobody else to keep them: their
 * sender does, as long as its transport is open, one for each address, and gives them to who asks. So do
 * neighbours that keep a record for others.
 *
 * @module
 */

import { equalBytes } from '@waxwing/core'
import { filterMatcher, limitError } from '@waxwing/transport-kit'
import { type Inquiry, type Item, MAX_PAGE_ITEMS, type Page } from '../inquiry.js'

const MAX_MESSAGES = 4_096
const MAX_BYTES = 16 * 1024 * 1024
const PAGE_BYTES = 48_000
/** Different ones of others for one address: who keeps them cannot tell which is true, or newer. */
const MAX_OTHERS = 4

/** Of one address, the newest first. */
interface Versions {
  own: Item | undefined
  others: readonly Item[]
}

export class KeptMessages {
  readonly #report: (error: unknown) => void
  readonly #complain: (error: unknown) => void
  /** By address; the one that was changed longest ago first. */
  readonly #versions = new Map<string, Versions>()
  #bytes = 0
  #pageCount = 0

  /**
   * @param report - Told of own messages that there is no room for.
   * @param complain - Told of those of others, of which anybody can make too many.
   */
  constructor(report: (error: unknown) => void, complain: (error: unknown) => void) {
    this.#report = report
    this.#complain = complain
  }

  /** How many pages were given so far. */
  get pageCount(): number {
    return this.#pageCount
  }

  /** Keeps an own one in place of the one before; a message of no bytes only takes that away. */
  keep(address: string, payload: Uint8Array): void {
    const own = payload.length === 0 ? undefined : { time: Date.now(), address, payload }
    this.#set(address, { own, others: this.#versions.get(address)?.others ?? [] })
  }

  /** Keeps one of somebody else, beside a few others of the address. */
  keepFor(address: string, payload: Uint8Array): void {
    if (payload.length === 0 || this.#has(address, payload)) return
    const { own, others } = this.#versions.get(address) ?? { own: undefined, others: [] }
    const item = { time: Date.now(), address, payload }
    this.#set(address, { own, others: [item, ...others].slice(0, MAX_OTHERS) })
  }

  mayHave({ filter }: Inquiry): boolean {
    const matches = filterMatcher(filter)
    for (const address of this.#versions.keys()) if (matches(address)) return true
    return false
  }

  /** Some of what matches, in the order of addresses; the cursor is the last address. */
  page({ filter, cursor = '' }: Inquiry): Page {
    this.#pageCount++
    const matches = filterMatcher(filter)
    const all = [...this.#versions.keys()].filter((one) => one > cursor && matches(one)).toSorted()
    const items: Item[] = []
    let bytes = 0
    let last: string | undefined
    for (const address of all) {
      const isFull = bytes >= PAGE_BYTES || items.length >= MAX_PAGE_ITEMS - MAX_OTHERS
      if (isFull) return { cursor: last, now: Date.now(), items }
      for (const item of itemsOf(this.#versions.get(address))) {
        items.push(item)
        bytes += item.payload.length
      }
      last = address
    }
    return { cursor: undefined, now: Date.now(), items }
  }

  #has(address: string, payload: Uint8Array): boolean {
    return itemsOf(this.#versions.get(address)).some((item) => equalBytes(item.payload, payload))
  }

  #set(address: string, versions: Versions): void {
    this.#forget(address)
    if (itemsOf(versions).length === 0) return
    this.#versions.set(address, versions)
    this.#bytes += bytesOf(versions)
    while (this.#versions.size > MAX_MESSAGES || this.#bytes > MAX_BYTES) this.#evict()
  }

  /** Those of others go first, the oldest of them: nobody else pushes out what is one's own. */
  #evict(): void {
    for (const [address, { own, others }] of this.#versions) {
      if (others.length === 0) continue
      this.#forget(address)
      if (own !== undefined) this.#keepAlone(own)
      this.#complain(limitError(`the message for ${address} is retained no longer`, 'retained'))
      return
    }
    for (const address of this.#versions.keys()) {
      this.#forget(address)
      this.#report(limitError(`the message for ${address} is retained no longer`, 'retained'))
      return
    }
  }

  #keepAlone(own: Item): void {
    this.#versions.set(own.address, { own, others: [] })
    this.#bytes += own.payload.length
  }

  #forget(address: string): void {
    this.#bytes -= bytesOf(this.#versions.get(address))
    this.#versions.delete(address)
  }
}

function itemsOf(versions: Versions | undefined): readonly Item[] {
  if (versions === undefined) return []
  const { own, others } = versions
  return own === undefined ? others : [own, ...others]
}

function bytesOf(versions: Versions | undefined): number {
  return itemsOf(versions).reduce((sum, { payload }) => sum + payload.length, 0)
}
