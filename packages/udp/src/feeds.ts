// SPDX-License-Identifier: Apache-2.0
/**
 * All filters that somebody here subscribed to.
 *
 * @module
 */

import { isControlAddress, type MessageHandler, type Subscription } from '@waxwing/core'
import type { Parcel } from '@waxwing/transport-kit'
import { Feed, type FeedTerms, type Outcome } from './feed.js'

export class Feeds {
  readonly #terms: FeedTerms
  readonly #feeds = new Map<string, Feed>()

  constructor(terms: FeedTerms) {
    this.#terms = terms
  }

  /** The inboxes that are subscribed to. */
  get inboxes(): ReadonlySet<string> {
    const inboxes = [...this.#feeds.values()].flatMap(({ inbox }) => inbox ?? [])
    return new Set(inboxes)
  }

  /** All of them, by their filters. */
  get all(): Iterable<readonly [filter: string, feed: Feed]> {
    return this.#feeds
  }

  /** Adds a handler. */
  add(filter: string, handler: MessageHandler): { feed: Feed; subscription: Subscription } {
    const feed = this.#feeds.get(filter) ?? new Feed(filter, this.#terms)
    this.#feeds.set(filter, feed)
    const remove = feed.handlers.add(handler)
    const close = async (): Promise<void> => {
      remove()
      if (feed.handlers.size > 0 || this.#feeds.get(filter) !== feed) return
      this.#feeds.delete(filter)
      feed.close()
    }
    return { feed, subscription: { close } }
  }

  /**
   * Those who take what is sent there. A control message is for who asked for control messages: it is
   * its sender's no more once somebody took it, and `#` means to hear, not to take.
   */
  for(address: string): readonly Feed[] {
    const isControl = isControlAddress(address)
    return [...this.#feeds.values()].filter(
      (feed) => feed.isControl === isControl && feed.matches(address),
    )
  }

  /** Hands a message to all whose filters match. */
  take(parcel: Parcel): void {
    const feeds = this.for(parcel.address)
    for (const feed of feeds) feed.take(owned(parcel, feeds.length))
  }

  /** The same, and says what became of it: taken if one took it; `undefined` if nobody wants it. */
  async offer(parcel: Parcel): Promise<Outcome | undefined> {
    const feeds = this.for(parcel.address)
    const offers = feeds.map((feed) => feed.offer(owned(parcel, feeds.length)))
    const outcomes = await Promise.all(offers)
    return outcomes.find((outcome) => outcome === 'taken') ?? outcomes[0]
  }

  close(): void {
    for (const feed of this.#feeds.values()) feed.close()
    this.#feeds.clear()
  }
}

/** Each handler gets bytes of its own. */
function owned(parcel: Parcel, count: number): Parcel {
  return count === 1 ? parcel : { ...parcel, payload: Uint8Array.from(parcel.payload) }
}
