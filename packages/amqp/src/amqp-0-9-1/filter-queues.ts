// SPDX-License-Identifier: Apache-2.0
/**
 * The queues of one connection: one for each filter, whoever asks for it.
 *
 * @module
 */

import type { ChannelModel } from 'amqplib'
import type { MessageHandler, Subscription, WaxwingError } from '@waxwing/core'
import { closedError, limitError } from '@waxwing/transport-kit'
import { FilterQueue, type FilterQueuePort } from './filter-queue.js'

/** Each has a channel; RabbitMQ has 2,047 in a connection, and some are for what is done in between. */
const MAX_FILTERS = 2_000

export class FilterQueues {
  readonly #port: FilterQueuePort
  readonly #queues = new Map<string, FilterQueue>()
  /** Being left, by their filters: the next queue of the filter waits for it. */
  readonly #leaving = new Map<string, Promise<void>>()
  /** Left while there was no connection to say so. */
  readonly #leftBehind = new Map<string, FilterQueue>()
  #model: ChannelModel | undefined

  constructor(port: FilterQueuePort) {
    this.#port = port
  }

  /**
   * Resolves once the queue of the filter is read.
   *
   * @throws {WaxwingError} `ERR_TRANSPORT` if the broker refused; `ERR_LIMIT` if there are too many filters.
   */
  async subscribe(filter: string, handler: MessageHandler): Promise<Subscription> {
    const queue = this.#queues.get(filter) ?? this.#newQueue(filter)
    const remove = queue.add(handler)
    try {
      await queue.read()
    } catch (error) {
      remove()
      if (this.#queues.get(filter) === queue) this.#queues.delete(filter)
      throw error
    }
    let isClosed = false
    return {
      close: async () => {
        if (isClosed) return
        isClosed = true
        if (queue.size === 1 && this.#queues.get(filter) === queue) this.#leave(queue)
        remove()
      },
    }
  }

  connected(model: ChannelModel): void {
    this.#model = model
    for (const queue of this.#leftBehind.values()) {
      queue.remove(model).catch((error: unknown) => this.#port.report(error))
    }
    this.#leftBehind.clear()
    for (const queue of this.#queues.values()) queue.connected(model)
  }

  disconnected(): void {
    this.#model = undefined
    for (const queue of this.#queues.values()) queue.disconnected()
  }

  /** Calls no handler any more. What a session holds stays with the broker. */
  stop(error: WaxwingError): void {
    for (const [filter, queue] of this.#queues) {
      queue.stop(error)
      this.#leaveLater(filter, queue.leave(false))
    }
    this.#queues.clear()
  }

  /** Resolves once the broker knows all that was left. */
  async left(): Promise<void> {
    await Promise.all(this.#leaving.values())
  }

  #newQueue(filter: string): FilterQueue {
    if (this.#queues.size >= MAX_FILTERS) {
      throw limitError('a connection has too many subscriptions', 'filters')
    }
    const queue = new FilterQueue(filter, this.#port)
    this.#queues.set(filter, queue)
    this.#leftBehind.delete(filter)
    void this.#begin(filter, queue)
    return queue
  }

  async #begin(filter: string, queue: FilterQueue): Promise<void> {
    await this.#leaving.get(filter)
    const isWanted = this.#queues.get(filter) === queue
    if (isWanted && this.#model !== undefined) queue.connected(this.#model)
  }

  #leave(queue: FilterQueue): void {
    const { filter } = queue
    this.#queues.delete(filter)
    queue.stop(closedError())
    if (this.#model === undefined && queue.staysBehind) this.#leftBehind.set(filter, queue)
    this.#leaveLater(filter, queue.leave(true))
  }

  #leaveLater(filter: string, left: Promise<void>): void {
    const done: Promise<void> = left
      .catch((error: unknown) => this.#port.report(error))
      .then(() => {
        if (this.#leaving.get(filter) === done) this.#leaving.delete(filter)
      })
    this.#leaving.set(filter, done)
  }
}
