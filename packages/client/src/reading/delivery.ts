// SPDX-License-Identifier: Apache-2.0
/**
 * Handing messages over and settling them (`docs/spec/08-receiving.md` Section 8.4).
 *
 * The invariant: once a message's `acknowledge` resolved, that it was seen is durable, so that it
 * never comes again; before that, neither the transport is told nor a parked copy deleted, so that
 * none is lost. One write does all of it: the seen record, the parked copies, the proven nodes.
 *
 * @module
 */

import type { Change, Store } from '@waxwing/core'
import type { Arrival, Tell } from './arrival.js'
import type { InFlight } from './seen-session.js'
import type { Openings } from './openings.js'
import type { ParkedPlace } from './parked-record.js'
import type { Parking } from './parking.js'
import { PendingWork } from './pending-work.js'
import type { Permits } from './permits.js'

const DONE = Promise.resolve(true)

export interface DeliveryInputs {
  readonly store: Store
  readonly parking: Parking
  readonly openings: Openings
  readonly permits: Permits
  report(error: unknown): void
}

export class Delivery {
  readonly #inputs: DeliveryInputs
  readonly #pending = new PendingWork()

  constructor(inputs: DeliveryInputs) {
    this.#inputs = inputs
  }

  /** Makes an arrived copy part of what settling the message settles. Not while that is being done. */
  join(
    entry: InFlight,
    { acknowledge, parkedAt }: Pick<Arrival, 'acknowledge' | 'parkedAt'>,
  ): void {
    if (acknowledge !== undefined) entry.acknowledgements.push(acknowledge)
    if (parkedAt !== undefined) entry.parkedAt.push(parkedAt)
  }

  /**
   * Settles a message: durable before the transport is told.
   *
   * @param rejectedFor - Why the application cannot use it, if it rejects it.
   * @throws {WaxwingError} What the store refuses; the message stays in flight and may be
   *   acknowledged again.
   */
  settle(entry: InFlight, rejectedFor?: string): Promise<void> {
    entry.settling ??= this.#settle(entry, rejectedFor)
    return entry.settling
  }

  /**
   * Settles a message together with other changes, in one write.
   *
   * @param then - `note` is called once all of it is durable, before the transport is told;
   *   `rejectedFor` says why nobody here can use the object, if so.
   * @returns `false`, with nothing changed, if an expectation was not met: of `changes`, or because
   *   another process has settled it.
   */
  async settleWith(
    entry: InFlight,
    changes: readonly Change[],
    then: { note(): void; readonly rejectedFor?: string | undefined },
  ): Promise<boolean> {
    this.#pending.begin()
    try {
      if (!(await this.#write([...this.#changesFor(entry), ...changes]))) return false
      then.note()
      this.#noteSettled(entry)
      await this.#tell(entry.acknowledgements, then.rejectedFor)
      return true
    } finally {
      this.#pending.end()
    }
  }

  /** Settles what another process has settled: what else there is to write, and the transport. */
  async settleAgain(entry: InFlight): Promise<void> {
    this.#pending.begin()
    try {
      await this.#write(this.#inputs.parking.deletions(entry.parkedAt))
      this.#noteSettled(entry)
      await this.#tell(entry.acknowledgements)
    } finally {
      this.#pending.end()
    }
  }

  /**
   * Settles an object that is parked, or refused for good: its parked copy goes, the transport is told.
   *
   * @param rejectedFor - Why nobody here can use it, if so.
   */
  discard({ acknowledge, parkedAt }: Arrival, rejectedFor?: string): Promise<void> {
    return this.#pending.track(this.#discard(acknowledge, parkedAt, rejectedFor))
  }

  /** Resolves when everything that was begun is done, and what was proven is saved if it can be. */
  async idle(): Promise<void> {
    await this.#pending.idle()
    if (!this.#inputs.openings.hasUnsaved) return
    try {
      await this.#write([])
    } catch (error) {
      this.#inputs.report(error) // it is proven again with the next object
    }
  }

  /** On the way of every message: one promise of its own, and those of the store and the transport. */
  async #settle(entry: InFlight, rejectedFor: string | undefined): Promise<void> {
    this.#pending.begin()
    try {
      if (!(await this.#write(this.#changesFor(entry)))) {
        // Another process settled it already: what else there was to write still is.
        await this.#write(this.#inputs.parking.deletions(entry.parkedAt))
      }
      this.#noteSettled(entry)
      await this.#tell(entry.acknowledgements, rejectedFor)
    } catch (error) {
      await DONE // only now has the caller noted that it is under way
      entry.settling = undefined
      throw error
    } finally {
      this.#pending.end()
    }
  }

  #changesFor(entry: InFlight): readonly Change[] {
    const { session, isRecorded, parkedAt, whole } = entry
    if (whole !== undefined) return whole.endingChanges()
    const rest = this.#inputs.parking.deletions(parkedAt)
    return session !== undefined && isRecorded ? [session.settlingChange(entry), ...rest] : rest
  }

  #noteSettled(entry: InFlight): void {
    const { parking, permits } = this.#inputs
    const { session, parkedAt } = entry
    parking.deleted(parkedAt)
    session?.settled(entry)
    entry.whole?.ended()
    if (entry.holdsPermit) permits.release()
    if (session?.isCompactionDue === true) this.#inBackground(session.compact())
  }

  async #discard(
    acknowledge: Tell | undefined,
    parkedAt: ParkedPlace | undefined,
    rejectedFor: string | undefined,
  ): Promise<void> {
    if (parkedAt !== undefined) await this.#forget([parkedAt])
    else if (this.#inputs.openings.hasUnsaved) await this.#write([])
    if (acknowledge !== undefined) await this.#tell([acknowledge], rejectedFor)
  }

  async #forget(places: readonly ParkedPlace[]): Promise<void> {
    const { parking } = this.#inputs
    await this.#write(parking.deletions(places))
    parking.deleted(places)
  }

  /** Writes, and with it what else must not be later. */
  #write(changes: readonly Change[]): Promise<boolean> {
    const { store, openings } = this.#inputs
    if (openings.hasUnsaved) return openings.save(changes)
    return changes.length === 0 ? DONE : store.write(changes)
  }

  /** The transport may have lost the connection on which a copy came; then that copy comes again. */
  async #tell(acknowledgements: readonly Tell[], rejectedFor?: string): Promise<void> {
    let isTold = false
    const errors: unknown[] = []
    for (const tell of acknowledgements) {
      try {
        await tell(rejectedFor)
        isTold = true
      } catch (error) {
        errors.push(error)
      }
    }
    if (!isTold) for (const error of errors) this.#inputs.report(error)
  }

  #inBackground(work: Promise<void>): void {
    this.#pending.track(work).catch((error: unknown) => this.#inputs.report(error))
  }
}
