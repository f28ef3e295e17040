// SPDX-License-Identifier: Apache-2.0
/**
 * Handing over what was parked, when keys came (`docs/spec/08-receiving.md` Section 8.5): in order of
 * arrival, before anything of the same kid that arrives meanwhile, and page by page. A parked copy
 * goes only when its message is settled.
 *
 * All of it happens in the lane of the kid, which is held while the store fails: pauses are made there,
 * and nothing overtakes what is parked. What is waited for in vain, a damaged record, is passed over.
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
import type { ReadingOptions } from './reading-options.js'
import { isDamage } from './store-line.js'
import type { StorePauses } from './store-pauses.js'
import type { Wanting } from './wanting.js'

/** Records read at a time. */
const PAGE = 128
/** Messages that are marked as tried in one write, and their bytes. */
const BATCH = 32
const BATCH_BYTES = 4_194_304
const PAUSE_MS = 5000

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
  readonly pauses: StorePauses
  readonly wanting: Wanting
  readonly events: ReaderEvents
  readonly options: Pick<ReadingOptions, 'isShared'>
}

interface Ready {
  readonly parked: Parked
  readonly entry: InFlight
  readonly expected: number
}

/** A parked object, read and looked at. */
interface Taken {
  readonly arrival: Arrival
  readonly found: Examined
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
    void lanes.runFirst(kid, () => this.#runAll(kid))
  }

  /**
   * Hands over what is parked of a kid and came before a place. To be called in the kid's lane.
   *
   * @param before - The number of that place.
   */
  async passUntil(kid: string, before: number): Promise<void> {
    const { parking, book } = this.#inputs
    if (parking.countOf(kid) === 0 || book.byKid(kid).length === 0) return
    await this.#run(kid, before)
  }

  close(): void {
    this.#closed = true
  }

  async #runAll(kid: string): Promise<void> {
    const { parking, lanes } = this.#inputs
    await parking.settled()
    if (lanes.isHeld(kid)) {
      // Something was just refused by the store, and may have come before: it starts this when it is done.
      this.#triedWith.delete(kid)
      return
    }
    await this.#run(kid, Infinity)
    if (parking.countOf(kid) === 0) this.#triedWith.delete(kid)
  }

  async #run(kid: string, before: number): Promise<void> {
    const batch: Batch = { ready: [], bytes: 0, count: 0, askedEpoch: undefined }
    let isDone = false
    while (!isDone && !this.#closed) {
      isDone = await this.#runPages(kid, before, batch)
      await this.#handOver(batch)
      if (!isDone) await this.#inputs.pauses.pause(kid, PAUSE_MS)
    }
    if (batch.count === 0) return
    this.#inputs.events.emit({ type: 'drained', kid, count: batch.count })
  }

  /** @returns Whether all was tried. If not, the store failed: what is parked stays there. */
  async #runPages(kid: string, before: number, batch: Batch): Promise<boolean> {
    let after: number | undefined
    try {
      while (!this.#closed) {
        const page: readonly Parked[] = await this.#inputs.parking.page(kid, after, PAGE)
        for (const parked of page) {
          if (parked.place.number >= before) return true
          await this.#tryUnlessDamaged(parked, batch)
        }
        const last = page.at(-1)
        if (last === undefined || page.length < PAGE) return true
        after = last.place.number
      }
      return false
    } catch (error) {
      if (!this.#closed) this.#inputs.runtime.report(error)
      return isDamage(error)
    }
  }

  async #tryUnlessDamaged(parked: Parked, batch: Batch): Promise<void> {
    try {
      await this.#try(parked, batch)
    } catch (error) {
      if (!isDamage(error)) throw error
      this.#inputs.runtime.report(error)
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
    const examined = await this.#read(parked)
    if (examined === undefined) this.#inputs.permits.release()
    else await this.#conclude(parked, examined.arrival, examined.found, batch)
  }

  /** Waits for a permit; what is collected goes out before. `false` once the reader is closed. */
  async #permit(batch: Batch): Promise<boolean> {
    const { permits } = this.#inputs
    if (permits.tryAcquire()) return true
    await this.#handOver(batch)
    return await permits.acquire()
  }

  /** Holds a permit. `undefined` if it went meanwhile, or is damaged. */
  async #read(parked: Parked): Promise<Taken | undefined> {
    const { parking, permits, examiner } = this.#inputs
    const { place } = parked
    try {
      const bytes = await parking.read(place)
      if (bytes === undefined || !parking.holds(place)) return undefined
      const arrival = this.#arrivalOf(parked, bytes)
      if (arrival === undefined) return undefined
      parking.claim(place)
      return { arrival, found: await examiner.examine(arrival) }
    } catch (error) {
      parking.unclaim(place)
      permits.release()
      throw error
    }
  }

  #arrivalOf(parked: Parked, bytes: Uint8Array): Arrival | undefined {
    try {
      return arrivalOf(parked, decodeObject(bytes))
    } catch (cause) {
      const message = 'a parked object cannot be read'
      this.#inputs.runtime.report(new WaxwingError('ERR_STORE_CORRUPT', message, {}, { cause }))
      return undefined
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
    // It may have to wait for room, until what is collected is acknowledged.
    if (examined.kind === 'piece') await this.#handOver(batch)
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
    const noted = new Set<number>()
    while (!(await this.#mark(parked, noted))) if (this.#closed) return
    for (const one of ready) {
      if (!noted.has(one.parked.place.number) && this.#leave(one)) continue
      this.#inputs.conclusion.handOver(one.entry, one.expected)
      batch.count++
    }
  }

  /** Leaves to another reader what that one hands over. It stays parked here, in case that one dies. */
  #leave({ parked, entry }: Ready): boolean {
    const { options, parking, permits } = this.#inputs
    if (!options.isShared || entry.state !== 'waiting') return false
    entry.session?.abandon(entry)
    entry.session?.invalidate() // its counter does not count as seen
    parking.unclaim(parked.place)
    permits.release()
    return true
  }

  /** @returns Whether it is durable that these are about to be handed over. Waits if it is not. */
  async #mark(parked: readonly Parked[], noted: Set<number>): Promise<boolean> {
    const { parking, pauses, runtime } = this.#inputs
    const [first] = parked
    try {
      await parking.markTried(parked, noted)
      return true
    } catch (error) {
      if (this.#closed) return false
      runtime.report(error)
      if (first !== undefined) await pauses.pause(first.place.kid, PAUSE_MS)
      return false
    }
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
    received: undefined,
    parkedAt: place,
  }
}
