// SPDX-License-Identifier: Apache-2.0
/**
 * How often a kid that nobody was asked about was met (`docs/spec/07-granting.md` Section 7.3.2): what
 * is remembered of it when it had to give way to others, in a table of fixed size.
 *
 * Each cell of the table counts for one kid, and another kid that falls into it counts it down until
 * the cell is its own (a majority vote). So a kid keeps its count while it comes more often than all
 * others of its cell together. Cells are chosen by a keyed digest: nobody outside can aim at one.
 *
 * @module
 */

/** How often a kid was met. What was forgotten meanwhile does not count. */
export interface Sightings {
  readonly objects: number
  /** Seconds of the clock in which at least one of them came. */
  readonly seconds: number
}

const CELLS = 32_768
/** Where a count ends, so that nobody can make a place of its own by sending for long. */
const MAX_COUNT = 1024

export class KidSightings {
  readonly #digest: (name: string) => Uint8Array
  readonly #owners = new Uint32Array(CELLS)
  readonly #objects = new Uint16Array(CELLS)
  readonly #seconds = new Uint16Array(CELLS)
  readonly #lastSeconds = new Uint32Array(CELLS)

  /** @param digest - A digest of at least 6 bytes under a key that nobody else knows. */
  constructor(digest: (name: string) => Uint8Array) {
    this.#digest = digest
  }

  /**
   * Notes one more object.
   *
   * @param name - Of the kid and its address.
   * @param nowMs - Monotonic.
   * @returns How many that makes, at least 1.
   */
  note(name: string, nowMs: number): Sightings {
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = this.#digest(name)
    const cell = ((a << 8) | b) % CELLS
    const owner = ((c << 24) | (d << 16) | (e << 8) | f) >>> 0
    const second = Math.floor(nowMs / 1000) >>> 0
    const objects = this.#objects[cell] ?? 0
    const seconds = this.#seconds[cell] ?? 0
    if (objects > 0 && this.#owners[cell] === owner) {
      const isLater = this.#lastSeconds[cell] !== second
      return this.#set(cell, second, {
        objects: Math.min(objects + 1, MAX_COUNT),
        seconds: Math.min(seconds + (isLater ? 1 : 0), MAX_COUNT),
      })
    }
    const once = { objects: 1, seconds: 1 }
    if (objects > 1) {
      this.#objects[cell] = objects - 1
      this.#seconds[cell] = Math.min(seconds, objects - 1)
      return once
    }
    this.#owners[cell] = owner
    return this.#set(cell, second, once)
  }

  #set(cell: number, second: number, { objects, seconds }: Sightings): Sightings {
    this.#objects[cell] = objects
    this.#seconds[cell] = seconds
    this.#lastSeconds[cell] = second
    return { objects, seconds }
  }
}
