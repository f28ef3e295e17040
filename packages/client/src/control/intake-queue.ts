// SPDX-License-Identifier: Apache-2.0
/**
 * One queue of control messages that wait to be looked at: bounded in number and bytes. Where it is
 * full, random messages give way, so that no flood can choose which.
 *
 * @module
 */

export interface Item {
  readonly address: string
  readonly payload: Uint8Array
  /** How often it was tried, and failed for a reason of our own. */
  readonly tries: number
  /** Where it waits for its turn. */
  readonly queue: IntakeQueue
  /** Told whether it was dealt with, or given up for good. */
  readonly done: (isOver: boolean) => void
}

export interface QueueLimits {
  readonly messages: number
  readonly bytes: number
}

export class IntakeQueue {
  readonly #limits: QueueLimits
  #items: Item[] = []
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
  push(item: Item, random: (below: number) => number): readonly Item[] {
    this.#items.push(item)
    this.#bytes += item.payload.length
    const victims: Item[] = []
    while (this.#items.length > this.#limits.messages || this.#bytes > this.#limits.bytes) {
      const [victim] = this.#items.splice(random(this.#items.length), 1)
      if (victim === undefined) break
      this.#bytes -= victim.payload.length
      victims.push(victim)
    }
    return victims
  }

  shift(): Item | undefined {
    const item = this.#items.shift()
    if (item !== undefined) this.#bytes -= item.payload.length
    return item
  }

  /** Takes all that wait. */
  clear(): readonly Item[] {
    const items = this.#items
    this.#items = []
    this.#bytes = 0
    return items
  }
}
