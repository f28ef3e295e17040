// SPDX-License-Identifier: Apache-2.0
/**
 * What the transport brings, from its arrival on (`docs/spec/08-receiving.md`).
 *
 * Nothing is acknowledged to the transport before it is settled: acknowledged by the application,
 * parked durably, or refused for good. What cannot be settled because the store fails is tried again.
 * Where everything is in memory and there is room, a message is handed over synchronously.
 *
 * @module
 */

import {
  decodeObject,
  equalBytes,
  isControlAddress,
  toHex,
  WaxwingError,
  type DecodedObject,
  type Received,
} from '@waxwing/core'
import type { Pool } from '../events.js'
import { UnprotectedMessage } from '../message.js'
import type { Runtime } from '../runtime.js'
import type { Arrival } from './arrival.js'
import type { Conclusion } from './conclusion.js'
import type { Delivery } from './delivery.js'
import type { Examined, Examiner, Unopened } from './examiner.js'
import { InFlight } from './seen-session.js'
import type { KidLanes } from './kid-lanes.js'
import { FAR, Lookahead } from './lookahead.js'
import type { MessageQueue } from './message-queue.js'
import type { Openings } from './openings.js'
import type { Parking } from './parking.js'
import type { Permits } from './permits.js'
import type { ReaderEvents } from './reader-events.js'
import type { ReadingOptions } from './reading-options.js'
import { RetryList } from './retry-list.js'
import type { Wanting } from './wanting.js'

export interface ReceiverInputs {
  readonly runtime: Runtime
  readonly options: ReadingOptions
  readonly events: ReaderEvents
  readonly examiner: Examiner
  readonly conclusion: Conclusion
  readonly delivery: Delivery
  readonly parking: Parking
  readonly permits: Permits
  readonly queue: MessageQueue
  readonly lanes: KidLanes
  readonly wanting: Wanting
  readonly openings: Openings
  /** Hands over what is parked of a kid first, if there are keys that it was not tried with. */
  drainFirst(kid: string): void
}

const DONE: Promise<void> = Promise.resolve()
const NO_BYTES = new Uint8Array(0)
/** Objects on their way into the store before arrivals have to wait for them. */
const MAX_PARKING = 256

export class Receiver {
  readonly #inputs: ReceiverInputs
  readonly #retries: RetryList
  /** There if signatures may be verified while objects wait for their turn. */
  readonly #lookahead: Lookahead<Arrival> | undefined
  /** What waits for room in a pool, by kid. */
  readonly #held = new Map<string, Arrival[]>()
  #lastKid: { readonly bytes: Uint8Array; readonly text: string } = { bytes: NO_BYTES, text: '' }
  #closed = false

  constructor(inputs: ReceiverInputs) {
    this.#inputs = inputs
    this.#retries = new RetryList(inputs.runtime, (arrival) => void this.#enqueue(arrival))
    const { runtime, openings, options } = inputs
    if (runtime.crypto.verifiesAhead !== true) return
    this.#lookahead = new Lookahead<Arrival>({
      reach: { items: Math.min(FAR.items, options.maxInFlight), bytes: FAR.bytes },
      bytesOf: ({ object }) => object.bytes.length,
      expect: ({ object, kid }) => openings.expect(object, kid),
      take: (arrival) => this.#takeInTurn(arrival),
    })
  }

  /** Takes a message from the transport. Resolves when the transport may bring the next. */
  receive(received: Received): Promise<void> {
    if (this.#closed) return DONE
    if (isControlAddress(received.address)) return this.#acknowledge(received)
    let object
    try {
      object = decodeObject(received.payload)
    } catch (error) {
      if (!(error instanceof WaxwingError)) throw error
      return this.#takeOther(received, error)
    }
    const arrival = this.#arrivalOf(received, object)
    return this.#lookahead?.add(arrival) ?? this.#enqueue(arrival) ?? DONE
  }

  /** In hex. Most objects have the kid of the one before. */
  kidOf({ kid }: DecodedObject): string {
    if (equalBytes(this.#lastKid.bytes, kid)) return this.#lastKid.text
    this.#lastKid = { bytes: kid.slice(), text: toHex(kid) }
    return this.#lastKid.text
  }

  /** There is room in a pool, or there are keys: what waited for that is tried again. */
  tryHeld(kid: string, pool?: Pool): void {
    const kids = pool === 'unvouched' ? [...this.#held.keys()] : [kid]
    for (const one of kids) {
      const held = this.#held.get(one) ?? []
      this.#held.delete(one)
      for (const arrival of held) void this.#enqueue(arrival)
    }
  }

  /** Takes no more. What is not acknowledged comes again. */
  close(): void {
    this.#closed = true
    this.#lookahead?.clear()
    this.#held.clear()
    this.#retries.close()
  }

  #arrivalOf(received: Received, object: DecodedObject): Arrival {
    return {
      object,
      kid: this.kidOf(object),
      address: received.address,
      properties: received.properties,
      retained: received.retained,
      redelivered: received.redelivered,
      acknowledge: () => received.acknowledge(),
      parkedAt: undefined,
    }
  }

  /** What is no object, or none that is known. */
  #takeOther(received: Received, error: WaxwingError): Promise<void> {
    const { options, events, permits } = this.#inputs
    const isNoObject = error.code === 'ERR_MALFORMED' || error.details.field === 'type'
    if (!options.passUnprotected || !isNoObject) {
      const { address, payload } = received
      const byteCount = payload.length
      events.emit({ type: 'malformed', code: error.code, byteCount, address })
      return this.#acknowledge(received)
    }
    return permits.acquire().then((isGranted) => {
      if (isGranted) this.#passUnprotected(received)
    })
  }

  #passUnprotected(received: Received): void {
    const { delivery, queue } = this.#inputs
    const entry = new InFlight({
      session: undefined,
      generation: undefined,
      counter: 0,
      digest: NO_BYTES,
      isRecorded: false,
    })
    entry.holdsPermit = true
    entry.acknowledgements.push(() => received.acknowledge())
    const { address, payload, properties } = received
    const acknowledge = (): Promise<void> => delivery.settle(entry)
    entry.message = new UnprotectedMessage({ address, payload, properties, acknowledge })
    queue.push(entry)
  }

  #enqueue(arrival: Arrival): Promise<void> | undefined {
    this.#inputs.drainFirst(arrival.kid)
    return this.#inputs.lanes.run(arrival.kid, () => this.#take(arrival))
  }

  /** Does not throw. */
  #takeInTurn(arrival: Arrival): Promise<void> | undefined {
    try {
      return this.#enqueue(arrival)
    } catch (error) {
      this.#failed(arrival, error)
      return undefined
    }
  }

  #take(arrival: Arrival): Promise<void> | undefined {
    const { permits } = this.#inputs
    if (this.#closed) return undefined
    if (permits.tryAcquire()) return this.#examine(arrival)
    return permits.acquire().then((isGranted) => (isGranted ? this.#examine(arrival) : undefined))
  }

  /** Holds a permit. */
  #examine(arrival: Arrival): Promise<void> | undefined {
    const failed = (error: unknown): void => {
      this.#inputs.permits.release()
      this.#failed(arrival, error)
    }
    try {
      const examined = this.#inputs.examiner.examine(arrival)
      if (!(examined instanceof Promise)) return this.#conclude(arrival, examined)
      return examined.then((result) => this.#conclude(arrival, result), failed)
    } catch (error) {
      failed(error)
      return undefined
    }
  }

  #conclude(arrival: Arrival, examined: Examined): Promise<void> | undefined {
    const { conclusion, delivery, permits, parking } = this.#inputs
    if (examined.kind === 'message') {
      const { entry, expected } = examined
      entry.holdsPermit = true
      delivery.join(entry, arrival)
      conclusion.handOver(entry, expected)
      return undefined
    }
    permits.release()
    if (examined.kind === 'no-key' || examined.kind === 'failed') {
      this.#inBackground(arrival, this.#park(arrival, examined))
      return parking.pendingCount > MAX_PARKING ? parking.settled() : undefined
    }
    this.#inBackground(arrival, conclusion.settle(arrival, examined))
    return undefined
  }

  async #park(arrival: Arrival, unopened: Unopened): Promise<void> {
    const { parking, wanting, delivery } = this.#inputs
    const { kid } = arrival
    const held = this.#held.get(kid)
    const outcome = held ? 'full' : await parking.park(arrival, wanting.poolOf(arrival, unopened))
    if (outcome !== 'given-up') wanting.ask(arrival, unopened)
    if (outcome === 'full') this.#hold(arrival)
    else await delivery.discard(arrival)
  }

  #hold(arrival: Arrival): void {
    if (this.#closed) return
    const held = this.#held.get(arrival.kid)
    if (held === undefined) this.#held.set(arrival.kid, [arrival])
    else held.push(arrival)
  }

  #inBackground(arrival: Arrival, work: Promise<void>): void {
    work.then(
      () => this.#retries.succeeded(),
      (error: unknown) => this.#failed(arrival, error),
    )
  }

  /** The store refused: the transport is not told, so that nothing is lost. */
  #failed(arrival: Arrival, error: unknown): void {
    if (this.#closed) return
    this.#inputs.runtime.report(error)
    this.#retries.add(arrival)
  }

  #acknowledge(received: Received): Promise<void> {
    return received.acknowledge().catch((error: unknown) => this.#inputs.runtime.report(error))
  }
}
