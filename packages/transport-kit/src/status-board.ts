// SPDX-License-Identifier: Apache-2.0
/**
 * One status for several connections: connected while all of them are.
 *
 * @module
 */

import type { TransportStatus } from '@waxwing/core'

export class StatusBoard {
  readonly #listeners = new Set<(status: TransportStatus) => void>()
  readonly #down = new Set<object>()
  #isConnected = false

  /** Adds a listener; returns what removes it. */
  listen(listener: (status: TransportStatus) => void): () => void {
    const own = (status: TransportStatus): void => listener(status)
    this.#listeners.add(own)
    return () => void this.#listeners.delete(own)
  }

  /** A connection is there, or is there again. */
  up(connection: object): void {
    this.#down.delete(connection)
    if (this.#isConnected || this.#down.size > 0) return
    this.#isConnected = true
    this.#tell({ state: 'connected' })
  }

  /** A connection is not there any more. */
  down(connection: object): void {
    this.#down.add(connection)
    if (!this.#isConnected) return
    this.#isConnected = false
    this.#tell({ state: 'disconnected' })
  }

  /** Something failed that no caller waits for. */
  report(error: unknown): void {
    this.#tell({ state: 'error', error })
  }

  #tell(status: TransportStatus): void {
    for (const listener of this.#listeners) {
      try {
        listener(status)
      } catch (error) {
        // The application's bug must not stop the delivery of messages, and must be seen.
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}
