// SPDX-License-Identifier: Apache-2.0
/**
 * Giving up when nothing has come for too long.
 *
 * @module
 */

import { parseDuration } from './times.js'

export class Patience {
  /** Whether it ended the waiting. */
  isOver = false
  readonly #ms: number | undefined
  readonly #end: () => void
  #timer: ReturnType<typeof setTimeout> | undefined

  /**
   * @param duration - As it is typed. Default: without end.
   * @param end - Called once, when nothing has come for so long.
   */
  constructor(duration: string | undefined, end: () => void) {
    this.#ms = duration === undefined ? undefined : parseDuration(duration) * 1000
    this.#end = end
    this.renew()
  }

  /** Something has come. */
  renew(): void {
    clearTimeout(this.#timer)
    if (this.#ms === undefined) return
    this.#timer = setTimeout(() => {
      this.isOver = true
      this.#end()
    }, this.#ms)
  }

  /** Nothing is waited for any more. */
  end(): void {
    clearTimeout(this.#timer)
  }
}
