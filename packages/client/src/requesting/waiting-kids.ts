// SPDX-License-Identifier: Apache-2.0
/**
 * Kids that wait until it is their turn to be asked about, and how they are drawn
 * (`docs/spec/07-granting.md` Section 7.3.2; the numbers are in `docs/adr/0025-turns-to-ask.md`).
 *
 * Most turns fall to kids that came again, half of all turns to those that did so at least as often as
 * a threshold that is drawn as well: whoever sends junk under many kids has to send each of them
 * often, and whoever sends much under few kids has few.
 *
 * @module
 */

import type { Sightings } from './kid-sightings.js'

/** Whom a turn falls to: those with many of something, those that came again, or any. */
type Turn = keyof Sightings | 'again' | 'any'
const TURNS: readonly Turn[] = ['objects', 'again', 'seconds', 'any']

export interface WaitingKid<T> {
  /** Of the kid and its address. */
  readonly name: string
  readonly value: T
  readonly sightings: Sightings
}

interface Waiting<T> extends WaitingKid<T> {
  sightings: Sightings
  /** Among all. */
  place: number
}

export class WaitingKids<T> {
  readonly #byName = new Map<string, Waiting<T>>()
  /** The same, in no order. */
  readonly #all: Waiting<T>[] = []
  readonly #max: number
  readonly #random: (below: number) => number
  #turnCount = 0

  /**
   * @param max - How many may wait.
   * @param random - A random integer from 0 to `below - 1`.
   */
  constructor(max: number, random: (below: number) => number) {
    this.#max = max
    this.#random = random
  }

  get size(): number {
    return this.#all.length
  }

  has(name: string): boolean {
    return this.#byName.has(name)
  }

  get(name: string): T | undefined {
    return this.#byName.get(name)?.value
  }

  /** Notes how often a kid that waits was met. */
  met(name: string, { objects, seconds }: Sightings): void {
    const waiting = this.#byName.get(name)
    if (waiting === undefined) return
    const { sightings: known } = waiting
    waiting.sightings = {
      objects: Math.max(known.objects, objects),
      seconds: Math.max(known.seconds, seconds),
    }
  }

  /** Adds a kid. Where too many wait, of two at random the one that was met less gives way. */
  add(name: string, value: T, sightings: Sightings): void {
    if (this.size >= this.#max) this.#makeRoom()
    const waiting = { name, value, sightings, place: this.#all.length }
    this.#byName.set(name, waiting)
    this.#all.push(waiting)
  }

  /** Lets one go that needs no turn any more. */
  delete(name: string): void {
    const waiting = this.#byName.get(name)
    if (waiting !== undefined) this.#remove(waiting)
  }

  /** Takes the one whose turn it is; `undefined` if none waits. */
  draw(): WaitingKid<T> | undefined {
    const turn = TURNS[this.#turnCount++ % TURNS.length] ?? 'any'
    const drawn = this.#anyOf(this.#candidates(turn))
    if (drawn !== undefined) this.#remove(drawn)
    return drawn
  }

  /** Those to one of whom the turn falls; all if nobody came again. */
  #candidates(turn: Turn): readonly Waiting<T>[] {
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

  #anyOf(kids: readonly Waiting<T>[]): Waiting<T> | undefined {
    return kids[this.#random(kids.length)]
  }

  #remove(waiting: Waiting<T>): void {
    this.#byName.delete(waiting.name)
    const last = this.#all.pop()
    if (last === undefined || last === waiting) return
    last.place = waiting.place
    this.#all[waiting.place] = last
  }
}
