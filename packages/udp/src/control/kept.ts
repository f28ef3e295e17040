// SPDX-License-Identifier: Apache-2.0
/**
 * Retained messages (`docs/spec/09-bindings.md` Section 9.11.6). There is nobody else to keep them: their
 * sender does, as long as its transport is open, one for each address, and gives them to who asks.
 *
 * @module
 */

import { filterMatcher, limitError } from '@waxwing/transport-kit'
import { type Inquiry, type Item, MAX_PAGE_ITEMS, type Page } from '../inquiry.js'

const MAX_MESSAGES = 4_096
const MAX_BYTES = 16 * 1024 * 1024
const PAGE_BYTES = 48_000

export class KeptMessages {
  readonly #report: (error: unknown) => void
  /** By address; the one that was sent longest ago first. */
  readonly #items = new Map<string, Item>()
  #bytes = 0

  constructor(report: (error: unknown) => void) {
    this.#report = report
  }

  /** Keeps it in place of the one before; a message of no bytes only takes that away. */
  keep(address: string, payload: Uint8Array): void {
    this.#forget(address)
    if (payload.length === 0) return
    this.#items.set(address, { time: Date.now(), address, payload })
    this.#bytes += payload.length
    while (this.#items.size > MAX_MESSAGES || this.#bytes > MAX_BYTES) {
      const [oldest = address] = this.#items.keys()
      this.#forget(oldest)
      this.#report(limitError(`the message for ${oldest} is retained no longer`, 'retained'))
    }
  }

  mayHave({ filter }: Inquiry): boolean {
    const matches = filterMatcher(filter)
    for (const address of this.#items.keys()) if (matches(address)) return true
    return false
  }

  /** Some of what matches, in the order of addresses; the cursor is the last address. */
  page({ filter, cursor = '' }: Inquiry): Page {
    const matches = filterMatcher(filter)
    const addresses = [...this.#items.keys()]
      .filter((one) => one > cursor && matches(one))
      .toSorted()
    const items: Item[] = []
    let bytes = 0
    for (const address of addresses) {
      const item = this.#items.get(address)
      if (item === undefined) continue
      if (items.length > 0 && (bytes >= PAGE_BYTES || items.length >= MAX_PAGE_ITEMS)) break
      items.push(item)
      bytes += item.payload.length
    }
    const isLast = items.length === addresses.length
    return { cursor: isLast ? undefined : items.at(-1)?.address, now: Date.now(), items }
  }

  #forget(address: string): void {
    this.#bytes -= this.#items.get(address)?.payload.length ?? 0
    this.#items.delete(address)
  }
}
