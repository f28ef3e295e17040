// SPDX-License-Identifier: Apache-2.0
/**
 * Everything that is being asked for, by kid: bounded, so that junk under ever new kids costs little.
 *
 * @module
 */

import type { Asked } from './asked.js'

/** Kids that are asked about at once. */
const MAX_ASKED = 4096

export class AskedBook {
  readonly #byKid = new Map<string, Asked>()
  readonly #random: (below: number) => number

  /** @param random - A random integer from 0 to `below - 1`. */
  constructor(random: (below: number) => number) {
    this.#random = random
  }

  get(kid: string): Asked | undefined {
    return this.#byKid.get(kid)
  }

  has(asked: Asked): boolean {
    return this.#byKid.get(asked.kid) === asked
  }

  all(): readonly Asked[] {
    return [...this.#byKid.values()]
  }

  /** Adds one. Where there are too many, one of those that nothing vouches for gives way first. */
  add(asked: Asked): void {
    if (this.#byKid.size >= MAX_ASKED) this.#makeRoom()
    this.#byKid.set(asked.kid, asked)
  }

  delete(asked: Asked): void {
    if (this.has(asked)) this.#byKid.delete(asked.kid)
  }

  #makeRoom(): void {
    const all = this.all()
    const unvouched = all.filter(({ generation }) => generation === undefined)
    const candidates = unvouched.length > 0 ? unvouched : all
    const victim = candidates[this.#random(candidates.length)]
    if (victim !== undefined) this.delete(victim)
  }
}
