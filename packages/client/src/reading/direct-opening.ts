// SPDX-License-Identifier: Apache-2.0
/**
 * Opening an object that a caller has, without a transport: the result is handed back instead of being
 * put in the queue. Waits neither for its turn nor for room, because the caller decides what comes
 * when.
 *
 * @module
 */

import { decodeObject, WaxwingError, type CounterRange } from '@waxwing/core'
import { Message } from '../message.js'
import type { Runtime } from '../runtime.js'
import { NO_PROPERTIES, streamFactsOf, type Arrival } from './arrival.js'
import type { Conclusion } from './conclusion.js'
import type { Delivery } from './delivery.js'
import type { Examined, Examiner, Unopened } from './examiner.js'
import type { InFlight } from './seen-session.js'
import type { ParkedPlace } from './parked-record.js'
import type { Parking } from './parking.js'
import type { ReaderEvents } from './reader-events.js'
import type { Transfers } from './transfers/transfers.js'
import type { Wanting } from './wanting.js'

/** An object that no key opens yet. It is kept safe; send the request to who can grant. */
export interface Parked {
  readonly kind: 'parked'
  /** In hex. */
  readonly kid: string
  readonly epoch: number
  /** A signed request for the keys. */
  readonly request: Uint8Array
}

/** A piece of a payload that is put together, kept until the others are there. */
export interface KeptPiece {
  readonly kind: 'piece'
  readonly stream: string
  /** Names the payload, in hex. */
  readonly transfer: string
  readonly index: number
  /** Indices of pieces; of those beyond the highest that came if it is known that they exist. */
  readonly missing: readonly CounterRange[]
  /** Pieces in all, if that is known. */
  readonly pieceCount: number | undefined
}

/** Opened messages whose acknowledgement is waited for. */
const MAX_UNACKNOWLEDGED = 4096

export interface DirectOpeningInputs {
  readonly runtime: Runtime
  readonly examiner: Examiner
  readonly conclusion: Conclusion
  readonly delivery: Delivery
  readonly parking: Parking
  readonly wanting: Wanting
  readonly events: ReaderEvents
  readonly transfers: Transfers
  kidOf: (object: Arrival['object']) => string
}

export class DirectOpening {
  readonly #inputs: DirectOpeningInputs
  /** The oldest first. Some may be acknowledged by now. */
  readonly #unacknowledged = new Set<InFlight>()

  constructor(inputs: DirectOpeningInputs) {
    this.#inputs = inputs
  }

  /** @throws {WaxwingError} Why it is refused, or what the store refuses. */
  async open(
    bytes: Uint8Array,
    address: string | undefined,
  ): Promise<Message | KeptPiece | Parked> {
    const { examiner, conclusion, delivery, parking, kidOf } = this.#inputs
    const object = decodeObject(bytes)
    const arrival: Arrival = {
      object,
      kid: kidOf(object),
      address,
      properties: NO_PROPERTIES,
      retained: false,
      redelivered: false,
      acknowledge: undefined,
      received: undefined,
      parkedAt: undefined,
    }
    const examined: Examined = await examiner.examine(arrival)
    switch (examined.kind) {
      case 'message': {
        examined.entry.state = 'handed-over'
        const parkedAt = await this.#findParked(arrival)
        if (parkedAt !== undefined) parking.claim(parkedAt)
        delivery.join(examined.entry, { acknowledge: undefined, parkedAt })
        this.#remember(examined.entry)
        return messageIn(examined.entry)
      }
      case 'piece':
        return await this.#keep(arrival, examined.entry)
      case 'copy':
        if (conclusion.withdraw(examined.entry)) return messageIn(examined.entry)
        if (examined.entry.state === 'unheard') await conclusion.settle(arrival, examined)
        return this.#refuseCopy(arrival, examined.entry)
      case 'no-key':
      case 'failed':
        return await this.#park(arrival, examined)
      case 'unheard':
      case 'refused':
        await conclusion.settle(arrival, examined)
        throw examined.error
    }
  }

  async #keep(arrival: Arrival, entry: InFlight): Promise<Message | KeptPiece> {
    const { delivery, parking, transfers } = this.#inputs
    const parkedAt = await this.#findParked(arrival)
    if (parkedAt !== undefined) parking.claim(parkedAt)
    delivery.join(entry, { acknowledge: undefined, parkedAt })
    const index = entry.piece?.piece.index ?? 0
    const outcome = await transfers.keepFor(entry)
    if (outcome.kind === 'message') return outcome
    if (outcome.kind === 'refused') throw outcome.error
    const { stream, transfer, progress } = outcome.record
    const missing = progress.missing()
    return { kind: 'piece', stream, transfer, index, missing, pieceCount: progress.pieceCount }
  }

  /** Callers may never acknowledge: what they opened long ago is no longer waited for. */
  #remember(entry: InFlight): void {
    this.#unacknowledged.add(entry)
    if (this.#unacknowledged.size <= MAX_UNACKNOWLEDGED) return
    for (const oldest of this.#unacknowledged) {
      oldest.session?.abandon(oldest)
      this.#unacknowledged.delete(oldest)
      return
    }
  }

  /** A parked copy that is not found now goes when it is handed over as a duplicate. */
  async #findParked(arrival: Arrival): Promise<ParkedPlace | undefined> {
    try {
      return await this.#inputs.parking.find(arrival)
    } catch (error) {
      this.#inputs.runtime.report(error)
      return undefined
    }
  }

  async #park(arrival: Arrival, unopened: Unopened): Promise<Parked> {
    const { parking, wanting } = this.#inputs
    const outcome = await parking.park(arrival, wanting.poolOf(arrival, unopened))
    if (outcome !== 'parked') {
      throw new WaxwingError('ERR_LIMIT', 'there is no room to park the object', { rule: 'quota' })
    }
    const request = await wanting.makeRequest(arrival, unopened)
    return { kind: 'parked', kid: arrival.kid, epoch: arrival.object.epoch, request }
  }

  #refuseCopy(arrival: Arrival, { generation }: InFlight): never {
    const stream = generation?.stream ?? ''
    this.#inputs.events.emit({ type: 'duplicate', ...streamFactsOf(arrival, stream) })
    throw new WaxwingError('ERR_REPLAYED', 'this object was handed over before')
  }
}

function messageIn(entry: InFlight): Message {
  const { message } = entry
  entry.message = undefined // its reader keeps it as long as it likes
  if (message instanceof Message) return message
  throw new TypeError('an entry of a session must hold a message')
}
