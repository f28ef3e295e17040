// SPDX-License-Identifier: Apache-2.0
/**
 * The work of an endpoint that is under way: what has to end before it is closed, and what is only
 * waited for a while.
 *
 * @module
 */

import { WaxwingError } from '@waxwing/core'
import { Patience } from './control/patience.js'
import type { Runtime } from './runtime.js'

/** How long closing waits for what the application began. */
const CLOSE_PATIENCE_MS = 5000

export class EndpointWork {
  readonly #runtime: Runtime
  readonly #foreground = new Set<Promise<void>>()
  readonly #background = new Set<Promise<void>>()
  #isClosing = false

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /** What is begun in the background is finished before the endpoint is closed; none begins then. */
  inBackground(work: () => Promise<void>): void {
    if (this.#isClosing) return
    const done = work()
      .catch((error: unknown) => this.#failed(error))
      .finally(() => this.#background.delete(done))
    this.#background.add(done)
  }

  /** What the application began is waited for a while when the endpoint is closed. */
  begun<T>(work: () => Promise<T>): Promise<T> {
    const done = work()
    const forget = (): void => void this.#foreground.delete(ended)
    const ended = done.then(forget, forget)
    this.#foreground.add(ended)
    return done
  }

  /** The endpoint is being closed: nothing begins in the background any more. */
  startClosing(): void {
    this.#isClosing = true
  }

  /** Waits a while for what the application began. */
  async foregroundEnded(): Promise<void> {
    const patience = new Patience(this.#runtime.timers)
    await patience.inTime(Promise.all(this.#foreground), CLOSE_PATIENCE_MS)
  }

  async backgroundEnded(): Promise<void> {
    await Promise.all(this.#background)
  }

  #failed(error: unknown): void {
    const isOfClosing = error instanceof WaxwingError && error.code === 'ERR_CLOSED'
    if (!isOfClosing || !this.#isClosing) this.#runtime.report(error)
  }
}
