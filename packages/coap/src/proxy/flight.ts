// SPDX-License-Identifier: Apache-2.0
/**
 * One request on its way to a server, for all who ask the same meanwhile.
 *
 * Invariant: whoever gives up ends the request only for itself; the last one ends it.
 *
 * @module
 */

import type { CoapMessage } from '@waxwing/oscore'
import { unlessAborted } from '../abortable.js'
import type { StoredResponse } from './stored-response.js'

/** What became of a request. */
export interface Landing {
  /** What the server answered. */
  readonly response: CoapMessage
  /** The same, where others may have it as well. */
  readonly reusable: StoredResponse | undefined
}

export class Flight {
  /** The resource that is asked for. */
  readonly resource: string
  /** By which it is found. */
  readonly key: string
  readonly #controller = new AbortController()
  readonly #landing: Promise<Landing>
  readonly #onAbandoned: (flight: Flight) => void
  #waitingCount = 0
  #isOutdated = false

  /**
   * @param fly - Sends the request.
   * @param onAbandoned - Called when nobody waits any more.
   */
  constructor(
    { resource, key }: Pick<Flight, 'resource' | 'key'>,
    fly: (flight: Flight) => Promise<Landing>,
    onAbandoned: (flight: Flight) => void,
  ) {
    this.resource = resource
    this.key = key
    this.#onAbandoned = onAbandoned
    this.#landing = fly(this)
    this.#landing.catch(() => undefined) // told to those who wait, if there is anyone
  }

  /** Aborted when nobody waits any more. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Whether the resource may have changed since the request was sent: then others are not to have this. */
  get isOutdated(): boolean {
    return this.#isOutdated
  }

  outdate(): void {
    this.#isOutdated = true
  }

  /** Waits for what becomes of the request. @throws The reason of the signal; what the network threw. */
  async wait(signal: AbortSignal): Promise<Landing> {
    this.#waitingCount += 1
    try {
      return await unlessAborted(this.#landing, signal)
    } finally {
      this.#waitingCount -= 1
      if (this.#waitingCount === 0) this.#abandon()
    }
  }

  #abandon(): void {
    this.outdate() // from now on nobody could tell it that the resource changed
    this.#onAbandoned(this)
    this.#controller.abort()
  }
}
