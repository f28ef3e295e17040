// SPDX-License-Identifier: Apache-2.0
/**
 * Generations of which a reader has seen retained messages and nothing else
 * (`docs/spec/08-receiving.md` Section 8.3). What was published between the retained one and the
 * subscription never comes to a newcomer, and looks to it like what was lost.
 *
 * It is known as long as the reader is open. Whoever reads on after a restart is told of gaps without
 * that mark.
 *
 * @module
 */

import type { AfterRetained } from '../events.js'

export class RetainedAlone {
  /** Generations by id. */
  readonly #ids = new Set<string>()

  /** Notes that the first object of a generation was a retained one. */
  began(generationId: string): void {
    this.#ids.add(generationId)
  }

  /** Notes that an object came as it was published: from here on, what is missing was sent to us. */
  ended(generationId: string): void {
    this.#ids.delete(generationId)
  }

  /** What to say of something that is missing in a generation. */
  markOf(generationId: string): AfterRetained {
    return this.#ids.has(generationId) ? { afterRetained: true } : {}
  }
}
