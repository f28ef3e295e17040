// SPDX-License-Identifier: Apache-2.0
/**
 * Fetches that are due, in their order: so many at once, and few of one peer, since anybody can have
 * them made (`docs/spec/09-bindings.md` Section 9.11.6).
 *
 * @module
 */

const MAX_UNDER_WAY = 32
/** A peer that does not answer holds up no others. */
const MAX_OF_ONE_PEER = 4
const MAX_WAITING = 4_096

interface Fetch {
  readonly peer: string
  /** Does not reject. */
  readonly run: () => Promise<void>
}

export class Fetches {
  readonly #waiting = new Set<Fetch>()
  /** How many are under way, by peer. */
  readonly #underWay = new Map<string, number>()
  #count = 0
  #isHeld = false

  /** Adds one. @returns `false` if too many wait: then it is not done. */
  add(fetch: Fetch): boolean {
    if (this.#waiting.size >= MAX_WAITING) return false
    this.#waiting.add(fetch)
    if (!this.#isHeld) this.#next()
    return true
  }

  /** Nothing is under way, nor about to be. */
  get isIdle(): boolean {
    return this.#count === 0 && !this.#isHeld
  }

  /** Begins none until `release`. */
  hold(): void {
    this.#isHeld = true
  }

  release(): void {
    this.#isHeld = false
    this.#next()
  }

  #next(): void {
    for (const fetch of this.#waiting) {
      if (this.#count >= MAX_UNDER_WAY) return
      if ((this.#underWay.get(fetch.peer) ?? 0) < MAX_OF_ONE_PEER) void this.#run(fetch)
    }
  }

  async #run(fetch: Fetch): Promise<void> {
    this.#waiting.delete(fetch)
    this.#change(fetch.peer, 1)
    await fetch.run()
    this.#change(fetch.peer, -1)
    this.#next()
  }

  #change(peer: string, by: 1 | -1): void {
    this.#count += by
    const count = (this.#underWay.get(peer) ?? 0) + by
    if (count === 0) this.#underWay.delete(peer)
    else this.#underWay.set(peer, count)
  }
}
