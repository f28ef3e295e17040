// SPDX-License-Identifier: Apache-2.0
/**
 * Tells observers of a resource that it changed (RFC 7641).
 *
 * @module
 */

/**
 * What an application rings when the state of a resource changed. One may stand behind several resources.
 *
 * @example
 * ```ts
 * const changes = new Changes()
 * const handler = resources({ temperature: { get: () => ({ payload: read() }), changes } })
 * changes.changed()
 * ```
 */
export class Changes {
  readonly #listeners = new Set<() => void>()
  #count = 0

  /** How often something changed. */
  get count(): number {
    return this.#count
  }

  /** How many observations there are. */
  get observerCount(): number {
    return this.#listeners.size
  }

  /** Says that the state changed: each observer is sent the newest one. */
  changed(): void {
    this.#count++
    for (const listener of this.#listeners) listener()
  }

  /** Calls a function at each change. @returns What ends it. */
  subscribe(listener: () => void): () => void {
    const own = (): void => listener() // one function may listen twice
    this.#listeners.add(own)
    return () => this.#listeners.delete(own)
  }
}
