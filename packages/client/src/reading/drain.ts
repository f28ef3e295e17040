// SPDX-License-Identifier: Apache-2.0
/**
 * Handing over what was parked, when keys came (`docs/spec/08-receiving.md` Section 8.5): in order of
 * arrival, before anything of the same kid that arrives meanwhile, and page by page. A parked copy
 * goes only when its message is settled.
 *
 * @module
 */

import { decodeObject, WaxwingError, type DecodedObject } from '@waxwing/core'
import type { GenerationBook } from '../generation-book.js'
import type { Runtime } from '../runtime.js'
import type { Arrival } from './arrival.js'
import type { Conclusion } from './conclusion.js'
import type { Delivery } from './delivery.js'
import type { Examined, Examiner, Unopened } from './examiner.js'
import type { InFlight } from './seen-session.js'
import type { KidLanes } from './kid-lanes.js'
import type { Openings } from './openings.js'
import type { Parked, Parking } from './parking.js'
import type { Permits } from './permits.js'
import type { ReaderEvents } from './reader-events.js'
import type { Wanting } from './wanting.js'

/** Records read at a time. */
const PAGE = 128
/** Messages that are marked as tried in one write, and their bytes. */
const BATCH = 32
const BATCH_BYTES = 4_194_304
const RETRY_MS = 5000

export interface DrainInputs {
  readonly runtime: Runtime
  readonly book: GenerationBook
  readonly openings: Openings
  readonly examiner: Examiner
  readonly conclusion: Conclusion
  readonly delivery: Delivery
  readonly parking: Parking
  readonly permits: Permits
  readonly lanes: KidLanes
  readonly wanting: Wanting
  readonly events: ReaderEvents
}

interface Ready {
  readonly parked: Parked
  readonly entry: InFlight
  readonly expected: number
}

/** What one run has collected and not handed over. */
interface Batch {
  ready: Ready[]
  bytes: number
  /** Messages handed over so far. */
  count: number
  /** The epoch for which keys were asked last. */
  askedEpoch: number | undefined
}

export class Drain {
  readonly #inputs: DrainInputs
  /** How many grants there were when the parked objects of a kid were tried last. */
  readonly #triedWith = new Map<string, number>()
  /** What ends the pauses that are made while the store fails. */
  readonly #pauses = new Set<() => void>()
  #closed = false

  constructor(inputs: DrainInputs) {
    this.#inputs = inputs
  }

  /** Starts if there are keys with which the parked objects of a kid were not tried. */
  startIfDue(kid: string): void {
    if (this.#inputs.parking.countOf(kid) === 0) return
    if (this.#grantCountOf(kid) !== this.#triedWith.get(kid)) this.start(kid)
  }

  /** Starts, before anything of the kid that has not begun. */
  start(kid: string): void {
    const { parking, lanes, book } = this.#inputs
    if (parking.countOf(kid) === 0 && parking.pendingCount === 0) return
    if (book.byKid(kid).length === 0) return
    this.#triedWith.set(kid, this.#grantCountOf(kid))
    void lanes.runFirst(kid, () => this.#run(kid))
  }

  close(): void {
    this.#closed = true
    for (const wake of this.#pauses) wake()
  }

  async #run(kid: string): Promise<void> {
    const { parking, events } = this.#inputs
    const batch: Batch = { ready: [], bytes: 0, count: 0, askedEpoch: undefined }
    try {
      await parking.settled()
      await this.#runPages(kid, batch)
    } catch (error) {
      if (!this.#closed) this.#tryAgain(kid, error)
    }
    await this.#handOver(batch)
    if (batch.count > 0) events.emit({ type: 'drained', kid, count: batch.count })
    if (parking.countOf(kid) === 0) this.#triedWith.delete(kid)
  }

  /** The store failed: what is parked stays there, and is tried again. */
  #tryAgain(kid: string, error: unknown): void {
    const { runtime } = this.#inputs
    runtime.report(error)
    runtime.timers.after(RETRY_MS, () => {
      if (!this.#closed) this.start(kid)
    })
  }

  async #runPages(kid: string, batch: Batch): Promise<void> {
    let after: number | undefined
    while (!this.#closed) {
      const page: readonly Parked[] = await this.#inputs.parking.page(kid, after, PAGE)
      for (const parked of page) await this.#try(parked, batch)
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE) return
      after = last.place.number
    }
  }

  async #try(parked: Parked, batch: Batch): Promise<void> {
    const { parking, openings } = this.#inputs
    const { place, record } = parked
    if (this.#closed || parking.isClaimed(place) || !parking.holds(place)) return
    if (!openings.mayOpen(place.kid, record.epoch)) {
      await this.#keep(parked, batch)
      return
    }
    if (!(await this.#permit(batch))) return
    const bytes = await parking.read(place)
    if (bytes === undefined || !parking.holds(place)) {
      this.#inputs.permits.release()
      return
    }
    const arrival = this.#arrivalOf(parked, bytes)
    if (arrival === undefined) return
    parking.claim(place)
    const examined = await this.#examine(arrival)
    await this.#conclude(parked, arrival, examined, batch)
  }

  /** Waits for a permit; what is collected goes out before. `false` once the reader is closed. */
  async #permit(batch: Batch): Promise<boolean> {
    const { permits } = this.#inputs
    if (permits.tryAcquire()) return true
    await this.#handOver(batch)
    return await permits.acquire()
  }

  #arrivalOf(parked: Parked, bytes: Uint8Array): Arrival | undefined {
    try {
      return arrivalOf(parked, decodeObject(bytes))
    } catch (cause) {
      const message = 'a parked object cannot be read'
      this.#inputs.runtime.report(new WaxwingError('ERR_STORE_CORRUPT', message, {}, { cause }))
      this.#inputs.permits.release()
      return undefined
    }
  }

  async #examine(arrival: Arrival): Promise<Examined> {
    try {
      return await this.#inputs.examiner.examine(arrival)
    } catch (error) {
      this.#inputs.permits.release()
      if (arrival.parkedAt !== undefined) this.#inputs.parking.unclaim(arrival.parkedAt)
      throw error
    }
  }

  async #conclude(
    parked: Parked,
    arrival: Arrival,
    examined: Examined,
    batch: Batch,
  ): Promise<void> {
    const { permits, parking, conclusion, delivery } = this.#inputs
    if (examined.kind === 'message') {
      const { entry, expected } = examined
      entry.holdsPermit = true
      delivery.join(entry, arrival) // now: a caller may take it out of the batch
      batch.ready.push({ parked, entry, expected })
      batch.bytes += parked.record.byteCount
      if (batch.ready.length >= BATCH || batch.bytes >= BATCH_BYTES) await this.#handOver(batch)
      return
    }
    permits.release()
    if (examined.kind === 'no-key' || examined.kind === 'failed') {
      parking.unclaim(parked.place)
      await this.#keep(parked, batch, examined)
      return
    }
    try {
      await conclusion.settle(arrival, examined)
    } catch (error) {
      parking.unclaim(parked.place) // it is tried again with the next keys
      throw error
    }
  }

  /** What still does not open stays, in the pool where it belongs now, and is asked for. */
  async #keep(parked: Parked, batch: Batch, unopened?: Unopened): Promise<void> {
    const { parking, wanting, book } = this.#inputs
    const { kid } = parked.place
    const [generation] = book.byKid(kid)
    const why = unopened ?? { kind: 'no-key', generation }
    const address = parked.record.address ?? undefined
    await parking.moveTo(wanting.poolOf({ address }, why), parked)
    const { epoch } = parked.record
    if (epoch === batch.askedEpoch) return
    batch.askedEpoch = epoch
    wanting.askFor({ kid, epoch, address: address ?? '', generation, andLater: false })
  }

  /** Hands over what is collected, after noting durably that it is about to. */
  async #handOver(batch: Batch): Promise<void> {
    const { ready } = batch
    if (ready.length === 0) return
    batch.ready = []
    batch.bytes = 0
    const parked = ready.map((one) => one.parked)
    while (!(await this.#mark(parked))) if (this.#closed) return
    for (const { entry, expected } of ready) this.#inputs.conclusion.handOver(entry, expected)
    batch.count += ready.length
  }

  /** @returns Whether it is durable that these are about to be handed over. Waits if it is not. */
  async #mark(parked: readonly Parked[]): Promise<boolean> {
    try {
      await this.#inputs.parking.markTried(parked)
      return true
    } catch (error) {
      if (!this.#closed) await this.#pause(error)
      return false
    }
  }

  #pause(error: unknown): Promise<void> {
    const { runtime } = this.#inputs
    runtime.report(error)
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel()
        this.#pauses.delete(wake)
        resolve()
      }
      const cancel = runtime.timers.after(RETRY_MS, wake)
      this.#pauses.add(wake)
    })
  }

  #grantCountOf(kid: string): number {
    let count = 0
    for (const { grantCount } of this.#inputs.book.byKid(kid)) count += grantCount
    return count
  }
}

function arrivalOf({ place, record }: Parked, object: DecodedObject): Arrival {
  return {
    object,
    kid: place.kid,
    address: record.address ?? undefined,
    properties: record.properties,
    retained: record.retained,
    redelivered: record.redelivered || record.wasTried,
    acknowledge: undefined,
    parkedAt: place,
  }
}
