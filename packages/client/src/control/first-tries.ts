// SPDX-License-Identifier: Apache-2.0
/**
 * Which answers were given lately: the next one to the same is whole, in case that the one before could not be
 * unpacked (`docs/spec/07-granting.md` Section 7.2.6).
 *
 * @module
 */

import type { Runtime } from '../runtime.js'
import { pausesOver, type Medium } from './medium.js'

/** Answers that are remembered; of older ones the next is a first try again. */
const MAX_REMEMBERED = 4096
/** Whoever got no answer asks again after an hour at the latest, with jitter. */
const REPEATED_WITHIN = { firstMs: 0, lastMs: 3_600_000 } as const

export class FirstTries {
  readonly #time: Pick<Runtime['time'], 'monotonic'>
  readonly #windowMs: number
  readonly #tried = new Map<string, number>()

  constructor(time: Pick<Runtime['time'], 'monotonic'>, medium: Medium) {
    this.#time = time
    this.#windowMs = 1.5 * pausesOver(medium, REPEATED_WITHIN).lastMs
  }

  /** Whether an answer is a first try. The next one by that name is not, unless it comes much later. */
  take(name: string): boolean {
    const nowMs = this.#time.monotonic()
    const before = this.#tried.get(name)
    this.#tried.delete(name)
    if (before !== undefined && nowMs - before < this.#windowMs) return false
    this.#tried.set(name, nowMs)
    const [oldest] = this.#tried.keys()
    if (this.#tried.size > MAX_REMEMBERED && oldest !== undefined) this.#tried.delete(oldest)
    return true
  }
}
