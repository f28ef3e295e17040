// SPDX-License-Identifier: Apache-2.0
/**
 * The producers of an endpoint: at most one a name that is open.
 *
 * @module
 */

import { WaxwingError } from '@waxwing/core'
import type { RotationReason } from '../events.js'
import type { ProducerOptions } from '../options.js'
import { Producer, type ProducerDeps } from './producer.js'

export class Producers {
  readonly #deps: ProducerDeps
  readonly #open = new Map<string, Promise<Producer>>()
  /** Streams that rotate although the application has not opened them. */
  readonly #rotating = new Map<string, Promise<void>>()
  #closed = false

  constructor(deps: ProducerDeps) {
    this.#deps = deps
  }

  /** The open producer of a name, whatever its options; else a new one. */
  open(name: string, options: ProducerOptions): Promise<Producer> {
    const known = this.#open.get(name)
    const opening =
      known === undefined ? this.#make(name, options) : this.#again(known, name, options)
    this.#open.set(name, opening)
    opening.catch(() => {
      if (this.#open.get(name) === opening) this.#open.delete(name)
    })
    return opening
  }

  /**
   * Rotates a stream. Where the application has no producer of it, one is opened for that alone, so
   * that whatever options the application chooses later are the ones that count.
   */
  async rotate(name: string, reason: RotationReason): Promise<void> {
    const producer = await this.#open.get(name)
    if (producer !== undefined && !producer.isClosed) return producer.rotate(reason)
    const underWay = this.#rotating.get(name)
    if (underWay !== undefined) return underWay
    const rotation = this.#rotateClosed(name, reason).finally(() => this.#rotating.delete(name))
    this.#rotating.set(name, rotation)
    return rotation
  }

  /** Finishes what was begun, and closes all. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.allSettled(this.#rotating.values())
    const opened = await Promise.allSettled(this.#open.values())
    for (const result of opened) if (result.status === 'fulfilled') await result.value.close()
  }

  async #again(
    known: Promise<Producer>,
    name: string,
    options: ProducerOptions,
  ): Promise<Producer> {
    const producer = await known.catch(() => undefined)
    return producer === undefined || producer.isClosed ? this.#make(name, options) : producer
  }

  async #make(name: string, options: ProducerOptions): Promise<Producer> {
    await this.#rotating.get(name)?.catch(() => undefined)
    if (this.#closed) throw new WaxwingError('ERR_CLOSED', 'the endpoint is closed')
    const producer = await Producer.open(this.#deps, name, options)
    if (!this.#closed) return producer
    await producer.close()
    throw new WaxwingError('ERR_CLOSED', 'the endpoint is closed')
  }

  async #rotateClosed(name: string, reason: RotationReason): Promise<void> {
    const producer = await Producer.open(this.#deps, name, {})
    try {
      await producer.rotate(reason)
    } finally {
      await producer.close()
    }
  }
}
