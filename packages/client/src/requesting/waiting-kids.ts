// SPDX-License-Identifier: Apache-2.0
/**
 * The kids of one address that wait until it is their turn to be asked about, and how they are drawn
 * (`docs/spec/07-granting.md` Section 7.3.2; the numbers are in `docs/adr/0025-turns-to-ask.md`).
 *
 * Most turns fall to kids that came again, half of all turns to those that did so at least as often as
 * a threshold that is drawn as well: whoever sends junk under many kids has to send each of them
 * often, and whoever sends much under few kids has few.
 *
 * @module
 */

import type { Sightings } from './kid-sightings.js'

const MAX_WAITING = 256

/** Whom a turn falls to: those with many of something, those that came again, or any. */
type Turn = keyof Sightings | 'again' | 'any'
const TURNS: readonly Turn[] = ['objects', 'again', 'seconds', 'any']

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
    const turn = TURNS[this.#turnCount++ % TURNS.length] ?? 'any'
    const drawn = this.#anyOf(this.#candidates(turn))
    if (drawn !== undefined) this.#remove(drawn)
    return drawn?.value
  }

  /** Those to one of whom the turn falls; all if nobody came again. */
  #candidates(turn: Turn): readonly WaitingKid<T>[] {
    if (turn === 'any') return this.#all
    const measure = turn === 'again' ? 'seconds' : turn
    const most = this.#all.reduce((so, { sightings }) => Math.max(so, sightings[measure]), 1)
    const thresholds = Math.floor(Math.log2(most))
    if (thresholds === 0) return this.#all
    const threshold = turn === 'again' ? 2 : 2 ** (1 + this.#random(thresholds))
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
