// SPDX-License-Identifier: Apache-2.0
/**
 * One `for await` over a reader. Several share the messages: each goes to one of them.
 *
 * @module
 */

import type { Message, UnprotectedMessage } from '../message.js'
import type { InFlight } from './seen-session.js'
import type { MessageQueue } from './message-queue.js'

type Any = Message | UnprotectedMessage

export class Iteration<M extends Any> implements AsyncIterator<M, undefined> {
  readonly #queue: MessageQueue
  readonly #autoAcknowledge: boolean
  #last: Any | undefined
  #isOver = false

  constructor(queue: MessageQueue, autoAcknowledge: boolean) {
    this.#queue = queue
    this.#autoAcknowledge = autoAcknowledge
  }

  /** @throws {WaxwingError} What the store refuses, where messages are acknowledged of themselves. */
  next(): Promise<IteratorResult<M, undefined>> {
    if (this.#last !== undefined) return this.#acknowledgeThenNext(this.#last)
    return this.#next()
  }

  /** Ends the iteration. The message handed over last is not acknowledged by that. */
  return(): Promise<IteratorResult<M, undefined>> {
    this.#isOver = true
    return Promise.resolve({ done: true, value: undefined })
  }

  async #acknowledgeThenNext(last: Any): Promise<IteratorResult<M, undefined>> {
    await last.acknowledge()
    this.#last = undefined
    return await this.#next()
  }

  #next(): Promise<IteratorResult<M, undefined>> {
    if (this.#isOver) return Promise.resolve({ done: true, value: undefined })
    const entry = this.#queue.take()
    if (entry !== undefined) return this.#handOver(entry)
    return this.#queue.wait().then((waited) => this.#handOver(waited))
  }

  /** What another process may have handed over while it waited here is looked up once more. */
  #handOver(entry: InFlight | undefined): Promise<IteratorResult<M, undefined>> {
    const isStillWanted = entry?.whole?.isStillWanted
    if (isStillWanted === undefined) return Promise.resolve(this.#result(entry))
    return isStillWanted().then((is) => (is ? this.#result(entry) : this.#next()))
  }

  #result(entry: InFlight | undefined): IteratorResult<M, undefined> {
    const message = entry?.message
    if (entry === undefined || message === undefined) {
      this.#isOver = true
      return { done: true, value: undefined }
    }
    entry.message = undefined // its reader keeps it as long as it likes
    if (this.#autoAcknowledge) this.#last = message
    return { done: false, value: message as M }
  }
}
