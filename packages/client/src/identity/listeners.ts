// SPDX-License-Identifier: Apache-2.0
/**
 * Those who want to know of a change. One that fails is reported, and the others are told all the
 * same: what they are told of has already happened.
 *
 * @module
 */

import type { Runtime } from '../runtime.js'

export class Listeners<T> {
  readonly #runtime: Pick<Runtime, 'report'>
  readonly #listeners = new Set<(value: T) => void>()

  constructor(runtime: Pick<Runtime, 'report'>) {
    this.#runtime = runtime
  }

  /** Returns a function that removes the listener. */
  add(listener: (value: T) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  tell(value: T): void {
    for (const listener of this.#listeners) {
      try {
        listener(value)
      } catch (error) {
        this.#runtime.report(error)
      }
    }
  }

  clear(): void {
    this.#listeners.clear()
  }
}
