// SPDX-License-Identifier: Apache-2.0
/**
 * The topic-data resource of an address, as its subscribers see it: the newest representation, and each
 * one before it that the broker notified of in time (RFC 7641 Section 1.3 promises no more).
 *
 * A notification is acknowledged to the broker when the handlers have acknowledged the message. It does
 * not wait longer than the broker waits before it takes the message for lost: a broker that repeats
 * itself tells this client nothing else meanwhile, and in the end forgets it. From then on the newest
 * waits here.
 *
 * @module
 */

import type { Broker } from './broker.js'
import type { Delivery, Parcel } from './delivery.js'
import { isTooLong, tooLong } from './refusals.js'
import type { Registration } from './registration.js'
import { topicPath } from './topics.js'
import { digestOf, type Twins } from './twins.js'
import { Watch, type WatchEvents, type WatchTerms } from './watch.js'

/** Below ACK_TIMEOUT (RFC 7252 Section 4.8), after which the broker repeats a notification. */
const PATIENCE_MS = 1_500

/** What topic-data resources need. */
export interface TopicDataInputs {
  readonly broker: Broker
  readonly terms: WatchTerms
  readonly maxPayloadBytes: number
  readonly twins: Twins
  /** Resolves when what was put in slots before is handed over: messages keep their order, if it is soon. */
  readonly slotsFirst: () => Promise<void>
  /** Aborted when nothing is read any more. */
  readonly signal: AbortSignal
  readonly report: (error: unknown) => void
}

export class TopicData {
  readonly #address: string
  readonly #inputs: TopicDataInputs
  readonly #readers = new Map<Registration, NewestFirst>()
  #watch: Watch | undefined
  #newest: string | undefined

  constructor(address: string, inputs: TopicDataInputs) {
    this.#address = address
    this.#inputs = inputs
  }

  get isWatched(): boolean {
    return this.#watch !== undefined
  }

  /** Adds a reader; one that comes later is told what is there now. */
  async join(registration: Registration): Promise<void> {
    const reader = new NewestFirst(registration, this.#inputs.twins)
    this.#readers.set(registration, reader)
    if (this.#newest === undefined) return
    const { broker, signal } = this.#inputs
    const payload = await broker.get(topicPath(this.#address), signal)
    if (payload !== undefined && payload.length > 0 && !reader.isTold)
      void this.#offer(payload, digestOf(payload), [reader])
  }

  leave(registration: Registration): void {
    this.#readers.get(registration)?.close()
    this.#readers.delete(registration)
    if (this.#readers.size === 0) this.close()
  }

  /**
   * Watches from now on, since the resource is there; resolves when the broker knows. One that was empty
   * is looked at again: libcoap's server makes a resource when the first block of its body comes, and
   * tells nobody when the last one came.
   */
  async found(): Promise<void> {
    if (this.#newest === undefined) this.#watch?.renew()
    const { broker, terms, report } = this.#inputs
    const events: WatchEvents = {
      value: (payload, isNotification) => this.#value(payload, isNotification),
      gone: () => this.#gone(),
      report: (error) => report(isTooLong(error) ? tooLong(this.#address) : error),
    }
    this.#watch ??= new Watch(broker, topicPath(this.#address), terms, events)
    await this.#watch.registered
  }

  /** The broker was away: what was not acknowledged comes again, and the broker may have forgotten. */
  returned(): void {
    for (const reader of this.#readers.values()) reader.redeliver()
    this.#watch?.renew()
  }

  close(): void {
    this.#watch?.close()
    this.#watch = undefined
  }

  #gone(): void {
    this.#watch = undefined
    this.#newest = undefined
  }

  async #value(payload: Uint8Array, isNotification: boolean): Promise<void> {
    if (payload.length === 0) return // nothing was published yet
    const digest = digestOf(payload)
    if (!isNotification && digest === this.#newest) return // registered anew, and nothing happened
    this.#newest = digest
    const readers = [...this.#readers.values()]
    const [late, live] = [readers.filter(isLate), readers.filter((reader) => !isLate(reader))]
    const inOrder = async (): Promise<void> => {
      await withPatience(this.#inputs.slotsFirst())
      await this.#offer(payload, digest, live)
    }
    await withPatience(Promise.all([this.#offer(payload, digest, late), inOrder()]))
  }

  async #offer(
    payload: Uint8Array,
    digest: string,
    readers: readonly NewestFirst[],
  ): Promise<void> {
    const { maxPayloadBytes, report } = this.#inputs
    if (payload.length > maxPayloadBytes) {
      report(tooLong(this.#address))
      return
    }
    const offers = readers.map((reader) => {
      const parcel = {
        address: this.#address,
        payload,
        retained: isLate(reader),
        redelivered: false,
      }
      return reader.offer(parcel, digest)
    })
    await Promise.all(offers)
  }
}

/** Whether a reader is told of what was there before it. */
function isLate({ registration }: NewestFirst): boolean {
  return registration.beganAtMs === Infinity
}

/** One reader of a topic-data resource: where it has no room, it gets the newest later. */
class NewestFirst {
  readonly registration: Registration
  readonly #twins: Twins
  readonly #leaveRoom: () => void
  readonly #open = new Set<Delivery>()
  #waiting: { readonly parcel: Parcel; readonly digest: string } | undefined
  #isTold = false

  constructor(registration: Registration, twins: Twins) {
    this.registration = registration
    this.#twins = twins
    this.#leaveRoom = registration.onRoom(() => this.#resume())
  }

  /** Whether it had anything yet. */
  get isTold(): boolean {
    return this.#isTold
  }

  /** Resolves when the message was acknowledged, or waits here. */
  async offer(parcel: Parcel, digest: string): Promise<void> {
    this.#isTold = true
    for (const delivery of this.#open) if (delivery.hasFailed) delivery.cancel()
    if (!this.registration.hasRoom) this.#waiting = { parcel, digest }
    else if (!this.#twins.isSecond(this.registration, digest, 'topic-data'))
      await this.#hand(parcel)
  }

  /** Hands over again what was not acknowledged. */
  redeliver(): void {
    const parcels = Array.from(this.#open, ({ parcel }) => parcel)
    for (const delivery of this.#open) delivery.cancel()
    for (const parcel of parcels) void this.#hand({ ...parcel, redelivered: true })
  }

  close(): void {
    this.#leaveRoom()
    this.#waiting = undefined
  }

  async #hand(parcel: Parcel): Promise<void> {
    const delivery = this.registration.hand(parcel, () => Promise.resolve())
    this.#open.add(delivery)
    await delivery.over
    this.#open.delete(delivery)
  }

  #resume(): void {
    const waiting = this.#waiting
    if (waiting === undefined || !this.registration.hasRoom) return
    this.#waiting = undefined
    void this.offer(waiting.parcel, waiting.digest)
  }
}

async function withPatience(done: Promise<unknown>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, PATIENCE_MS)
  await Promise.race([done, promise])
  clearTimeout(timer)
}
