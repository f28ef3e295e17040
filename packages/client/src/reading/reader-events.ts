// SPDX-License-Identifier: Apache-2.0
/**
 * Where a reader's events go: to its own listeners and to the endpoint's. A listener that throws is
 * reported and stops nothing.
 *
 * @module
 */

import type { EventListener, ReaderEvent, WaxwingEvent } from '../events.js'
import type { Runtime } from '../runtime.js'

export class ReaderEvents {
  readonly #runtime: Runtime
  readonly #listeners = new Set<EventListener<ReaderEvent>>()

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  on(listener: EventListener<ReaderEvent>): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  emit(event: ReaderEvent): void {
    for (const listener of this.#listeners) this.#guarded(() => listener(event))
    this.#guarded(() => this.#runtime.emit(event))
  }

  /** For what concerns the endpoint and not the reader. */
  emitOutside(event: WaxwingEvent): void {
    this.#guarded(() => this.#runtime.emit(event))
  }

  #guarded(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#runtime.report(error)
    }
  }
}
