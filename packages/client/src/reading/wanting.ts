// SPDX-License-Identifier: Apache-2.0
/**
 * What is done for objects that no key opens: into which pool they go, and what is asked for.
 *
 * @module
 */

import type { Pool } from '../events.js'
import type { KeyRequests, Wanted } from '../key-requests.js'
import type { Arrival } from './arrival.js'
import type { Unopened } from './examiner.js'
import type { ReadingOptions } from './reading-options.js'

export class Wanting {
  readonly #requests: KeyRequests
  readonly #options: ReadingOptions

  constructor(requests: KeyRequests, options: ReadingOptions) {
    this.#requests = requests
    this.#options = options
  }

  /** Asks for the keys of an object and of what comes after it, unless the application does that. */
  ask(arrival: Arrival, { generation }: Unopened): void {
    this.askFor({ ...this.#wantedFor(arrival, generation), andLater: true })
  }

  /** @returns Whether there is an answer to wait for. */
  askFor(wanted: Omit<Wanted, 'reason'>): boolean {
    if (!this.#options.request) return false
    return this.#requests.want({ ...wanted, reason: this.#options.reason })
  }

  /** Makes a request for the caller to send. */
  makeRequest(arrival: Arrival, { generation }: Unopened): Promise<Uint8Array> {
    const { reason } = this.#options
    const wanted = this.#wantedFor(arrival, generation)
    return this.#requests.makeRequest({ ...wanted, andLater: true, reason })
  }

  /** The pool for an object: vouched for only where it can count. */
  poolOf({ address }: Pick<Arrival, 'address'>, { kind, generation }: Unopened): Pool {
    if (generation === undefined) return 'unvouched'
    const isStrict = this.#options.topicBinding === 'strict'
    if (isStrict && address !== undefined && address !== generation.stream) return 'unvouched'
    return kind === 'failed' ? 'failed' : 'awaiting'
  }

  #wantedFor(
    { kid, object, address = '' }: Arrival,
    generation: Wanted['generation'],
  ): Omit<Wanted, 'reason' | 'andLater'> {
    return { kid, epoch: object.epoch, address, generation }
  }
}
