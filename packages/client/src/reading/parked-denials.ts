// SPDX-License-Identifier: Apache-2.0
/**
 * Denials that are final, as far as parked objects are concerned (`docs/spec/07-granting.md`
 * Section 7.6): 24 hours after one, what was parked by then goes, and what came later 24 hours after
 * it came. A grant ends that. Durable, so that a restart does not begin the day anew.
 *
 * @module
 */

import { decodeCbor, encodeCbor, WaxwingError, type DenialCode } from '@waxwing/core'
import type { Runtime } from '../runtime.js'
import type { Parked, Parking } from './parking.js'

const TABLE = 'parked-denied'
const EXPIRY_MS = 86_400_000
const SWEEP_MS = 3_600_000
const PAGE = 128

export class ParkedDenials {
  readonly #runtime: Runtime
  readonly #readerKey: string
  readonly #parking: Parking
  readonly #mayOpen: (kid: string, epoch: number) => boolean
  /** When each kid was denied first, in milliseconds since 1970. */
  readonly #deniedMs = new Map<string, number>()
  #cancelTimer: (() => void) | undefined
  #closed = false

  constructor(inputs: {
    runtime: Runtime
    readerKey: string
    parking: Parking
    mayOpen: (kid: string, epoch: number) => boolean
  }) {
    this.#runtime = inputs.runtime
    this.#readerKey = inputs.readerKey
    this.#parking = inputs.parking
    this.#mayOpen = inputs.mayOpen
  }

  async load(): Promise<void> {
    const { store } = this.#runtime
    for (const { key, value } of await store.scan(TABLE, { prefix: `${this.#readerKey}/` })) {
      const deniedMs = decodeCbor(value, TABLE)
      if (typeof deniedMs !== 'number') {
        throw new WaxwingError('ERR_STORE_CORRUPT', 'a record of a denial cannot be read')
      }
      this.#deniedMs.set(key.slice(this.#readerKey.length + 1), deniedMs)
    }
    if (this.#deniedMs.size > 0) await this.#sweep()
  }

  /** Notes a denial. */
  async denied(kid: string, code: DenialCode): Promise<void> {
    const isFinal = code === 'not-authorized' || code === 'out-of-span'
    if (!isFinal || this.#deniedMs.has(kid) || this.#parking.countOf(kid) === 0) return
    const nowMs = Math.floor(this.#runtime.time.now())
    this.#deniedMs.set(kid, nowMs)
    const value = encodeCbor(nowMs)
    await this.#runtime.store.write([{ table: TABLE, key: this.#key(kid), value }])
    this.#watch()
  }

  /** A grant came after all. */
  async granted(kid: string): Promise<void> {
    if (!this.#deniedMs.delete(kid)) return
    await this.#runtime.store.write([{ table: TABLE, key: this.#key(kid), value: null }])
  }

  close(): void {
    this.#closed = true
    this.#cancelTimer?.()
  }

  #watch(): void {
    if (this.#closed || this.#cancelTimer !== undefined) return
    this.#cancelTimer = this.#runtime.timers.after(SWEEP_MS, () => {
      this.#cancelTimer = undefined
      this.#sweep().catch((error: unknown) => this.#runtime.report(error))
    })
  }

  async #sweep(): Promise<void> {
    try {
      for (const [kid, deniedMs] of this.#deniedMs) {
        await this.#expireOf(kid, deniedMs)
        if (this.#parking.countOf(kid) === 0) await this.granted(kid)
      }
    } finally {
      if (this.#deniedMs.size > 0) this.#watch()
    }
  }

  async #expireOf(kid: string, deniedMs: number): Promise<void> {
    const before = this.#runtime.time.now() - EXPIRY_MS
    let after: number | undefined
    for (;;) {
      const page: readonly Parked[] = await this.#parking.page(kid, after, PAGE)
      const due = page.filter(
        ({ place, record }) =>
          Math.max(record.parkedMs, deniedMs) <= before &&
          !this.#parking.isClaimed(place) &&
          !this.#mayOpen(kid, record.epoch), // a grant outranks a denial
      )
      if (due.length > 0) await this.#parking.expire(due)
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE || due.length === 0) return
      after = last.place.number
    }
  }

  #key(kid: string): string {
    return `${this.#readerKey}/${kid}`
  }
}
