// SPDX-License-Identifier: Apache-2.0
/**
 * How many unknown kids are asked about (`docs/spec/07-granting.md` Section 7.3.2): at most eight new
 * ones a minute and address, so that junk under made-up kids does not make us flood the broker. Four
 * of these turns are there at once; four are kept back over the minute, for those that come again.
 *
 * @module
 */

import { KidSightings } from './kid-sightings.js'
import { WaitingKids } from './waiting-kids.js'

const WINDOW_MS = 60_000
const PER_WINDOW = 8
const AT_ONCE = 4
/** Between the turns that are not there at once. */
const SPACING_MS: number = WINDOW_MS / (PER_WINDOW - AT_ONCE + 1)
const MAX_ADDRESSES = 1024

interface AddressBudget<T> {
  windowStart: number
  used: number
  readonly waiting: WaitingKids<T>
}

export class KidBudget<T> {
  readonly #byAddress = new Map<string, AddressBudget<T>>()
  readonly #random: (below: number) => number
  readonly #digest: (name: string) => Uint8Array
  /** Made when the first kid has to wait, which without an attacker hardly ever happens. */
  #sightings: KidSightings | undefined

  constructor(inputs: {
    /** A random integer from 0 to `below - 1`. */
    random: (below: number) => number
    /** A digest of at least 6 bytes under a key that nobody else knows. */
    digest: (name: string) => Uint8Array
  }) {
    this.#random = inputs.random
    this.#digest = inputs.digest
  }

  /** Takes one of an address's turns, if one is there and nobody waits. @param nowMs - Monotonic. */
  take(address: string, nowMs: number): boolean {
    const budget = this.#budgetOf(address, nowMs)
    if (budget.waiting.size > 0 || nowMs < nextTurnAt(budget)) return false
    budget.used++
    return true
  }

  /** Has a kid wait for its turn, where somebody else may have to give way. */
  wait(address: string, kid: string, value: T, nowMs: number): void {
    const { waiting } = this.#budgetOf(address, nowMs)
    waiting.add(kid, value, this.#note(address, kid, nowMs))
  }

  /** Notes one more object of a kid, if that waits. @returns What waits, so that it can be added to. */
  meet(address: string, kid: string, nowMs: number): T | undefined {
    const waiting = this.#byAddress.get(address)?.waiting
    const value = waiting?.get(kid)
    if (value !== undefined) waiting?.met(kid, this.#note(address, kid, nowMs))
    return value
  }

  /** Draws those whose turn has come. */
  draw(nowMs: number): readonly T[] {
    const drawn: T[] = []
    for (const [address, budget] of this.#byAddress) {
      renew(budget, nowMs)
      while (budget.waiting.size > 0 && nowMs >= nextTurnAt(budget)) {
        const value = budget.waiting.draw()
        if (value !== undefined) drawn.push(value)
        budget.used++
      }
      if (budget.used === 0) this.#byAddress.delete(address)
    }
    return drawn
  }

  /** When the next turn comes for which somebody waits; `undefined` if nobody does. */
  get nextDrawAt(): number | undefined {
    let next: number | undefined
    for (const budget of this.#byAddress.values()) {
      if (budget.waiting.size === 0) continue
      const { windowStart } = budget
      next = Math.min(next ?? Infinity, nextTurnAt(budget), windowStart + WINDOW_MS)
    }
    return next
  }

  #note(address: string, kid: string, nowMs: number): ReturnType<KidSightings['note']> {
    this.#sightings ??= new KidSightings(this.#digest)
    return this.#sightings.note(address, kid, nowMs)
  }

  #budgetOf(address: string, nowMs: number): AddressBudget<T> {
    let budget = this.#byAddress.get(address)
    if (budget === undefined) {
      if (this.#byAddress.size >= MAX_ADDRESSES) this.#dropAny()
      budget = { windowStart: nowMs, used: 0, waiting: new WaitingKids(this.#random) }
      this.#byAddress.set(address, budget)
    }
    renew(budget, nowMs)
    return budget
  }

  #dropAny(): void {
    const address = [...this.#byAddress.keys()][this.#random(this.#byAddress.size)]
    if (address !== undefined) this.#byAddress.delete(address)
  }
}

/** Begins a new minute, if the last one is over. */
function renew<T>(budget: AddressBudget<T>, nowMs: number): void {
  if (nowMs - budget.windowStart < WINDOW_MS) return
  budget.windowStart = nowMs
  budget.used = 0
}

/** When the next turn of an address comes. The one after the last is the first of a new minute. */
function nextTurnAt({ windowStart, used }: AddressBudget<unknown>): number {
  return windowStart + Math.max(0, used - AT_ONCE + 1) * SPACING_MS
}
