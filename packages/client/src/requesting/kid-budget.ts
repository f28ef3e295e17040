// SPDX-License-Identifier: Apache-2.0
/**
 * How many unknown kids are asked about (`docs/spec/07-granting.md` Section 7.3): at most eight new
 * ones a minute and address, drawn at random, so that junk under random kids neither drowns the real
 * ones nor makes us flood the broker.
 *
 * @module
 */

const WINDOW_MS = 60_000
const PER_WINDOW = 8
/** Kids that wait for the next draw, per address. */
const MAX_WAITING = 256
const MAX_ADDRESSES = 1024

interface AddressBudget {
  windowStart: number
  used: number
  readonly waiting: Set<string>
}

export class KidBudget {
  readonly #byAddress = new Map<string, AddressBudget>()
  readonly #random: (below: number) => number

  /** @param random - A random integer from 0 to `below - 1`. */
  constructor(random: (below: number) => number) {
    this.#random = random
  }

  /** Takes a new kid: `true` if it may be asked about now, else it waits for a draw. */
  take(address: string, kid: string, nowMs: number): boolean {
    const budget = this.#budgetOf(address, nowMs)
    if (budget.waiting.size === 0 && budget.used < PER_WINDOW) {
      budget.used++
      return true
    }
    this.#wait(budget, kid)
    return false
  }

  /** Draws the kids whose turn has come. */
  draw(nowMs: number): readonly string[] {
    const drawn: string[] = []
    for (const [address, budget] of this.#byAddress) {
      if (nowMs - budget.windowStart < WINDOW_MS) continue
      if (budget.waiting.size === 0) {
        this.#byAddress.delete(address)
        continue
      }
      budget.windowStart = nowMs
      budget.used = 0
      while (budget.used < PER_WINDOW && budget.waiting.size > 0) {
        drawn.push(this.#takeRandom(budget.waiting))
        budget.used++
      }
    }
    return drawn
  }

  /** Whether any kid waits for a draw. */
  get hasWaiting(): boolean {
    for (const { waiting } of this.#byAddress.values()) if (waiting.size > 0) return true
    return false
  }

  #budgetOf(address: string, nowMs: number): AddressBudget {
    let budget = this.#byAddress.get(address)
    if (budget === undefined) {
      if (this.#byAddress.size >= MAX_ADDRESSES) this.#takeRandomKey(this.#byAddress)
      budget = { windowStart: nowMs, used: 0, waiting: new Set() }
      this.#byAddress.set(address, budget)
    }
    if (nowMs - budget.windowStart >= WINDOW_MS && budget.waiting.size === 0) {
      budget.windowStart = nowMs
      budget.used = 0
    }
    return budget
  }

  #wait({ waiting }: AddressBudget, kid: string): void {
    if (waiting.has(kid)) return
    if (waiting.size >= MAX_WAITING) this.#takeRandom(waiting)
    waiting.add(kid)
  }

  #takeRandom(set: Set<string>): string {
    const index = this.#random(set.size)
    const chosen = [...set][index] ?? ''
    set.delete(chosen)
    return chosen
  }

  #takeRandomKey(map: Map<string, AddressBudget>): void {
    const chosen = [...map.keys()][this.#random(map.size)]
    if (chosen !== undefined) map.delete(chosen)
  }
}
