// SPDX-License-Identifier: Apache-2.0
/**
 * How many unknown kids are asked about (`docs/spec/07-granting.md` Section 7.3.2), so that junk under
 * made-up kids does not make us flood the broker: at most eight new ones a minute and address, and
 * over all addresses 256 at once and eight a second; far fewer where bytes cost. Who has its turn at its address waits for one
 * among all.
 *
 * @module
 */

import { AddressTurns } from './address-turns.js'
import { KidSightings, type Sightings } from './kid-sightings.js'
import { WaitingKids } from './waiting-kids.js'

/** How much is asked: the time for the turns of an address; of all together, at once, and between later ones. */
interface Pace {
  readonly windowMs: number
  readonly atOnce: number
  readonly spacingMs: number
}

const PACE: Pace = { windowMs: 60_000, atOnce: 256, spacingMs: 125 }
/** Whoever makes up a kid pays for one message, and we for several, again and again. */
const COSTLY_PACE: Pace = { windowMs: 3_600_000, atOnce: 16, spacingMs: 225_000 }
const MAX_WAITING = 4096

export class KidBudget<T> {
  readonly #addresses: AddressTurns<T>
  /** Those that had their turn at their address. */
  readonly #all: WaitingKids<T>
  readonly #digest: (name: string) => Uint8Array
  readonly #pace: Pace
  /** Made when the first kid has to wait, which without an attacker hardly ever happens. */
  #sightings: KidSightings | undefined
  /** When all turns are there that may be there at once. */
  #fullAt = -Infinity

  constructor(inputs: {
    /** A random integer from 0 to `below - 1`. */
    random: (below: number) => number
    /** A digest of at least 6 bytes under a key that nobody else knows. */
    digest: (name: string) => Uint8Array
    /** Whether each request costs. Default `false`. */
    isCostly?: boolean
  }) {
    this.#pace = inputs.isCostly === true ? COSTLY_PACE : PACE
    this.#addresses = new AddressTurns(inputs.random, this.#pace.windowMs)
    this.#all = new WaitingKids(MAX_WAITING, inputs.random)
    this.#digest = inputs.digest
  }

  /**
   * Tells whether a new kid may be asked about at once. Else it waits until it is drawn; somebody else
   * may have to give way to it.
   *
   * @param value - What stands for it.
   * @param nowMs - Monotonic.
   */
  ask(address: string, kid: string, value: T, nowMs: number): boolean {
    const name = nameOf(address, kid)
    if (!this.#addresses.take(address, nowMs)) {
      const sightings = this.#note(name, nowMs)
      this.#addresses.wait(address, { name, value, sightings }, nowMs)
      return false
    }
    if (this.#all.size === 0 && this.#takeTurn(nowMs)) return true
    this.#all.add(name, value, this.#note(name, nowMs))
    return false
  }

  /** Notes one more object of a kid, if that waits. @returns What waits, so that it can be added to. */
  meet(address: string, kid: string, nowMs: number): T | undefined {
    const name = nameOf(address, kid)
    const waiting = [this.#addresses.waitingAt(address), this.#all].find((kids) => kids?.has(name))
    waiting?.met(name, this.#note(name, nowMs))
    return waiting?.get(name)
  }

  /** Lets a kid go that needs no turn any more. */
  forget(address: string, kid: string): void {
    const name = nameOf(address, kid)
    this.#addresses.waitingAt(address)?.delete(name)
    this.#all.delete(name)
  }

  /** Draws those whose turn has come. */
  draw(nowMs: number): readonly T[] {
    for (const { name, value, sightings } of this.#addresses.draw(nowMs)) {
      this.#all.add(name, value, sightings)
    }
    const drawn: T[] = []
    while (this.#all.size > 0 && this.#takeTurn(nowMs)) {
      const kid = this.#all.draw()
      if (kid !== undefined) drawn.push(kid.value)
    }
    return drawn
  }

  /** When the next turn comes for which somebody waits; `undefined` if nobody does. */
  get nextDrawAt(): number | undefined {
    const ofAll = this.#all.size > 0 ? this.#nextTurnAt : Infinity
    const next = Math.min(ofAll, this.#addresses.nextDrawAt)
    return next === Infinity ? undefined : next
  }

  /** Takes a turn of all addresses, if one is there. */
  #takeTurn(nowMs: number): boolean {
    if (nowMs < this.#nextTurnAt) return false
    this.#fullAt = Math.max(this.#fullAt, nowMs) + this.#pace.spacingMs
    return true
  }

  get #nextTurnAt(): number {
    const { atOnce, spacingMs } = this.#pace
    return this.#fullAt - (atOnce - 1) * spacingMs
  }

  #note(name: string, nowMs: number): Sightings {
    this.#sightings ??= new KidSightings(this.#digest)
    return this.#sightings.note(name, nowMs)
  }
}

/** Kids hold no slash. */
function nameOf(address: string, kid: string): string {
  return `${kid}/${address}`
}
