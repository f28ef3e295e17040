// SPDX-License-Identifier: Apache-2.0
/**
 * The messages of one filter over core NATS (`docs/spec/09-bindings.md` Section 9.7.8).
 *
 * The server sends as fast as it gets. So many messages are in the hands of handlers, as many as may wait
 * to be sent wait here, and one more is dropped, which is reported.
 *
 * @module
 */

import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node'
import {
  filterMatcher,
  groupOf,
  Handlers,
  inboxOf,
  isControlFilter,
  limitError,
  transportError,
  unshared,
  type Parcel,
} from '@waxwing/transport-kit'
import { payloadOf } from './delivered.js'
import { addressOfSubject, subjectsOf } from './names.js'
import type { ResolvedOptions } from './options.js'
import { propertiesOf } from './properties.js'

export interface CoreFeedTerms {
  readonly options: ResolvedOptions
  readonly report: (error: unknown) => void
  /** Called for each message that came to a subject of its own. */
  readonly seen: (message: Msg, address: string) => void
}

export class CoreFeed {
  readonly handlers: Handlers
  /** The inbox that the filter asks for, if it does. */
  readonly inbox: string | undefined
  readonly #options: ResolvedOptions
  readonly #report: (error: unknown) => void
  readonly #seen: CoreFeedTerms['seen']
  readonly #patterns: readonly string[]
  readonly #queue: string | undefined
  readonly #prefix: string
  readonly #matches: (address: string) => boolean
  #subscriptions: readonly Subscription[] = []
  #waiting: Parcel[] = []
  #waitingBytes = 0
  #isClosed = false

  constructor(filter: string, { options, report, seen }: CoreFeedTerms) {
    this.#options = options
    this.#report = report
    this.#seen = seen
    this.inbox = groupOf(filter) === undefined ? inboxOf(filter) : undefined
    const { retryHandlerMs, maxUnacknowledged } = options
    this.handlers = new Handlers({ retryHandlerMs, maxUnacknowledged, report })
    this.#prefix = isControlFilter(filter) ? '' : options.stream.prefix
    this.#patterns = subjectsOf(unshared(filter)).map((pattern) => this.#prefix + pattern)
    const group = groupOf(filter)
    // A queue group's name is one token.
    this.#queue = group === undefined ? undefined : `waxwing-${Buffer.from(group).toString('hex')}`
    this.#matches = filterMatcher(unshared(filter))
  }

  attach(connection: NatsConnection): void {
    if (this.#isClosed) return
    const queue = this.#queue === undefined ? {} : { queue: this.#queue }
    this.#subscriptions = this.#patterns.map((pattern) =>
      connection.subscribe(pattern, {
        ...queue,
        callback: (error, message) => {
          if (error === null) this.#arrived(message)
          else this.#report(transportError(`no messages come: ${error.message}`, error))
        },
      }),
    )
  }

  /** The connection is gone; what came over it is here. */
  lost(): void {
    this.#subscriptions = []
  }

  close(): void {
    this.#isClosed = true
    this.#waiting = []
    this.handlers.close()
    for (const subscription of this.#subscriptions) {
      if (!subscription.isClosed()) subscription.unsubscribe()
    }
  }

  /** Takes what came for this address by whatever way, if the filter matches. */
  take(message: Msg, address: string): void {
    if (this.#isClosed || !this.#matches(address)) return // as where it begins with `$`
    const { maxPayloadBytes, maxUnacknowledged } = this.#options
    const payload = payloadOf(message)
    if (payload.length > maxPayloadBytes) {
      const what = `a message of ${payload.length} bytes is dropped`
      this.#report(limitError(what, 'maxPayloadBytes'))
      return
    }
    const properties = propertiesOf(message.headers)
    const parcel = { address, payload, properties, retained: false, redelivered: false }
    if (this.#waiting.length > 0 || this.handlers.unsettled >= maxUnacknowledged) {
      this.#keep(parcel)
    } else this.#offer(parcel)
  }

  #arrived(message: Msg): void {
    if (this.#isClosed) return
    const address = addressOfSubject(message.subject.slice(this.#prefix.length))
    if (address === undefined) {
      this.#report(transportError(`no address has the subject ${message.subject}`))
      return
    }
    this.#seen(message, address)
    this.take(message, address)
  }

  #keep(parcel: Parcel): void {
    const { maxWaitingSends, maxWaitingBytes } = this.#options
    const bytes = this.#waitingBytes + parcel.payload.length
    if (this.#waiting.length >= maxWaitingSends || bytes > maxWaitingBytes) {
      this.#report(limitError(`a message to ${parcel.address} is dropped`, 'maxUnacknowledged'))
      return
    }
    // What waits must not hold on to all that was read together with it.
    this.#waiting.push({ ...parcel, payload: new Uint8Array(parcel.payload) })
    this.#waitingBytes = bytes
  }

  #offer(parcel: Parcel): void {
    const settled = (): undefined => {
      this.#next()
    }
    this.handlers.offer(parcel, { acknowledge: settled, giveBack: settled })
  }

  #next(): void {
    if (this.#isClosed || this.handlers.unsettled >= this.#options.maxUnacknowledged) return
    const parcel = this.#waiting.shift()
    if (parcel === undefined) return
    this.#waitingBytes -= parcel.payload.length
    this.#offer(parcel)
  }
}
