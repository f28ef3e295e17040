// SPDX-License-Identifier: Apache-2.0
/**
 * One piece of work after the other, for state that is read, written to the store and then changed:
 * the next may begin only when that is done.
 *
 * @module
 */

export class Turns {
  #last: Promise<unknown> = Promise.resolve()

  /** Does the work when all that was taken before is done, and gives its result. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => undefined)
    return result
  }
}
