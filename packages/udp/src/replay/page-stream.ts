// SPDX-License-Identifier: Apache-2.0
/**
 * What one holder of a record gives, page by page. Times are shifted by how far its clock is from ours,
 * so that those of several holders can be compared.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import type { Inquiry, Item, Page } from '../inquiry.js'

/** An item, by our clock, and what it is known by: the same at each holder. */
export interface Entry extends Item {
  readonly key: string
}

export interface PageStreamTerms {
  readonly fetch: (inquiry: Inquiry) => Promise<Page>
  readonly inquiry: Inquiry
  /** Told why a holder gives no more. */
  readonly report: (error: unknown) => void
  readonly matches: (address: string) => boolean
}

/** A holder that goes on without end gives nothing true any more. */
const MAX_PAGES = 100_000
const MAX_EMPTY_PAGES = 1_000
/** Of what came longer ago, an equal message counts as the same. */
const MAX_COUNTS = 20_000

export class PageStream {
  readonly #terms: PageStreamTerms
  #next: Inquiry | undefined
  #entries: Entry[] = []
  #at = 0
  #pageCount = 0
  #emptyCount = 0
  #filling: Promise<void> | undefined
  /** How far its clock is from ours; `undefined`: as each page says. */
  #offsetMs: number | undefined
  #pageOffsetMs = 0
  /** What is in the page and was not taken yet. */
  readonly #ahead = new Set<string>()
  /** How often each came: messages may be equal. */
  readonly #counts = new Map<string, number>()

  constructor(terms: PageStreamTerms) {
    this.#terms = terms
    this.#next = terms.inquiry
  }

  /** The next one; there is one after `fill`, or the stream is over. */
  get head(): Entry | undefined {
    return this.#entries[this.#at]
  }

  /** Whether it comes later in what was fetched. */
  hasLater({ key }: Entry): boolean {
    return this.#ahead.has(key) && this.head?.key !== key
  }

  /** What was fetched and not taken, with its times. */
  get fetched(): readonly Entry[] {
    return this.#entries.slice(this.#at)
  }

  /** Its times are this much too early, as what others heard as well shows. */
  shift(ms: number): void {
    this.#offsetMs = this.#pageOffsetMs + ms
    this.#entries = this.#entries.map((entry) => ({ ...entry, time: entry.time + ms }))
  }

  /** Takes the next one. */
  take(): Entry {
    const entry = this.#entries[this.#at++]!
    this.#ahead.delete(entry.key)
    return entry
  }

  /** Resolves when there is a next one, or the stream is over. Never rejects. */
  fill(): Promise<void> {
    this.#filling ??= this.#fill().finally(() => {
      this.#filling = undefined
    })
    return this.#filling
  }

  async #fill(): Promise<void> {
    while (this.head === undefined && this.#next !== undefined) {
      try {
        await this.#fetch(this.#next)
      } catch (error) {
        this.#next = undefined
        this.#terms.report(error)
      }
    }
  }

  async #fetch(inquiry: Inquiry): Promise<void> {
    const page = await this.#terms.fetch({ ...inquiry, now: Date.now() })
    const offset = this.#offsetMs ?? Date.now() - page.now
    this.#pageOffsetMs = offset
    this.#entries = page.items
      .filter(({ address }) => this.#terms.matches(address))
      .map((item) => ({ ...item, time: item.time + offset, key: this.#keyOf(item) }))
    this.#at = 0
    for (const { key } of this.#entries) this.#ahead.add(key)
    this.#emptyCount = this.#entries.length === 0 ? this.#emptyCount + 1 : 0
    const isEndless = ++this.#pageCount >= MAX_PAGES || this.#emptyCount >= MAX_EMPTY_PAGES
    this.#next =
      page.cursor === undefined || isEndless ? undefined : { ...inquiry, cursor: page.cursor }
  }

  #keyOf(item: Item): string {
    const digest = digestOf(item)
    const count = (this.#counts.get(digest) ?? 0) + 1
    this.#counts.delete(digest)
    this.#counts.set(digest, count)
    if (this.#counts.size > MAX_COUNTS) this.#counts.delete(this.#counts.keys().next().value ?? '')
    return `${digest} ${count}`
  }
}

function digestOf({ address, payload }: Item): string {
  const hash = createHash('sha256').update(address).update('\0').update(payload)
  return hash.digest().toString('base64', 0, 16)
}
