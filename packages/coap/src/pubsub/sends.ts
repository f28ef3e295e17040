// SPDX-License-Identifier: Apache-2.0
/**
 * Sends: in a queue of bounded count and size, which waits while the broker does not answer.
 *
 * Those to one topic-data resource go one after the other, so that the newest is the last; slots hold one
 * message each and have no order to keep.
 *
 * @module
 */

import { WaxwingError } from '@waxwing/core'
import type { Bells } from './bells.js'
import type { Broker } from './broker.js'
import { closedError } from './refusals.js'
import { bellPath, type Path, SlotNames, slotPath, topicPath } from './topics.js'
import type { ResolvedOptions } from './options.js'

/** A message that is to be sent. */
export interface Outgoing {
  readonly address: string
  /** Owned by the queue. */
  readonly payload: Uint8Array
  /** Whether it gets a slot of its own. */
  readonly inSlot: boolean
  /** Whether it replaces what the topic-data resource holds. */
  readonly inTopicData: boolean
}

interface Entry extends Outgoing {
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** What {@link SendQueue} needs. */
export interface SendInputs {
  readonly broker: Broker
  readonly bells: Bells
  readonly options: ResolvedOptions
  /** Aborted when nothing is sent any more. */
  readonly signal: AbortSignal
  /** Told of each slot that was filled. */
  readonly filled: (address: string, name: string) => void
  readonly report: (error: unknown) => void
}

/** More than one, so that a slow transfer does not hold up the next; few, so that they do not crowd. */
const MAX_IN_FLIGHT = 8

export class SendQueue {
  readonly #inputs: SendInputs
  readonly #names = new SlotNames()
  #waiting: Entry[] = []
  #waitingBytes = 0
  readonly #inFlight = new Set<Entry>()
  /** Addresses whose topic-data resource is being written. */
  readonly #busy = new Set<string>()
  #whenEmpty: (() => void) | undefined

  constructor(inputs: SendInputs) {
    this.#inputs = inputs
  }

  /** Resolves when the broker has taken the message. */
  push(outgoing: Outgoing): Promise<void> {
    const { maxWaitingSends, maxWaitingBytes } = this.#inputs.options
    const bytes = this.#waitingBytes + outgoing.payload.length
    if (this.#waiting.length >= maxWaitingSends) return Promise.reject(fullError('maxWaitingSends'))
    if (this.#waiting.length > 0 && bytes > maxWaitingBytes) {
      return Promise.reject(fullError('maxWaitingBytes'))
    }
    this.#waitingBytes = bytes
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...outgoing, resolve, reject })
      this.#sendNext()
    })
  }

  /** Resolves once nothing waits and nothing is in flight. */
  async emptied(): Promise<void> {
    if (this.#isEmpty) return
    await new Promise<void>((resolve) => {
      this.#whenEmpty = resolve
    })
  }

  /** Gives up what still waits. */
  close(): void {
    const waiting = this.#waiting
    this.#waiting = []
    this.#waitingBytes = 0
    for (const { reject } of waiting) reject(closedError())
  }

  get #isEmpty(): boolean {
    return this.#waiting.length === 0 && this.#inFlight.size === 0
  }

  #sendNext(): void {
    while (this.#inFlight.size < MAX_IN_FLIGHT) {
      const index = this.#waiting.findIndex((entry) => this.#mayGo(entry))
      const [entry] = index === -1 ? [] : this.#waiting.splice(index, 1)
      if (entry === undefined) return
      this.#waitingBytes -= entry.payload.length
      this.#inFlight.add(entry)
      if (entry.inTopicData) this.#busy.add(entry.address)
      void this.#send(entry)
    }
  }

  #mayGo({ inTopicData, address }: Entry): boolean {
    return !inTopicData || !this.#busy.has(address)
  }

  async #send(entry: Entry): Promise<void> {
    try {
      if (entry.inSlot) await this.#fillSlot(entry)
      if (entry.inTopicData) await this.#publish(entry)
      entry.resolve()
    } catch (error) {
      entry.reject(this.#inputs.signal.aborted ? closedError() : error)
    }
    this.#inFlight.delete(entry)
    if (entry.inTopicData) this.#busy.delete(entry.address)
    this.#sendNext()
    if (this.#isEmpty) this.#whenEmpty?.()
  }

  async #publish({ address, payload }: Entry): Promise<void> {
    const { broker, bells, signal } = this.#inputs
    const path = topicPath(address)
    bells.wrote(path, await broker.put(path, payload, signal))
  }

  async #fillSlot({ address, payload }: Entry): Promise<void> {
    const { broker, bells, signal, filled } = this.#inputs
    const name = this.#names.next(payload.length)
    const path = slotPath(address, name)
    try {
      await broker.put(path, payload, signal)
    } catch (error) {
      void this.#withdraw(path) // a part of it may be there, and would stay
      throw error
    }
    filled(address, name)
    bells.ring(bellPath(address))
  }

  async #withdraw(path: Path): Promise<void> {
    const { broker, signal, report } = this.#inputs
    try {
      await broker.remove(path, signal)
    } catch (error) {
      if (!signal.aborted) report(error)
    }
  }
}

function fullError(limit: 'maxWaitingSends' | 'maxWaitingBytes'): WaxwingError {
  return new WaxwingError('ERR_LIMIT', `too much waits to be sent: ${limit}`, { rule: limit })
}
