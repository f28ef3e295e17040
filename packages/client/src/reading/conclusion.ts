// SPDX-License-Identifier: Apache-2.0
/**
 * The end of an object's way: handed over in its turn, or settled without the application.
 *
 * @module
 */

import { streamFactsOf, type Arrival } from './arrival.js'
import type { Delivery } from './delivery.js'
import type { Settled } from './examiner.js'
import type { InFlight } from './in-flight.js'
import type { MessageQueue } from './message-queue.js'
import type { OrderBuffer } from './order-buffer.js'
import type { Parking } from './parking.js'
import type { ReaderEvents } from './reader-events.js'

export interface ConclusionInputs {
  readonly delivery: Delivery
  readonly queue: MessageQueue
  readonly order: OrderBuffer | undefined
  readonly parking: Parking
  readonly events: ReaderEvents
}

export class Conclusion {
  readonly #inputs: ConclusionInputs

  constructor(inputs: ConclusionInputs) {
    this.#inputs = inputs
  }

  /** Hands a message over in its turn. It holds a permit. */
  handOver(arrival: Arrival, entry: InFlight, expected: number): void {
    const { delivery, queue, order } = this.#inputs
    delivery.join(entry, arrival)
    const { session } = entry
    if (order === undefined || session === undefined) queue.push(entry)
    else order.offer(session, entry.counter, entry, expected)
  }

  /** Takes a message out of its turn, to hand it over now. Returns whether it still waited. */
  withdraw(entry: InFlight): boolean {
    const { queue, order } = this.#inputs
    if (entry.state !== 'waiting') return false
    const isHere =
      queue.withdraw(entry) ||
      (entry.session !== undefined && order?.withdraw(entry.session, entry) === true)
    if (isHere) entry.state = 'handed-over'
    return isHere
  }

  /** Settles what the application does not get. Rejects with what the store refuses. */
  settle(arrival: Arrival, settled: Settled): Promise<void> {
    const { delivery, order } = this.#inputs
    if (settled.kind === 'refused') return delivery.discard(arrival)
    const { entry } = settled
    if (settled.kind === 'copy') return this.#settleCopy(arrival, entry)
    if (order !== undefined && entry.session !== undefined) {
      order.offer(entry.session, entry.counter, undefined, settled.expected)
    }
    delivery.join(entry, arrival)
    return delivery.settle(entry)
  }

  /** A copy of what is in flight is settled with it. */
  #settleCopy(arrival: Arrival, entry: InFlight): Promise<void> {
    const { delivery, events, parking } = this.#inputs
    const isExpected = arrival.redelivered || arrival.retained || arrival.parkedAt !== undefined
    const stream = entry.generation?.stream
    if (!isExpected && stream !== undefined) {
      events.emit({ type: 'duplicate', ...streamFactsOf(arrival, stream) })
    }
    if (entry.settling !== undefined) return entry.settling.then(() => delivery.discard(arrival))
    if (arrival.parkedAt !== undefined) parking.claim(arrival.parkedAt)
    delivery.join(entry, arrival)
    // What is only to be recorded is here again because that failed.
    return entry.state === 'unheard' ? delivery.settle(entry) : Promise.resolve()
  }
}
