// SPDX-License-Identifier: Apache-2.0
/**
 * How much is parked, and what has to go when a quota is full (`docs/spec/08-receiving.md`
 * Section 8.5). Only numbers, two for each: the objects are in the store, and quotas are the application's
 * choice.
 *
 * Kids for which nothing vouches share one small pool, from which one at random goes, so that junk
 * drowns what is real only in proportion. The other two pools have a quota for each address and kid,
 * of which the oldest goes. What is being handed over never goes.
 *
 * @module
 */

import type { Pool } from '../events.js'

export interface PoolLimits {
  readonly count: number
  readonly bytes: number
}

/** Where one parked object counts. */
export interface Spot {
  readonly pool: Pool
  readonly kid: string
  /** Empty where none is known. */
  readonly address: string
  readonly number: number
  /** As many as all that is kept of it takes, about. */
  readonly bytes: number
}

/** Quotas of its own that a kid may have, for its addresses. More addresses share the small pool. */
const MAX_BUCKETS_PER_KID = 64

class Bucket {
  readonly pool: Pool
  readonly kid: string
  readonly address: string
  bytes = 0
  /** The bytes of each, by number. */
  #bytesOf = new Map<number, number>()
  /** Whether the oldest stands first. */
  #isInOrder = true
  #newest = -1

  constructor({ pool, kid, address }: Spot) {
    this.pool = pool
    this.kid = kid
    this.address = address
  }

  get count(): number {
    return this.#bytesOf.size
  }

  /** Adds one. What was taken out, or comes from another pool, is as old as it was. */
  add(spot: Spot): void {
    if (spot.number < this.#newest) this.#isInOrder = false
    this.#newest = Math.max(this.#newest, spot.number)
    this.#bytesOf.set(spot.number, spot.bytes)
    this.bytes += spot.bytes
  }

  delete({ number, bytes }: Spot): void {
    if (this.#bytesOf.delete(number)) this.bytes -= bytes
  }

  spotOf(number: number): Spot | undefined {
    const bytes = this.#bytesOf.get(number)
    return bytes === undefined ? undefined : this.#spot(number, bytes)
  }

  *oldestFirst(): Iterable<Spot> {
    if (!this.#isInOrder) {
      this.#bytesOf = new Map([...this.#bytesOf].toSorted(([one], [other]) => one - other))
      this.#isInOrder = true
    }
    for (const [number, bytes] of this.#bytesOf) yield this.#spot(number, bytes)
  }

  #spot(number: number, bytes: number): Spot {
    const { pool, kid, address } = this
    return { pool, kid, address, number, bytes }
  }
}

export class ParkedPools {
  readonly #limits: PoolLimits
  readonly #unvouchedLimits: PoolLimits
  /** A random whole number below its argument. */
  readonly #random: (below: number) => number
  readonly #buckets = new Map<string, Bucket>()
  /** How many quotas of its own a kid has. */
  readonly #bucketCounts = new Map<string, number>()
  readonly #kids = new Map<string, Map<number, Bucket>>()
  /** What nothing vouches for, in no order. */
  readonly #unvouched: Spot[] = []
  readonly #unvouchedAt = new Map<number, number>()
  #unvouchedBytes = 0
  /** Numbers of what is being handed over. */
  readonly #claimed = new Set<number>()
  /** Numbers of what is on its way into the store, and cannot be taken from there yet. */
  readonly #unwritten = new Set<number>()

  constructor(inputs: {
    limits: PoolLimits
    unvouchedLimits: PoolLimits
    random: (below: number) => number
  }) {
    this.#limits = inputs.limits
    this.#unvouchedLimits = inputs.unvouchedLimits
    this.#random = inputs.random
  }

  countOf(kid: string): number {
    return this.#kids.get(kid)?.size ?? 0
  }

  spotOf(kid: string, number: number): Spot | undefined {
    return this.#kids.get(kid)?.get(number)?.spotOf(number)
  }

  kids(): readonly string[] {
    return [...this.#kids.keys()]
  }

  /** Whether anything of a kid is in a pool. */
  hasIn(pool: Pool, kid: string): boolean {
    for (const bucket of this.#buckets.values()) {
      if (bucket.kid === kid && bucket.pool === pool) return true
    }
    return false
  }

  /** The pool for an object of a kid: too many addresses of one kid vouch for nothing. */
  poolFor(wanted: Pool, kid: string, address: string): Pool {
    if (wanted === 'unvouched' || this.#buckets.has(bucketName(wanted, kid, address))) return wanted
    return (this.#bucketCounts.get(kid) ?? 0) < MAX_BUCKETS_PER_KID ? wanted : 'unvouched'
  }

  /** Takes a spot for what is about to be written. */
  reserve(spot: Spot): void {
    this.add(spot)
    this.#unwritten.add(spot.number)
  }

  written({ number }: Spot): void {
    this.#unwritten.delete(number)
  }

  add(spot: Spot): void {
    const name = bucketName(spot.pool, spot.kid, spot.address)
    let bucket = this.#buckets.get(name)
    if (bucket === undefined) {
      this.#buckets.set(name, (bucket = new Bucket(spot)))
      this.#countBucket(bucket, 1)
    }
    bucket.add(spot)
    const ofKid = this.#kids.get(spot.kid) ?? new Map<number, Bucket>()
    this.#kids.set(spot.kid, ofKid.set(spot.number, bucket))
    if (spot.pool !== 'unvouched') return
    this.#unvouchedAt.set(spot.number, this.#unvouched.push(spot) - 1)
    this.#unvouchedBytes += spot.bytes
  }

  remove({ kid, number }: Pick<Spot, 'kid' | 'number'>): Spot | undefined {
    const ofKid = this.#kids.get(kid)
    const bucket = ofKid?.get(number)
    const spot = bucket?.spotOf(number)
    if (ofKid === undefined || bucket === undefined || spot === undefined) return undefined
    ofKid.delete(number)
    this.#unwritten.delete(number)
    if (ofKid.size === 0) this.#kids.delete(kid)
    bucket.delete(spot)
    if (bucket.count === 0) {
      this.#buckets.delete(bucketName(spot.pool, kid, spot.address))
      this.#countBucket(bucket, -1)
    }
    if (spot.pool === 'unvouched') this.#removeUnvouched(spot)
    return spot
  }

  /** Keeps an object from being evicted. */
  claim(number: number): void {
    this.#claimed.add(number)
  }

  unclaim(number: number): void {
    this.#claimed.delete(number)
  }

  isClaimed(number: number): boolean {
    return this.#claimed.has(number)
  }

  /** Whether an object fits the quota of its pool at all. */
  fits({ pool, bytes }: Pick<Spot, 'pool' | 'bytes'>): boolean {
    return bytes <= this.#limitsOf(pool).bytes
  }

  /** What has to go for one more to have room. Nothing is removed. */
  victimsFor(spot: Spot): readonly Spot[] {
    return this.#victims(spot, { count: 1, bytes: spot.bytes })
  }

  /** What has to go where a spot is, because there is more than there may be. */
  surplusAt(spot: Spot): readonly Spot[] {
    return this.#victims(spot, { count: 0, bytes: 0 })
  }

  /** How much is parked, by kid and pool. */
  summary(): readonly { kid: string; pool: Pool; count: number; bytes: number }[] {
    const rows = new Map<string, { kid: string; pool: Pool; count: number; bytes: number }>()
    for (const { kid, pool, count, bytes } of this.#buckets.values()) {
      const name = `${kid}/${pool}`
      const row = rows.get(name) ?? { kid, pool, count: 0, bytes: 0 }
      rows.set(name, { ...row, count: row.count + count, bytes: row.bytes + bytes })
    }
    return [...rows.values()]
  }

  #countBucket({ pool, kid }: Bucket, change: 1 | -1): void {
    if (pool === 'unvouched') return
    const count = (this.#bucketCounts.get(kid) ?? 0) + change
    if (count === 0) this.#bucketCounts.delete(kid)
    else this.#bucketCounts.set(kid, count)
  }

  #victims(at: Spot, more: PoolLimits): readonly Spot[] {
    const limits = this.#limitsOf(at.pool)
    if (at.pool === 'unvouched') {
      const used = { count: this.#unvouched.length, bytes: this.#unvouchedBytes }
      return gather(this.#randomSpots(), excess(used, more, limits))
    }
    const bucket = this.#buckets.get(bucketName(at.pool, at.kid, at.address))
    if (bucket === undefined) return []
    const used = { count: bucket.count, bytes: bucket.bytes }
    return gather(this.#free(bucket.oldestFirst()), excess(used, more, limits))
  }

  #isFree({ number }: Spot): boolean {
    return !this.#claimed.has(number) && !this.#unwritten.has(number)
  }

  #limitsOf(pool: Pool): PoolLimits {
    return pool === 'unvouched' ? this.#unvouchedLimits : this.#limits
  }

  #removeUnvouched(spot: Spot): void {
    const at = this.#unvouchedAt.get(spot.number)
    const last = this.#unvouched.pop()
    this.#unvouchedAt.delete(spot.number)
    this.#unvouchedBytes -= spot.bytes
    if (at === undefined || last === undefined || last.number === spot.number) return
    this.#unvouched[at] = last
    this.#unvouchedAt.set(last.number, at)
  }

  /** From a random one on; each at most once. */
  *#randomSpots(): Iterable<Spot> {
    const taken = new Set<number>()
    const count = this.#unvouched.length
    for (let i = 0; i < count; i++) {
      let at = this.#random(count)
      while (taken.has(at)) at = (at + 1) % count
      taken.add(at)
      const spot = this.#unvouched[at]
      if (spot !== undefined && this.#isFree(spot)) yield spot
    }
  }

  *#free(spots: Iterable<Spot>): Iterable<Spot> {
    for (const spot of spots) if (this.#isFree(spot)) yield spot
  }
}

function bucketName(pool: Pool, kid: string, address: string): string {
  return `${pool}/${kid}/${address}`
}

function excess(used: PoolLimits, more: PoolLimits, limits: PoolLimits): PoolLimits {
  return {
    count: used.count + more.count - limits.count,
    bytes: used.bytes + more.bytes - limits.bytes,
  }
}

function gather(spots: Iterable<Spot>, over: PoolLimits): readonly Spot[] {
  const gathered: Spot[] = []
  let { count, bytes } = over
  if (count <= 0 && bytes <= 0) return gathered
  for (const spot of spots) {
    gathered.push(spot)
    count--
    bytes -= spot.bytes
    if (count <= 0 && bytes <= 0) break
  }
  return gathered
}
