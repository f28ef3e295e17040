// SPDX-License-Identifier: Apache-2.0
/**
 * The producers of an endpoint: at most one a name that is open.
 *
 * A rotation that waits for the minute to pass holds nobody up: neither who opens the stream meanwhile
 * nor who closes the endpoint. Whoever owes it writes that down and asks again.
 *
 * @module
 */

import { WaxwingError } from '@waxwing/core'
import { Patience } from '../control/patience.js'
import type { RotationReason } from '../events.js'
import type { ProducerOptions } from '../options.js'
import { Producer, type ProducerDeps } from './producer.js'
import { Rotations } from './rotations.js'

export class Producers {
  readonly #deps: ProducerDeps & { readonly rotations: Rotations }
  readonly #rotations: Rotations
  readonly #patience: Patience
  readonly #open = new Map<string, Promise<Producer>>()
  /** Rotations that wait or are under way. */
  readonly #rotating = new Map<string, Promise<void>>()
  /** When a rotation was last asked for, as a mark of {@link Rotations}. */
  readonly #asked = new Map<string, number>()
  /** Streams that rotate although the application has not opened them. */
  readonly #inUse = new Map<string, Promise<void>>()
  #closed = false

  constructor(deps: ProducerDeps) {
    const { time, timers } = deps.runtime
    this.#rotations = new Rotations(time)
    this.#patience = new Patience(timers)
    this.#deps = { ...deps, rotations: this.#rotations }
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
   * Rotates a stream, as soon as its last rotation is a minute ago. Where the application has no
   * producer of it by then, one is opened for that alone, so that whatever options the application
   * chooses later are the ones that count.
   *
   * @throws {WaxwingError} `ERR_CLOSED` if the endpoint is closed before its turn comes.
   */
  rotate(name: string, reason: RotationReason): Promise<void> {
    if (this.#closed) return Promise.reject(closed())
    this.#asked.set(name, this.#rotations.mark())
    const underWay = this.#rotating.get(name)
    if (underWay !== undefined) return underWay
    const rotation = this.#rotate(name, reason)
    this.#rotating.set(name, rotation)
    return rotation
  }

  /** Finishes what was begun, and closes all. @throws What the first of them throws. */
  async close(): Promise<void> {
    this.#closed = true
    this.#patience.close()
    await Promise.allSettled(this.#inUse.values())
    const closings = [...this.#open.values()].map(async (opening) => {
      const producer = await opening.catch(() => undefined) // who opened it was told
      await producer?.close()
    })
    const results = await Promise.allSettled(closings)
    await Promise.allSettled(this.#rotating.values())
    for (const result of results) if (result.status === 'rejected') throw result.reason
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
    await this.#inUse.get(name)?.catch(() => undefined)
    this.#assertOpen()
    const producer = await Producer.open(this.#deps, name, options)
    if (!this.#closed) return producer
    await producer.close()
    throw closed()
  }

  /** Until the stream has rotated since that was last asked for, whoever made it rotate. */
  async #rotate(name: string, reason: RotationReason): Promise<void> {
    try {
      while (!this.#rotations.hasRotatedSince(name, this.#asked.get(name) ?? 0)) {
        this.#assertOpen()
        const waitMs = this.#rotations.waitMs(name)
        if (waitMs > 0) await this.#wait(name, waitMs)
        else await this.#rotateNow(name, reason)
      }
    } finally {
      // At once: who asks from now on is not served by what is over.
      this.#rotating.delete(name)
      this.#asked.delete(name)
    }
  }

  /** Waits for the minute to pass, or for the rotation that is under way. */
  async #wait(name: string, waitMs: number): Promise<void> {
    const end = this.#rotations.underWay(name) ?? new Promise<void>(() => undefined)
    await this.#patience.inTime(end, waitMs)
  }

  /** Rotates, unless the producer is opened or closed by the application just now. */
  async #rotateNow(name: string, reason: RotationReason): Promise<void> {
    const opening = this.#open.get(name)
    const producer = await opening?.catch(() => undefined)
    if (this.#open.get(name) !== opening) return
    if (producer !== undefined && !producer.isClosed) return rotateOpen(producer, reason)
    const use = this.#rotateClosed(name, reason).finally(() => this.#inUse.delete(name))
    this.#inUse.set(name, use)
    return use
  }

  async #rotateClosed(name: string, reason: RotationReason): Promise<void> {
    const producer = await Producer.open(this.#deps, name, {})
    try {
      await producer.rotate(reason)
    } finally {
      await producer.close()
    }
  }

  #assertOpen(): void {
    if (this.#closed) throw closed()
  }
}

/** Whoever closes the producer before it rotated leaves that to the next one. */
async function rotateOpen(producer: Producer, reason: RotationReason): Promise<void> {
  try {
    await producer.rotate(reason)
  } catch (error) {
    if (!producer.isClosed) throw error
  }
}

function closed(): WaxwingError {
  return new WaxwingError('ERR_CLOSED', 'the endpoint is closed')
}
