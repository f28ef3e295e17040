// SPDX-License-Identifier: Apache-2.0
/**
 * Who wants which messages: one feed for each filter, with what is in its handlers' hands and what waits
 * for a place there. And a message that several feeds have, until all of them are done with it.
 *
 * @module
 */

import { inboxAddress } from '@waxwing/core'
import {
  filterMatcher,
  groupOf,
  Handlers,
  inboxOf,
  unshared,
  type HandlingTerms,
  type Parcel,
  type Settlement,
} from '@waxwing/transport-kit'
import { NUMBER_PREFIX, principalOf, type Letter } from '../envelope.js'

/** What is done with a message once everybody who got it is done. */
export interface Outcome {
  acknowledge(): Promise<void>
  /** Nobody here wants it any more, and nobody had it. */
  returned(): void
  readonly report: (error: unknown) => void
}

/** A message, as feeds are offered it. */
export interface Offer {
  readonly letter: Letter
  readonly source: string
  readonly isRedelivered: boolean
}

export class Feed {
  readonly handlers: Handlers
  /** The inbox that the filter asks for, if it asks for one. */
  readonly inbox: string | undefined
  readonly #terms: HandlingTerms
  readonly #matches: (address: string) => boolean
  #waiting: (readonly [Parcel, Settlement])[] = []

  constructor(filter: string, terms: HandlingTerms) {
    this.#terms = terms
    this.handlers = new Handlers(terms)
    this.inbox = groupOf(filter) === undefined ? ownInbox(unshared(filter)) : undefined
    this.#matches = filterMatcher(unshared(filter))
  }

  /** The address under which it gets a message; `undefined` if it does not want it. */
  addressOf({ letter, source }: Offer): string | undefined {
    const { to } = letter
    if (to.kind === 'inbox') return this.inbox
    const address = to.kind === 'address' ? to.address : NUMBER_PREFIX + source
    return this.#matches(address) ? address : undefined
  }

  take(parcel: Parcel, settlement: Settlement): void {
    const isFull = this.handlers.unsettled >= this.#terms.maxUnacknowledged
    if (isFull || this.#waiting.length > 0) this.#waiting.push([parcel, settlement])
    else this.#hand(parcel, settlement)
  }

  /** What is in hand came over a connection that is gone, and comes again. */
  lost(): void {
    this.#waiting = []
    this.handlers.lost()
  }

  close(): void {
    const waiting = this.#waiting.splice(0)
    this.handlers.close()
    for (const [, settlement] of waiting) settlement.giveBack()
  }

  #hand(parcel: Parcel, settlement: Settlement): void {
    this.handlers.offer(parcel, {
      acknowledge: () => {
        this.#next()
        return settlement.acknowledge()
      },
      giveBack: () => {
        settlement.giveBack()
        this.#next()
      },
    })
  }

  #next(): void {
    while (this.handlers.unsettled < this.#terms.maxUnacknowledged) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      this.#hand(...next)
    }
  }
}

/**
 * Hands a message to all feeds that want it.
 *
 * @returns Whether there is one.
 */
export function offerTo(feeds: Iterable<Feed>, offer: Offer, outcome: Outcome): boolean {
  const takers: (readonly [Feed, string])[] = []
  for (const feed of feeds) {
    const address = feed.addressOf(offer)
    if (address !== undefined) takers.push([feed, address])
  }
  const settlement = new JointSettlement(takers.length, outcome)
  for (const [feed, address] of takers) {
    const payload = takers.length > 1 ? offer.letter.payload.slice() : offer.letter.payload
    const { isRedelivered: redelivered } = offer
    feed.take({ address, payload, properties: {}, retained: false, redelivered }, settlement)
  }
  return takers.length > 0
}

/** Acknowledged when all are done, if one of them acknowledged it. */
class JointSettlement implements Settlement {
  readonly #outcome: Outcome
  #open: number
  #isAcknowledged = false

  constructor(takerCount: number, outcome: Outcome) {
    this.#open = takerCount
    this.#outcome = outcome
  }

  acknowledge(): Promise<void> | undefined {
    this.#isAcknowledged = true
    return this.#settled()
  }

  giveBack(): void {
    this.#settled()?.catch(this.#outcome.report)
  }

  #settled(): Promise<void> | undefined {
    if (--this.#open > 0) return undefined
    if (this.#isAcknowledged) return this.#outcome.acknowledge()
    this.#outcome.returned()
    return undefined
  }
}

function ownInbox(filter: string): string | undefined {
  const inbox = inboxOf(filter)
  const principal = inbox === undefined ? undefined : principalOf(inbox)
  return principal === undefined ? undefined : inboxAddress(principal)
}
