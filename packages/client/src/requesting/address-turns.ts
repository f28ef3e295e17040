// SPDX-License-Identifier: Apache-2.0
/**
 * The turns of each address to ask about new kids (`docs/spec/07-granting.md` Section 7.3.2): eight a
 * minute, or an hour where bytes cost. Four of them are there at once; four are kept back over the rest, for kids that come
 * again, unless so few kids wait that it is no flood.
 *
 * @module
 */

import { WaitingKids, type WaitingKid } from './waiting-kids.js'

const PER_WINDOW = 8
const AT_ONCE = 4
/** Between the turns that are not there at once: so many times it makes a window. */
const SPACINGS: number = PER_WINDOW - AT_ONCE + 1
/** So few kids are no flood, if no other came for a while. */
const FEW = 4
const QUIET_MS = 2000
const MAX_ADDRESSES = 1024
const MAX_WAITING = 256

interface OneAddress<T> {
  windowStart: number
  used: number
  /** When a kid began to wait last. */
  lastAt: number
  readonly waiting: WaitingKids<T>
}

export class AddressTurns<T> {
  readonly #byAddress = new Map<string, OneAddress<T>>()
  readonly #random: (below: number) => number
  readonly #windowMs: number

  /**
   * @param random - A random integer from 0 to `below - 1`.
   * @param windowMs - In what time there are eight turns.
   */
  constructor(random: (below: number) => number, windowMs: number) {
    this.#random = random
    this.#windowMs = windowMs
  }

  /** Takes one of an address's turns, if one is there and nobody waits. @param nowMs - Monotonic. */
  take(address: string, nowMs: number): boolean {
    const one = this.#at(address, nowMs)
    if (one.waiting.size > 0 || nowMs < this.#nextTurnAt(one)) return false
    one.used++
    return true
  }

  /** Has a kid wait that was refused a turn. Somebody else may have to give way. */
  wait(address: string, { name, value, sightings }: WaitingKid<T>, nowMs: number): void {
    const one = this.#at(address, nowMs)
    one.waiting.add(name, value, sightings)
    one.lastAt = nowMs
  }

  /** The kids that wait for a turn of an address. */
  waitingAt(address: string): WaitingKids<T> | undefined {
    return this.#byAddress.get(address)?.waiting
  }

  /** Draws those whose turn has come. */
  draw(nowMs: number): readonly WaitingKid<T>[] {
    const drawn: WaitingKid<T>[] = []
    for (const [address, one] of this.#byAddress) {
      this.#renew(one, nowMs)
      while (one.waiting.size > 0 && nowMs >= this.#nextTurnAt(one)) {
        const kid = one.waiting.draw()
        if (kid !== undefined) drawn.push(kid)
        one.used++
      }
      if (one.used === 0) this.#byAddress.delete(address)
    }
    return drawn
  }

  /** When the next turn comes for which somebody waits; `Infinity` if nobody does. */
  get nextDrawAt(): number {
    let next = Infinity
    for (const one of this.#byAddress.values()) {
      if (one.waiting.size === 0) continue
      next = Math.min(next, this.#nextTurnAt(one), one.windowStart + this.#windowMs)
    }
    return next
  }

  #at(address: string, nowMs: number): OneAddress<T> {
    let one = this.#byAddress.get(address)
    if (one === undefined) {
      if (this.#byAddress.size >= MAX_ADDRESSES) this.#dropAny()
      const waiting = new WaitingKids<T>(MAX_WAITING, this.#random)
      one = { windowStart: nowMs, used: 0, lastAt: nowMs, waiting }
      this.#byAddress.set(address, one)
    }
    this.#renew(one, nowMs)
    return one
  }

  /** Begins a new window, if the last one is over. */
  #renew(one: OneAddress<T>, nowMs: number): void {
    if (nowMs - one.windowStart < this.#windowMs) return
    one.windowStart = nowMs
    one.used = 0
  }

  /** When the next turn of an address comes. The one after the last is the first of a new window. */
  #nextTurnAt({ windowStart, used, waiting, lastAt }: OneAddress<T>): number {
    const spacingMs = this.#windowMs / SPACINGS
    const spacedAt = windowStart + Math.max(0, used - AT_ONCE + 1) * spacingMs
    const areFew = waiting.size > 0 && waiting.size <= FEW && used < PER_WINDOW
    return areFew ? Math.min(spacedAt, lastAt + QUIET_MS) : spacedAt
  }

  #dropAny(): void {
    const address = [...this.#byAddress.keys()][this.#random(this.#byAddress.size)]
    if (address !== undefined) this.#byAddress.delete(address)
  }
}
