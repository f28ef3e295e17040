// SPDX-License-Identifier: Apache-2.0
/**
 * The numbers that tell the segments of one message from those of another (3GPP TS 23.040 Section
 * 9.2.3.24.1). They begin at random, or where the last run cannot have been, and go round.
 *
 * @module
 */

import type { Store } from '@waxwing/core'

const STATE_TABLE = 'sms/state'
const KEY = 'reference'
/** So many are reserved at once, when half of them are left: a write for each message would be too many. */
const BLOCK = 16
const MAX_REFERENCE = 0xffff

export class References {
  readonly #store: Store | undefined
  readonly #report: (error: unknown) => void
  #next: number
  #reservedUntil: number
  #writing: Promise<void> = Promise.resolve()

  private constructor(first: number, store: Store | undefined, report: (error: unknown) => void) {
    this.#next = first
    this.#reservedUntil = first
    this.#store = store
    this.#report = report
  }

  /** @throws {WaxwingError} As `Store.get`. */
  static async open(
    store: Store | undefined,
    report: (error: unknown) => void,
  ): Promise<References> {
    const kept = await store?.get(STATE_TABLE, KEY)
    const isKept = kept?.length === 2
    const drawn = crypto.getRandomValues(new Uint16Array(1))[0] ?? 0
    const references = new References(isKept ? (kept[0]! << 8) | kept[1]! : drawn, store, report)
    references.#reserve()
    await references.settled() // before the first of them is used
    return references
  }

  /** 0 to 65,535; of eight bits the low ones. */
  next(): number {
    const reference = this.#next
    this.#next = (this.#next + 1) & MAX_REFERENCE
    if (((this.#reservedUntil - this.#next) & MAX_REFERENCE) <= BLOCK / 2) this.#reserve()
    return reference
  }

  /** Resolves when what was reserved is in the store. */
  async settled(): Promise<void> {
    await this.#writing
  }

  #reserve(): void {
    this.#reservedUntil = (this.#reservedUntil + BLOCK) & MAX_REFERENCE
    const store = this.#store
    if (store === undefined) return
    const value = Uint8Array.of(this.#reservedUntil >> 8, this.#reservedUntil)
    this.#writing = this.#writing.then(async () => {
      try {
        await store.write([{ table: STATE_TABLE, key: KEY, value }])
      } catch (error) {
        this.#report(error) // the next run begins where this one did
      }
    })
  }
}
