// SPDX-License-Identifier: Apache-2.0
/**
 * The kids of one address that wait until it is their turn to be asked about, and how they are drawn
 * (`docs/spec/07-granting.md` Section 7.3.2; the numbers are in `docs/adr/0025-turns-to-ask.md`).
 *
 * Every second turn falls to any of them. The others fall to one that came again, at least as often
 * as a threshold that is drawn as well: whoever sends junk under many kids has to send each of them
 * often, and whoever sends much under few kids has few.
 *
 * @module
 */

import type { Sightings } from './kid-sightings.js'

const MAX_WAITING = 256

/** What counts at each turn; `undefined`: nothing does. */
const MEASURES: readonly (keyof Sightings | undefined)[] = [
  'objects',
  undefined,
  'seconds',
  undefined,
]

interface WaitingKid<T> {
  readonly kid: string
  readonly value: T
  sightings: Sightings
}

export class WaitingKids<T> {
  readonly #byKid = new Map<string, WaitingKid<T>>()
  /** The same, in no order. */
  readonly #all: WaitingKid<T>[] = []
  readonly #random: (below: number) => number
  #turnCount = 0

  /** @param random - A random integer from 0 to `below - 1`. */
  constructor(random: (below: number) => number) {
    this.#random = random
  }

  get size(): number {
    return this.#all.length
  }

  get(kid: string): T | undefined {
    return this.#byKid.get(kid)?.value
  }

  /** Notes how often a kid that waits was met. */
  met(kid: string, { objects, seconds }: Sightings): void {
    const waiting = this.#byKid.get(kid)
    if (waiting === undefined) return
    const { sightings: known } = waiting
    waiting.sightings = {
      objects: Math.max(known.objects, objects),
      seconds: Math.max(known.seconds, seconds),
    }
  }

  /** Adds a kid. Where too many wait, of two at random the one that was met less gives way. */
  add(kid: string, value: T, sightings: Sightings): void {
    if (this.size >= MAX_WAITING) this.#makeRoom()
    const waiting = { kid, value, sightings }
    this.#byKid.set(kid, waiting)
    this.#all.push(waiting)
  }

  /** Takes the one whose turn it is; `undefined` if none waits. */
  draw(): T | undefined {
    const measure = MEASURES[this.#turnCount++ % MEASURES.length]
    const drawn = this.#anyOf(measure === undefined ? this.#all : this.#oftenMet(measure))
    if (drawn !== undefined) this.#remove(drawn)
    return drawn?.value
  }

  /** Those that reach 2, 4, 8, …, as is drawn, up to what somebody reaches; all if nobody came again. */
  #oftenMet(measure: keyof Sightings): readonly WaitingKid<T>[] {
    const most = this.#all.reduce((so, { sightings }) => Math.max(so, sightings[measure]), 1)
    const thresholds = Math.floor(Math.log2(most))
    if (thresholds === 0) return this.#all
    const threshold = 2 ** (1 + this.#random(thresholds))
    return this.#all.filter(({ sightings }) => sightings[measure] >= threshold)
  }

  #makeRoom(): void {
    const [one, other] = [this.#anyOf(this.#all), this.#anyOf(this.#all)]
    if (one === undefined || other === undefined) return
    this.#remove(one.sightings.objects < other.sightings.objects ? one : other)
  }

  #anyOf(kids: readonly WaitingKid<T>[]): WaitingKid<T> | undefined {
    return kids[this.#random(kids.length)]
  }

  #remove(waiting: WaitingKid<T>): void {
    this.#byKid.delete(waiting.kid)
    const last = this.#all.pop()
    if (last === undefined || last === waiting) return
    this.#all[this.#all.indexOf(waiting)] = last
  }
}
