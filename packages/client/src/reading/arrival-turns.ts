// SPDX-License-Identifier: Apache-2.0
/**
 * Each object that arrived in its turn: examined, and handed over, parked, or settled
 * (`docs/spec/08-receiving.md` Section 8.4).
 *
 * The turn of a kid's next object comes when the one before is handed over, or on its way into the
 * store. What the store fails for is tried again: in its place, while what came later of its kid
 * waits, where it may still be handed over (`StoreLine`); whenever it may be, where only the store and
 * the transport have to be told (`RetryList`).
 *
 * @module
 */

import type { Pool } from '../events.js'
import type { Runtime } from '../runtime.js'
import type { Arrival } from './arrival.js'
import type { Conclusion } from './conclusion.js'
import type { Delivery } from './delivery.js'
import type { Drain } from './drain.js'
import type { Examined, Examiner, Unopened } from './examiner.js'
import { HeldArrivals } from './held-arrivals.js'
import type { KidLanes } from './kid-lanes.js'
import type { Openings } from './openings.js'
import type { ParkOutcome, Parking } from './parking.js'
import type { Permits } from './permits.js'
import { RetryList } from './retry-list.js'
import { isDamage, StoreLine, type Refused } from './store-line.js'
import type { StorePauses } from './store-pauses.js'
import type { Wanting } from './wanting.js'

export interface ArrivalTurnsInputs {
  readonly runtime: Runtime
  readonly examiner: Examiner
  readonly conclusion: Conclusion
  readonly delivery: Delivery
  readonly parking: Parking
  readonly permits: Permits
  readonly lanes: KidLanes
  readonly pauses: StorePauses
  readonly wanting: Wanting
  readonly openings: Openings
  /** Hands over first what is parked of a kid, if there are keys that it was not tried with. */
  readonly drain: Drain
}

/** Objects on their way into the store before arrivals have to wait for them. */
const MAX_PARKING = 256

export class ArrivalTurns {
  readonly #inputs: ArrivalTurnsInputs
  readonly #retries: RetryList
  readonly #line: StoreLine
  readonly #held = new HeldArrivals()
  #closed = false

  constructor(inputs: ArrivalTurnsInputs) {
    this.#inputs = inputs
    const { runtime, lanes, pauses, parking, drain } = inputs
    this.#retries = new RetryList(runtime, (arrival) => void this.enqueue(arrival))
    this.#line = new StoreLine({
      lanes,
      pauses,
      begun: () => parking.settled(),
      again: (refused) => this.#again(refused),
      over: (kid) => drain.startIfDue(kid),
    })
  }

  /** Has an object wait for its turn. Resolves when the next may be brought. */
  enqueue(arrival: Arrival): Promise<void> | undefined {
    this.#inputs.drain.startIfDue(arrival.kid)
    return this.#inputs.lanes.run(arrival.kid, () => this.#take(arrival))
  }

  /** As `enqueue`; what fails at once is tried again. Does not throw. */
  enqueueSafely(arrival: Arrival): Promise<void> | undefined {
    try {
      return this.enqueue(arrival)
    } catch (error) {
      this.#failed(arrival, error)
      return undefined
    }
  }

  /** There is room in a pool, or there are keys: what waited for that is tried again. */
  tryHeld(kid: string, pool?: Pool): void {
    const kids = pool === 'unvouched' ? this.#held.kids : [kid]
    for (const one of kids) {
      const held = this.#held.take(one)
      if (held === undefined) continue
      void this.#inputs.lanes.runFirst(one, () => this.#takeHeld(one, held))
    }
  }

  /** Takes no more. What is not acknowledged comes again. */
  close(): void {
    this.#closed = true
    this.#held.clear()
    this.#line.close()
    this.#retries.close()
  }

  /** What waited for room came before what waits in the lane, and after what is parked. */
  async #takeHeld(kid: string, held: readonly Arrival[]): Promise<void> {
    const { parking, lanes, drain } = this.#inputs
    await parking.settled()
    if (!lanes.isHeld(kid)) await drain.passUntil(kid, Infinity)
    for (const arrival of held) {
      if (lanes.isHeld(kid)) this.#line.add({ arrival, number: parking.takeNumber() })
      else await this.#take(arrival)
    }
  }

  #take(arrival: Arrival): Promise<void> | undefined {
    const { permits } = this.#inputs
    if (this.#closed) return undefined
    if (permits.tryAcquire()) return this.#examine(arrival)
    return this.#takeLater(arrival)
  }

  /**
   * Waits for a permit. Meanwhile keys may come, or room, or something may be refused by the store: what
   * is to go first then does.
   */
  async #takeLater(arrival: Arrival): Promise<void> {
    const { permits, lanes } = this.#inputs
    if (!(await permits.acquire())) return
    if (lanes.giveWay(arrival.kid, () => this.#take(arrival)) === undefined) {
      await this.#examine(arrival)
    } else permits.release()
  }

  /** Holds a permit. */
  #examine(arrival: Arrival): Promise<void> | undefined {
    const { examiner, permits, parking } = this.#inputs
    try {
      const examined = examiner.examine(arrival)
      if (!(examined instanceof Promise)) return this.#conclude(arrival, examined)
      return examined.then(
        (result) => this.#conclude(arrival, result),
        (error: unknown) => {
          permits.release()
          this.#refused({ arrival, number: parking.takeNumber() }, error)
        },
      )
    } catch (error) {
      permits.release()
      this.#failed(arrival, error) // not of the store, for which alone others would wait
      return undefined
    }
  }

  #conclude(arrival: Arrival, examined: Examined): Promise<void> | undefined {
    const { permits, parking } = this.#inputs
    if (!isUnopened(examined)) {
      this.#concludeOpened(arrival, examined)
      return undefined
    }
    permits.release()
    void this.#park(arrival, examined, parking.takeNumber())
    return parking.pendingCount > MAX_PARKING ? parking.settled() : undefined
  }

  /** Hands over what is for the application. */
  #concludeOpened(arrival: Arrival, examined: Exclude<Examined, Unopened>): void {
    const { conclusion, delivery, permits } = this.#inputs
    if (examined.kind === 'message') {
      const { entry, expected } = examined
      entry.holdsPermit = true
      delivery.join(entry, arrival)
      conclusion.handOver(entry, expected)
      return
    }
    if (examined.kind === 'piece') examined.entry.holdsPermit = true
    else permits.release()
    this.#inBackground(arrival, conclusion.settle(arrival, examined))
  }

  /**
   * Parks, and returns whether the store took it. If not, it waits in its line in the very turn in
   * which that is known, before anybody goes on who waited for all parking to be settled.
   */
  async #park(arrival: Arrival, unopened: Unopened, number: number): Promise<boolean> {
    const { parking, wanting } = this.#inputs
    let outcome: ParkOutcome = 'full'
    if (!this.#held.has(arrival.kid)) {
      try {
        outcome = await parking.park(arrival, wanting.poolOf(arrival, unopened), number)
      } catch (error) {
        return this.#refused({ arrival, number }, error)
      }
    }
    this.#inBackground(arrival, this.#parked(arrival, unopened, outcome))
    return true
  }

  async #parked(arrival: Arrival, unopened: Unopened, outcome: ParkOutcome): Promise<void> {
    const { wanting, delivery } = this.#inputs
    if (outcome !== 'given-up') wanting.ask(arrival, unopened)
    if (outcome !== 'full')
      await delivery.discard(arrival, outcome === 'given-up' ? 'ERR_LIMIT' : undefined)
    else if (!this.#closed) this.#held.hold(arrival)
  }

  /** Hands over what is parked and came before, and waits for a permit. `false` once closed. */
  async #permitBehindParked({ arrival, number }: Refused): Promise<boolean> {
    const { permits, openings, drain } = this.#inputs
    const { kid, object } = arrival
    const mayOpen = (): boolean => openings.mayOpen(kid, object.epoch)
    for (;;) {
      const couldOpen = mayOpen()
      if (couldOpen) await drain.passUntil(kid, number)
      if (this.#closed || !(await permits.acquire())) return false
      if (couldOpen || !mayOpen()) return true
      permits.release() // keys came meanwhile
    }
  }

  /** Tries again, in the lane of the kid, what the store refused. Returns whether it took it. */
  async #again(refused: Refused): Promise<boolean> {
    const { permits, examiner } = this.#inputs
    const { arrival, number } = refused
    if (!(await this.#permitBehindParked(refused))) return true
    let examined
    try {
      examined = await examiner.examine(arrival)
    } catch (error) {
      permits.release()
      return this.#refused(refused, error)
    }
    if (!isUnopened(examined)) {
      this.#concludeOpened(arrival, examined)
      return true
    }
    permits.release()
    return await this.#park(arrival, examined, number)
  }

  #inBackground(arrival: Arrival, work: Promise<void>): void {
    work.then(
      () => this.#retries.succeeded(),
      (error: unknown) => this.#failed(arrival, error),
    )
  }

  /**
   * The store refused what may still be handed over: it waits in its place, and the transport is not
   * told. What is damaged is not waited for. Returns whether it is dealt with otherwise.
   */
  #refused(refused: Refused, error: unknown): boolean {
    if (isDamage(error)) {
      this.#failed(refused.arrival, error)
      return true
    }
    if (this.#closed) return false
    this.#inputs.runtime.report(error)
    this.#line.add(refused)
    return false
  }

  /** What has no place in the order failed: the transport is not told, so that nothing is lost. */
  #failed(arrival: Arrival, error: unknown): void {
    if (this.#closed) return
    this.#inputs.runtime.report(error)
    this.#retries.add(arrival)
  }
}

function isUnopened(examined: Examined): examined is Unopened {
  return examined.kind === 'no-key' || examined.kind === 'failed'
}
