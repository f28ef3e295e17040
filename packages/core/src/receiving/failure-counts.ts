// SPDX-License-Identifier: Apache-2.0
/**
 * How many objects failed under content keys that do not stand ready just now
 * (`docs/spec/04-objects.md` Section 4.5).
 *
 * A key that is made ready again goes on where it was: no grant, and no crowd of other keys, lets its
 * count begin anew. Bounded all the same. When there are too many counts, the lower half is merged
 * into one floor that every key has from then on. So a count may be too high, by two failures for
 * each {@link MAX_COUNTS} that there were in all, and is never too low.
 *
 * @module
 */

/** Keys whose own count is kept. */
export const MAX_COUNTS = 1024

export class FailureCounts {
  /** By the name of the key; all are above the floor. */
  readonly #counts = new Map<string, number>()
  #floor = 0

  /** How many objects failed under a key. */
  of(key: string): number {
    return this.#counts.get(key) ?? this.#floor
  }

  /** Remembers how many objects failed under a key. A lower count than before changes nothing. */
  keep(key: string, failures: number): void {
    if (failures <= this.of(key)) return
    this.#counts.set(key, failures)
    if (this.#counts.size > MAX_COUNTS) this.#mergeLower()
  }

  #mergeLower(): void {
    const sorted = [...this.#counts.values()].toSorted((a, b) => a - b)
    this.#floor = sorted[MAX_COUNTS / 2] ?? this.#floor
    for (const [key, failures] of this.#counts) {
      if (failures <= this.#floor) this.#counts.delete(key)
    }
  }
}
