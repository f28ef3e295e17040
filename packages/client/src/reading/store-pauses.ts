// SPDX-License-Identifier: Apache-2.0
/**
 * Pauses that are made in the lane of a kid while the store fails. The lane is held as long, so that
 * others go on. Closing ends every pause.
 *
 * @module
 */

import type { Runtime } from '../runtime.js'
import type { KidLanes } from './kid-lanes.js'

export class StorePauses {
  readonly #runtime: Runtime
  readonly #lanes: KidLanes
  /** What ends the pauses that are being made. */
  readonly #wakes = new Set<() => void>()
  #closed = false

  constructor(runtime: Runtime, lanes: KidLanes) {
    this.#runtime = runtime
    this.#lanes = lanes
  }

  /** Resolves after so many milliseconds, or once this is closed. Call it in a task of the lane. */
  async pause(kid: string, pauseMs: number): Promise<void> {
    if (this.#closed) return
    const wasHeld = this.#lanes.isHeld(kid)
    this.#lanes.hold(kid)
    await this.#wait(pauseMs)
    if (!wasHeld) this.#lanes.letGo(kid)
  }

  close(): void {
    this.#closed = true
    for (const wake of this.#wakes) wake()
  }

  #wait(pauseMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel()
        this.#wakes.delete(wake)
        resolve()
      }
      const cancel = this.#runtime.timers.after(pauseMs, wake)
      this.#wakes.add(wake)
    })
  }
}
