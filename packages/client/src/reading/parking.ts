// SPDX-License-Identifier: Apache-2.0
/**
 * Parking: keeping objects safe that cannot be opened yet (`docs/spec/08-receiving.md` Section 8.5).
 *
 * What `park` resolved for is durable; what it gave up for a quota was reported. The order of arrival
 * is kept for each kid.
 *
 * @module
 */

import type { Change, Store } from '@waxwing/core'
import type { Pool } from '../events.js'
import { randomBelow } from '../random.js'
import type { Runtime } from '../runtime.js'
import { factsOf, type Arrival } from './arrival.js'
import { ParkedPools, type Spot } from './parked-pools.js'
import {
  factsOfRecord,
  fingerprintOf,
  type ParkedPlace,
  type ParkedRecord,
} from './parked-record.js'
import { ParkedTable, type Parked } from './parked-table.js'
import { keptProperties, storedBytes } from './parked-size.js'
import { PendingWork } from './pending-work.js'
import type { ReaderEvents } from './reader-events.js'
import type { ReadingOptions } from './reading-options.js'

/** Of objects for which nothing vouches, all kids and addresses together. */
const MAX_UNVOUCHED_OBJECTS = 1000
const MAX_UNVOUCHED_BYTES: number = 8 * 1024 * 1024

export type { Parked }

/**
 * - `parked`: it is durable, or was already;
 * - `given-up`: it is larger than its pool, and was reported;
 * - `full`: nothing was done, because there is no room and nothing shall be evicted.
 */
export type ParkOutcome = 'parked' | 'given-up' | 'full'

export class Parking {
  readonly #runtime: Runtime
  readonly #store: Store
  readonly #events: ReaderEvents
  readonly #options: ReadingOptions
  readonly #table: ParkedTable
  readonly #pools: ParkedPools
  readonly #pending = new PendingWork()
  #nextNumber = 0
  /** Called when something went, so that there is room again. */
  onRoom: (kid: string, pool: Pool) => void = () => undefined

  constructor(runtime: Runtime, events: ReaderEvents, options: ReadingOptions) {
    this.#runtime = runtime
    this.#store = runtime.store
    this.#events = events
    this.#options = options
    this.#table = new ParkedTable(runtime.store, options.key)
    const { maxParkedObjects: count, maxParkedBytes: bytes } = options
    this.#pools = new ParkedPools({
      limits: { count, bytes },
      unvouchedLimits: {
        count: Math.min(count, MAX_UNVOUCHED_OBJECTS),
        bytes: Math.min(bytes, MAX_UNVOUCHED_BYTES),
      },
      random: (below) => randomBelow(runtime, below),
    })
  }

  /** Reads what is parked, page by page, and shows it to `visit` in no order of kids. */
  async load(visit: (parked: Parked) => void): Promise<void> {
    await this.#table.load((parked) => {
      const { place, record } = parked
      this.#pools.add(spotOf(place, record))
      this.#nextNumber = Math.max(this.#nextNumber, place.number + 1)
      visit(parked)
    })
  }

  countOf(kid: string): number {
    return this.#pools.countOf(kid)
  }

  kids(): readonly string[] {
    return this.#pools.kids()
  }

  hasIn(pool: Pool, kid: string): boolean {
    return this.#pools.hasIn(pool, kid)
  }

  summary(): ReturnType<ParkedPools['summary']> {
    return this.#pools.summary()
  }

  /** How many objects are on their way into the store. */
  get pendingCount(): number {
    return this.#pending.count
  }

  /** Resolves when what was to be parked so far is. Never rejects. */
  settled(): Promise<void> {
    return this.#pending.settled()
  }

  /** A number behind all others: the place of an object that arrives now. */
  takeNumber(): number {
    return this.#nextNumber++
  }

  /**
   * Parks an object.
   *
   * @param number - Its place; the same one where it is tried again.
   * @throws {WaxwingError} What the store refuses; nothing was changed then.
   */
  park(arrival: Arrival, wanted: Pool, number: number = this.takeNumber()): Promise<ParkOutcome> {
    return this.#pending.track(this.#park(arrival, wanted, number))
  }

  /** Finds where an object is parked, if it is. */
  async find(arrival: Arrival): Promise<ParkedPlace | undefined> {
    const { kid } = arrival
    if (this.#pools.countOf(kid) === 0) return undefined
    const fingerprint = fingerprintOf(this.#runtime.crypto, arrival)
    const parked = await this.#table.object(kid, fingerprint)
    return parked && { kid, number: parked.number, fingerprint }
  }

  /** Reads parked objects of a kid, in order of arrival, without their bytes. */
  page(kid: string, after: number | undefined, limit: number): Promise<readonly Parked[]> {
    return this.#table.page(kid, after, limit)
  }

  /** Reads a parked object's bytes; `undefined` if it went meanwhile. */
  async read({ kid, fingerprint }: ParkedPlace): Promise<Uint8Array | undefined> {
    return (await this.#table.object(kid, fingerprint))?.object
  }

  /** Keeps it from being evicted, because it is being handed over. */
  claim({ number }: ParkedPlace): void {
    this.#pools.claim(number)
  }

  unclaim({ number }: ParkedPlace): void {
    this.#pools.unclaim(number)
  }

  isClaimed({ number }: ParkedPlace): boolean {
    return this.#pools.isClaimed(number)
  }

  /** Whether it is parked and nothing is about to evict it. */
  holds({ kid, number }: ParkedPlace): boolean {
    return this.#pools.spotOf(kid, number) !== undefined
  }

  /** The changes that delete parked objects. Call `deleted` once they are written. */
  deletions(places: readonly ParkedPlace[]): readonly Change[] {
    return this.#table.deletions(places)
  }

  deleted(places: readonly ParkedPlace[]): void {
    for (const place of places) {
      this.#pools.unclaim(place.number)
      const spot = this.#pools.remove(place)
      if (spot !== undefined) this.onRoom(spot.kid, spot.pool)
    }
  }

  /**
   * Notes durably that objects are about to be handed over. May be called again if it failed.
   *
   * @param noted - Gets the numbers of those that are noted. The others were settled since they were
   *   read, or another reader has noted them, who hands them over.
   */
  async markTried(parked: readonly Parked[], noted: Set<number>): Promise<void> {
    const untried = parked.filter(({ place, record }) => {
      if (record.wasTried) noted.add(place.number)
      return !noted.has(place.number)
    })
    if (untried.length === 0 || (await this.#writeTried(untried))) {
      for (const { place } of untried) noted.add(place.number)
      return
    }
    for (const one of untried) {
      if (await this.#markOneTried(one)) noted.add(one.place.number)
    }
  }

  #writeTried(parked: readonly Parked[]): Promise<boolean> {
    return this.#store.write(parked.map((one) => this.#table.replacing(one, { wasTried: true })))
  }

  /** @returns `false` if it went, or another reader was faster. It may also have changed its pool only. */
  async #markOneTried({ place, record }: Parked): Promise<boolean> {
    for (let now: ParkedRecord | undefined = record; now !== undefined && !now.wasTried;) {
      if (now.fingerprint !== place.fingerprint) return false
      if (await this.#writeTried([{ place, record: now }])) return true
      now = await this.#table.record(place)
    }
    return false
  }

  /** Moves a parked object to another pool, where something else may have to go for it. */
  async moveTo(wanted: Pool, parked: Parked): Promise<void> {
    const { kid, number } = parked.place
    const spot = this.#pools.spotOf(kid, number)
    if (spot === undefined) return
    const pool = this.#pools.poolFor(wanted, kid, spot.address)
    if (pool === spot.pool) return
    const moved = { ...spot, pool }
    this.#pools.remove(spot)
    const victims = this.#options.holdWhenFull ? [] : this.#pools.victimsFor(moved)
    this.#pools.add(moved)
    await this.#writeWithout(victims, [this.#table.replacing(parked, { pool })])
  }

  /** Gives up parked objects that were denied. */
  async expire(parked: readonly Parked[]): Promise<void> {
    const places = parked.map(({ place }) => place)
    await this.#store.write(this.deletions(places))
    for (const { place, record } of parked) {
      const facts = factsOfRecord(place.kid, record)
      this.#events.emit({ type: 'evicted', pool: record.pool, reason: 'denied', ...facts })
    }
    this.deleted(places)
  }

  async #park(arrival: Arrival, wanted: Pool, number: number): Promise<ParkOutcome> {
    const { kid, address = '' } = arrival
    const pool = this.#pools.poolFor(wanted, kid, address)
    const spot: Spot = { pool, kid, address, number, bytes: storedBytes(sizesOf(arrival)) }
    if (!this.#pools.fits(spot)) {
      this.#events.emit({ type: 'evicted', pool, reason: 'quota', ...factsOf(arrival) })
      return 'given-up'
    }
    const victims = this.#pools.victimsFor(spot)
    if (victims.length > 0 && this.#options.holdWhenFull) return 'full'
    this.#pools.reserve(spot)
    const outcome = await this.#write(arrival, spot, victims).catch((error: unknown) => {
      this.#pools.remove(spot)
      throw error
    })
    if (outcome === 'written') {
      this.#pools.written(spot)
      this.#events.emit({ type: 'parked', pool, ...factsOf(arrival) })
      await this.#trim(spot)
      return 'parked'
    }
    this.#pools.remove(spot)
    return outcome === 'taken' ? await this.#park(arrival, wanted, this.takeNumber()) : 'parked'
  }

  /** What was being written could not make room for others. */
  async #trim(spot: Spot): Promise<void> {
    const surplus = this.#options.holdWhenFull ? [] : this.#pools.surplusAt(spot)
    if (surplus.length === 0) return
    try {
      await this.#writeWithout(surplus, [])
    } catch (error) {
      this.#runtime.report(error) // they go with the next
    }
  }

  /** @returns `known` if it is parked already, `taken` if the number is; nothing was changed then. */
  async #write(
    arrival: Arrival,
    spot: Spot,
    victims: readonly Spot[],
  ): Promise<'written' | 'known' | 'taken'> {
    const { pool, kid, number } = spot
    const fingerprint = fingerprintOf(this.#runtime.crypto, arrival)
    const parked = {
      place: { kid, number, fingerprint },
      record: this.#recordOf(arrival, pool, fingerprint),
    }
    const insertions = this.#table.insertions(parked, arrival.object.bytes)
    if (await this.#writeWithout(victims, insertions)) return 'written'
    if ((await this.#table.object(kid, fingerprint)) !== undefined) return 'known'
    // Another reader of this name parks as well: go on behind it.
    this.#nextNumber = Math.max(this.#nextNumber, (await this.#table.lastNumber(kid)) + 1)
    return 'taken'
  }

  /** Writes, and gives up the victims with it. If nothing is written, they stay. */
  async #writeWithout(victims: readonly Spot[], changes: readonly Change[]): Promise<boolean> {
    for (const victim of victims) this.#pools.remove(victim)
    let isWritten = false
    try {
      const evictions = await Promise.all(victims.map((victim) => this.#eviction(victim)))
      const deletions = evictions.flatMap((eviction) => eviction?.changes ?? [])
      isWritten = await this.#store.write([...changes, ...deletions])
      if (isWritten) for (const eviction of evictions) eviction?.report()
    } finally {
      if (!isWritten) for (const victim of victims) this.#pools.add(victim)
    }
    return isWritten
  }

  /** Reads what is needed to give up an object; `undefined` if it went meanwhile. */
  async #eviction(
    victim: Spot,
  ): Promise<{ changes: readonly Change[]; report: () => void } | undefined> {
    const record = await this.#table.record(victim)
    if (record === undefined) return undefined
    const { kid, number, pool } = victim
    const facts = factsOfRecord(kid, record)
    const changes = this.deletions([{ kid, number, fingerprint: record.fingerprint }])
    const report = (): void =>
      this.#events.emit({ type: 'evicted', pool, reason: 'quota', ...facts })
    return { changes, report }
  }

  #recordOf(arrival: Arrival, pool: Pool, fingerprint: string): ParkedRecord {
    const { epoch, session, counter } = factsOf(arrival)
    return {
      pool,
      epoch,
      session,
      counter,
      ...sizesOf(arrival),
      retained: arrival.retained,
      redelivered: arrival.redelivered,
      wasTried: false,
      parkedMs: Math.max(0, Math.floor(this.#runtime.time.now())),
      fingerprint,
    }
  }
}

function spotOf({ kid, number }: ParkedPlace, record: ParkedRecord): Spot {
  const { pool, address } = record
  return { pool, kid, address: address ?? '', number, bytes: storedBytes(record) }
}

/** What is kept of an object whose size others choose. */
function sizesOf(arrival: Arrival): Pick<ParkedRecord, 'byteCount' | 'address' | 'properties'> {
  return {
    byteCount: arrival.object.bytes.length,
    address: arrival.address ?? null,
    properties: keptProperties(arrival.properties),
  }
}
