// SPDX-License-Identifier: Apache-2.0
/**
 * The messages of one filter. So many are in the hands of handlers, as many as may be waiting to be sent
 * wait here, and one more is dropped: nobody holds anything back on a group.
 *
 * @module
 */

import {
  filterMatcher,
  Handlers,
  inboxOf,
  isControlFilter,
  limitError,
  type Parcel,
} from '@waxwing/transport-kit'
import type { ResolvedOptions } from './options.js'

export type FeedTerms = Pick<
  ResolvedOptions,
  'maxUnacknowledged' | 'maxWaitingSends' | 'maxWaitingBytes' | 'retryHandlerMs'
> & { readonly report: (error: unknown) => void }

/** What became of a message: taken, given back, or not even begun because there is no room. */
export type Outcome = 'taken' | 'given back' | 'no room'

interface Waiting {
  readonly parcel: Parcel
  readonly settled: (outcome: Outcome) => void
}

const NOBODY_WAITS = (): void => undefined

export class Feed {
  readonly handlers: Handlers
  /** The inbox that the filter asks for, if it does. */
  readonly inbox: string | undefined
  readonly isControl: boolean
  readonly matches: (address: string) => boolean
  readonly #terms: FeedTerms
  #waiting: Waiting[] = []
  #waitingBytes = 0
  #isClosed = false

  constructor(filter: string, terms: FeedTerms) {
    this.#terms = terms
    this.handlers = new Handlers(terms)
    this.inbox = inboxOf(filter)
    this.isControl = isControlFilter(filter)
    this.matches = filterMatcher(filter)
  }

  /** Hands a message over, now or later; what there is no room for is dropped and reported. */
  take(parcel: Parcel): void {
    this.#take({ parcel, settled: NOBODY_WAITS })
  }

  /** The same for a sender that waits, and sends again what there is no room for. */
  offer(parcel: Parcel): Promise<Outcome> {
    return new Promise((resolve) => this.#take({ parcel, settled: resolve }))
  }

  close(): void {
    this.#isClosed = true
    for (const { settled } of this.#waiting) settled('given back')
    this.#waiting = []
    this.handlers.close()
  }

  #take(waiting: Waiting): void {
    const { maxUnacknowledged } = this.#terms
    if (this.#isClosed) waiting.settled('given back')
    else if (this.#waiting.length > 0 || this.handlers.unsettled >= maxUnacknowledged) {
      this.#keep(waiting)
    } else this.#hand(waiting)
  }

  #keep(waiting: Waiting): void {
    const { maxWaitingSends, maxWaitingBytes, report } = this.#terms
    const { address, payload } = waiting.parcel
    const bytes = this.#waitingBytes + payload.length
    if (this.#waiting.length >= maxWaitingSends || bytes > maxWaitingBytes) {
      if (waiting.settled === NOBODY_WAITS) {
        report(limitError(`a message to ${address} is dropped`, 'maxUnacknowledged'))
      } else waiting.settled('no room')
      return
    }
    this.#waiting.push(waiting)
    this.#waitingBytes = bytes
  }

  #hand({ parcel, settled }: Waiting): void {
    const next = (outcome: Outcome): undefined => {
      settled(outcome)
      this.#next()
    }
    this.handlers.offer(parcel, {
      acknowledge: () => next('taken'),
      giveBack: () => next('given back'),
    })
  }

  #next(): void {
    if (this.#isClosed || this.handlers.unsettled >= this.#terms.maxUnacknowledged) return
    const waiting = this.#waiting.shift()
    if (waiting === undefined) return
    this.#waitingBytes -= waiting.parcel.payload.length
    this.#hand(waiting)
  }
}
