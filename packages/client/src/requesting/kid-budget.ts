// SPDX-License-Identifier: Apache-2.0
/**
 * How many unknown kids are asked about (`docs/spec/07-granting.md` Section 7.3.2): at most eight new
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

interface AddressBudget<T> {
  windowStart: number
  used: number
  readonly waiting: Map<string, T>
}

export class KidBudget<T> {
  readonly #byAddress = new Map<string, AddressBudget<T>>()
  readonly #random: (below: number) => number

  /** @param random - A random integer from 0 to `below - 1`. */
  constructor(random: (below: number) => number) {
    this.#random = random
  }

  /** Takes one of an address's turns, if it has one left. @param nowMs - Monotonic. */
  take(address: string, nowMs: number): boolean {
    const budget = this.#budgetOf(address, nowMs)
    if (budget.waiting.size > 0 || budget.used >= PER_WINDOW) return false
    budget.used++
    return true
  }

  /** Has a kid wait for a draw. Where too many wait, one of them, drawn at random, gives way. */
  wait(address: string, kid: string, value: T, nowMs: number): void {
    const { waiting } = this.#budgetOf(address, nowMs)
    if (waiting.size >= MAX_WAITING) this.#takeRandom(waiting)
    waiting.set(kid, value)
  }

  /** What waits for a kid, so that it can be added to. */
  waitingFor(address: string, kid: string): T | undefined {
    return this.#byAddress.get(address)?.waiting.get(kid)
  }

  /** Draws those whose turn has come. */
  draw(nowMs: number): readonly T[] {
    const drawn: T[] = []
    for (const [address, budget] of this.#byAddress) {
      if (nowMs - budget.windowStart < WINDOW_MS) continue
      if (budget.waiting.size === 0) {
        this.#byAddress.delete(address)
        continue
      }
      budget.windowStart = nowMs
      budget.used = 0
      while (budget.used < PER_WINDOW && budget.waiting.size > 0) {
        drawn.push(...this.#takeRandom(budget.waiting))
        budget.used++
      }
    }
    return drawn
  }

  /** When the next draw is due; `undefined` if nothing waits. */
  get nextDrawAt(): number | undefined {
    let next: number | undefined
    for (const { waiting, windowStart } of this.#byAddress.values()) {
      if (waiting.size > 0) next = Math.min(next ?? Infinity, windowStart + WINDOW_MS)
    }
    return next
  }

  #budgetOf(address: string, nowMs: number): AddressBudget<T> {
    let budget = this.#byAddress.get(address)
    if (budget === undefined) {
      if (this.#byAddress.size >= MAX_ADDRESSES) this.#takeRandom(this.#byAddress)
      budget = { windowStart: nowMs, used: 0, waiting: new Map() }
      this.#byAddress.set(address, budget)
    }
    if (nowMs - budget.windowStart >= WINDOW_MS && budget.waiting.size === 0) {
      budget.windowStart = nowMs
      budget.used = 0
    }
    return budget
  }

  #takeRandom<V>(map: Map<string, V>): readonly V[] {
    const chosen = [...map][this.#random(map.size)]
    if (chosen === undefined) return []
    map.delete(chosen[0])
    return [chosen[1]]
  }
}
