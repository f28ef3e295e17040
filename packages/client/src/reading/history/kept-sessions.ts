// SPDX-License-Identifier: Apache-2.0
/**
 * The sessions of one reading of what was kept (`docs/spec/08-receiving.md` Section 8.6): which
 * counters of each were verified in it. Those touched last are remembered, so many at the most.
 *
 * @module
 */

import { SeenRanges } from '@waxwing/core'
import type { Generation } from '../../generation.js'

/** Sessions that are followed at a time. */
const MAX_SESSIONS = 256
/** Sessions of which it is remembered that they gave way. */
const MAX_FORGOTTEN = 16_384

export class KeptSession {
  readonly generation: Generation
  /** In hex. */
  readonly id: string
  readonly ranges: SeenRanges = new SeenRanges()
  /** How many sessions of the generation were before it, if anybody told. */
  number: number | undefined
  /** Its last counter, as a later session tells it. */
  toldLast: number | undefined
  /** Whether it gave way before, so that `ranges` has only a part of it. */
  readonly isPart: boolean

  constructor(generation: Generation, id: string, isPart: boolean) {
    this.generation = generation
    this.id = id
    this.isPart = isPart
  }

  get isSeen(): boolean {
    return this.ranges.highest !== undefined
  }
}

export class KeptSessions {
  readonly #byName = new Map<string, KeptSession>()
  readonly #forgotten = new Set<string>()
  readonly #onForgotten: (session: KeptSession) => void

  /** @param onForgotten - Told of each session that gives way to others. */
  constructor(onForgotten: (session: KeptSession) => void = () => undefined) {
    this.#onForgotten = onForgotten
  }

  /** @param id - In hex. */
  of(generation: Generation, id: string): KeptSession {
    const name = `${generation.id}/${id}`
    const session =
      this.#byName.get(name) ?? new KeptSession(generation, id, this.#mayHaveGivenWay(name))
    this.#byName.delete(name)
    this.#byName.set(name, session)
    if (this.#byName.size > MAX_SESSIONS) this.#forgetOldest()
    return session
  }

  /** All that are remembered, the one touched last at the end. */
  all(): Iterable<KeptSession> {
    return this.#byName.values()
  }

  /** Of so many that gave way that they are not all remembered, any may be one. */
  #mayHaveGivenWay(name: string): boolean {
    return this.#forgotten.size >= MAX_FORGOTTEN || this.#forgotten.has(name)
  }

  #forgetOldest(): void {
    for (const [name, oldest] of this.#byName) {
      this.#byName.delete(name)
      if (this.#forgotten.size < MAX_FORGOTTEN) this.#forgotten.add(name)
      this.#onForgotten(oldest)
      return
    }
  }
}
