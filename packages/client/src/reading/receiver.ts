// SPDX-License-Identifier: Apache-2.0
/**
 * What the transport brings, from its arrival on (`docs/spec/08-receiving.md`).
 *
 * Nothing is acknowledged to the transport before it is settled: acknowledged by the application,
 * parked durably, or refused for good, in which case the transport sets it aside if it can. What the store fails for is tried again (`ArrivalTurns`).
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
  type ErrorCode,
  type Received,
} from '@waxwing/core'
import { UnprotectedMessage } from '../message.js'
import type { Runtime } from '../runtime.js'
import { tellOf, type Arrival, type Tell } from './arrival.js'
import type { Delivery } from './delivery.js'
import { InFlight } from './seen-session.js'
import { FAR, Lookahead } from './lookahead.js'
import type { MessageQueue } from './message-queue.js'
import type { Openings } from './openings.js'
import type { Permits } from './permits.js'
import type { ReaderEvents } from './reader-events.js'
import type { ReadingOptions } from './reading-options.js'
import type { ArrivalTurns } from './arrival-turns.js'

export interface ReceiverInputs {
  readonly runtime: Runtime
  readonly options: ReadingOptions
  readonly events: ReaderEvents
  readonly delivery: Delivery
  readonly permits: Permits
  readonly queue: MessageQueue
  readonly openings: Openings
  readonly turns: ArrivalTurns
}

const DONE: Promise<void> = Promise.resolve()
const NO_BYTES = new Uint8Array(0)

export class Receiver {
  readonly #inputs: ReceiverInputs
  /** There if signatures may be verified while objects wait for their turn. */
  readonly #lookahead: Lookahead<Arrival> | undefined
  #lastKid: { readonly bytes: Uint8Array; readonly text: string } = { bytes: NO_BYTES, text: '' }
  #closed = false

  constructor(inputs: ReceiverInputs) {
    this.#inputs = inputs
    const { runtime, openings, options, turns } = inputs
    if (runtime.crypto.verifiesAhead !== true) return
    this.#lookahead = new Lookahead<Arrival>({
      reach: { items: Math.min(FAR.items, options.maxInFlight), bytes: FAR.bytes },
      bytesOf: ({ object }) => object.bytes.length,
      expect: ({ object, kid }) => openings.expect(object, kid),
      take: (arrival) => turns.enqueueSafely(arrival),
    })
  }

  /** Takes a message from the transport. Resolves when the transport may bring the next. */
  receive(received: Received): Promise<void> {
    if (this.#closed) return DONE
    if (isControlAddress(received.address)) return this.#tell(received)
    let object
    try {
      object = decodeObject(received.payload)
    } catch (error) {
      if (!(error instanceof WaxwingError)) throw error
      return this.#takeOther(received, error)
    }
    const arrival = this.#arrivalOf(received, object)
    return this.#lookahead?.add(arrival) ?? this.#inputs.turns.enqueue(arrival) ?? DONE
  }

  /** In hex. Most objects have the kid of the one before. */
  kidOf({ kid }: DecodedObject): string {
    if (equalBytes(this.#lastKid.bytes, kid)) return this.#lastKid.text
    this.#lastKid = { bytes: kid.slice(), text: toHex(kid) }
    return this.#lastKid.text
  }

  /** Takes no more. What is not acknowledged comes again. */
  close(): void {
    this.#closed = true
    this.#lookahead?.clear()
  }

  #arrivalOf(received: Received, object: DecodedObject): Arrival {
    return {
      object,
      kid: this.kidOf(object),
      address: received.address,
      properties: received.properties,
      retained: received.retained,
      redelivered: received.redelivered,
      acknowledge: tellOf(received),
      received,
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
      return this.#tell(received, error.code)
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
    entry.acknowledgements.push(tellOf(received))
    const { address, payload, properties } = received
    const acknowledge: Tell = (rejectedFor) => delivery.settle(entry, rejectedFor)
    entry.message = new UnprotectedMessage({ address, payload, properties, acknowledge })
    queue.push(entry)
  }

  #tell(received: Received, rejectedFor?: ErrorCode): Promise<void> {
    return tellOf(received)(rejectedFor).catch((error: unknown) =>
      this.#inputs.runtime.report(error),
    )
  }
}
