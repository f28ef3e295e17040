// SPDX-License-Identifier: Apache-2.0
/**
 * The end of an object's way: handed over in its turn, or settled without the application.
 *
 * @module
 */

import type { ErrorCode, WaxwingError } from '@waxwing/core'
import { streamFactsOf, type Arrival } from './arrival.js'
import type { Delivery } from './delivery.js'
import type { Settled } from './examiner.js'
import type { InFlight } from './seen-session.js'
import type { MessageQueue } from './message-queue.js'
import type { OrderBuffer } from './order-buffer.js'
import type { Parking } from './parking.js'
import type { ReaderEvents } from './reader-events.js'
import type { Transfers } from './transfers/transfers.js'

export interface ConclusionInputs {
  readonly delivery: Delivery
  readonly queue: MessageQueue
  readonly order: OrderBuffer | undefined
  readonly parking: Parking
  readonly events: ReaderEvents
  readonly transfers: Transfers
}

export class Conclusion {
  readonly #inputs: ConclusionInputs

  constructor(inputs: ConclusionInputs) {
    this.#inputs = inputs
  }

  /** Hands a message over in its turn, unless it was withdrawn. It holds a permit. */
  handOver(entry: InFlight, expected: number): void {
    const { queue, order } = this.#inputs
    const { session, counter } = entry
    const waiting = entry.state === 'waiting' ? entry : undefined
    if (order !== undefined && session !== undefined) {
      order.offer(session, counter, waiting, expected)
    } else if (waiting !== undefined) queue.push(waiting)
  }

  /** Takes a message out of its turn, to hand it over now. Returns whether it still waited. */
  withdraw(entry: InFlight): boolean {
    const { queue, order } = this.#inputs
    if (entry.state !== 'waiting') return false
    // If it is in neither, it is about to be handed over, and will not be.
    const isQueued = queue.withdraw(entry)
    if (!isQueued && entry.session !== undefined) order?.withdraw(entry.session, entry)
    entry.state = 'handed-over'
    return true
  }

  /** Settles what the application does not get. Rejects with what the store refuses. */
  settle(arrival: Arrival, settled: Settled): Promise<void> {
    const { delivery, order } = this.#inputs
    if (settled.kind === 'refused') return delivery.discard(arrival, rejectionFor(settled.error))
    const { entry } = settled
    if (settled.kind === 'piece') {
      delivery.join(entry, arrival)
      return this.#inputs.transfers.keep(entry)
    }
    if (settled.kind === 'copy') return this.#settleCopy(arrival, entry)
    if (order !== undefined && entry.session !== undefined) {
      order.offer(entry.session, entry.counter, undefined, settled.expected)
    }
    delivery.join(entry, arrival)
    return delivery.settle(entry)
  }

  /** A copy of what is in flight is settled with it. */
  #settleCopy(arrival: Arrival, entry: InFlight): Promise<void> {
    const { delivery, parking } = this.#inputs
    const { acknowledge, parkedAt } = arrival
    // What is only to be recorded comes again itself, when that failed.
    const isItself = acknowledge !== undefined && entry.acknowledgements.includes(acknowledge)
    if (!isItself) this.#reportCopy(arrival, entry)
    if (entry.settling !== undefined) return entry.settling.then(() => delivery.discard(arrival))
    if (parkedAt !== undefined) parking.claim(parkedAt)
    if (!isItself) delivery.join(entry, arrival)
    if (entry.piece !== undefined) return this.#inputs.transfers.keep(entry)
    return entry.state === 'unheard' ? delivery.settle(entry) : Promise.resolve()
  }

  #reportCopy(arrival: Arrival, { generation }: InFlight): void {
    const isExpected = arrival.redelivered || arrival.retained || arrival.parkedAt !== undefined
    if (isExpected || generation === undefined) return
    this.#inputs.events.emit({ type: 'duplicate', ...streamFactsOf(arrival, generation.stream) })
  }
}

/** Why the transport is to set an object aside: not because it came before, or only too late. */
function rejectionFor({ code, details }: WaxwingError): ErrorCode | undefined {
  return code === 'ERR_REPLAYED' || details.rule === 'maxAgeMs' ? undefined : code
}
