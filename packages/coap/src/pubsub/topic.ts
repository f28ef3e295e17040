// SPDX-License-Identifier: Apache-2.0
/**
 * All that subscribers of one address listen to: its topic-data resource, and its slots.
 *
 * @module
 */

import type { Found } from './listing.js'
import type { Registration } from './registration.js'
import { Slots, type SlotInputs } from './slots.js'
import { TopicData } from './topic-data.js'
import { Twins } from './twins.js'

export class Topic {
  readonly #data: TopicData
  readonly #slots: Slots
  readonly #registrations = new Set<Registration>()

  constructor(address: string, inputs: Omit<SlotInputs, 'twins'>) {
    const twins = new Twins()
    const slots = new Slots(address, { ...inputs, twins })
    const slotsFirst = (): Promise<void> => slots.caughtUp()
    this.#slots = slots
    this.#data = new TopicData(address, { ...inputs, twins, slotsFirst })
  }

  /** Whether there is nothing to listen to, or nobody who listens. */
  get isIdle(): boolean {
    const isNothing = !this.#data.isWatched && !this.#slots.isWatched && this.#slots.isEmpty
    return this.#registrations.size === 0 || isNothing
  }

  /**
   * Takes note of what there is; resolves when the broker knows who listens.
   *
   * @param isFirst - Somebody just subscribed, and gets what was retained before what is kept for a
   *   while.
   */
  async found({ hasTopicData, hasBell, slots }: Found, isFirst: boolean): Promise<void> {
    this.#slots.note(slots)
    const data = hasTopicData ? this.#data.found() : undefined
    const bell = hasBell && !this.#slots.isWatched ? this.#slots.watch() : undefined
    if (isFirst) await data
    this.#slots.handOver()
    await Promise.all([data, bell])
  }

  /** Adds whoever subscribed, once. */
  async join(registration: Registration): Promise<void> {
    if (this.#registrations.has(registration)) return
    this.#registrations.add(registration)
    try {
      await this.#data.join(registration)
    } finally {
      if (this.#registrations.has(registration)) this.#slots.join(registration)
    }
  }

  leave(registration: Registration): void {
    this.#registrations.delete(registration)
    this.#slots.leave(registration)
    this.#data.leave(registration)
  }

  /** The broker answers again after it did not. */
  returned(): void {
    this.#data.returned()
    this.#slots.returned()
  }

  /** Hands over nothing more: whoever still listens is told of what comes here by another one. */
  close(): void {
    for (const registration of this.#registrations) this.leave(registration)
    this.#data.close()
    this.#slots.close()
  }
}
