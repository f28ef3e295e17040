// SPDX-License-Identifier: Apache-2.0
/**
 * One queue of control messages that wait to be looked at, now or later: bounded in number and bytes.
 * Where it is full, random messages give way, so that no flood can choose which.
 *
 * @module
 */

import type { ErrorCode } from '@waxwing/core'

/**
 * - `handled`: it was dealt with;
 * - `later`: it must come again;
 * - a code: it was refused for good.
 */
export type Outcome = 'handled' | 'later' | ErrorCode

export interface Item {
  readonly address: string
  readonly payload: Uint8Array
  /** How often it was tried, and failed for a reason of our own. */
  readonly tries: number
  /** Where it waits for its turn. */
  readonly queue: IntakeQueue
  /** Told what became of it. */
  readonly done: (outcome: Outcome) => void
}

export interface QueueLimits {
  readonly messages: number
  readonly bytes: number
}

export class IntakeQueue<T extends Pick<Item, 'payload'> = Item> {
  readonly #limits: QueueLimits
  #items: T[] = []
  #bytes = 0

  constructor(limits: QueueLimits) {
    this.#limits = limits
  }

  /**
   * Adds one.
   *
   * @param random - A random integer from 0 to `below - 1`.
   * @returns Those that had to give way.
   */
  push(item: T, random: (below: number) => number): readonly T[] {
    this.#items.push(item)
    this.#bytes += item.payload.length
    const victims: T[] = []
    while (this.#items.length > this.#limits.messages || this.#bytes > this.#limits.bytes) {
      const [victim] = this.#items.splice(random(this.#items.length), 1)
      if (victim === undefined) break
      this.#bytes -= victim.payload.length
      victims.push(victim)
    }
    return victims
  }

  shift(): T | undefined {
    const item = this.#items.shift()
    if (item !== undefined) this.#bytes -= item.payload.length
    return item
  }

  /** Takes those of which something is true; the others wait on. */
  takeWhere(isMeant: (item: T) => boolean): readonly T[] {
    const taken = this.#items.filter(isMeant)
    this.#items = this.#items.filter((item) => !isMeant(item))
    for (const { payload } of taken) this.#bytes -= payload.length
    return taken
  }

  /** The least that a number comes to among those that wait; infinity if none do. */
  least(numberOf: (item: T) => number): number {
    return this.#items.reduce((least, item) => Math.min(least, numberOf(item)), Infinity)
  }

  /** Takes all that wait. */
  clear(): readonly T[] {
    const items = this.#items
    this.#items = []
    this.#bytes = 0
    return items
  }
}
