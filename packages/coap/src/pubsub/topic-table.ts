// SPDX-License-Identifier: Apache-2.0
/**
 * The addresses that are listened to: no more than so many, since whoever may write to a broker makes as
 * many as they like.
 *
 * Invariant: addresses of data take no place from those of control messages, and what a wildcard takes
 * none from an address that a filter names.
 *
 * @module
 */

import { isControlAddress, WaxwingError } from '@waxwing/core'
import type { Broker } from './broker.js'
import type { ResolvedOptions } from './options.js'
import type { Registration } from './registration.js'
import { Topic } from './topic.js'
import { namesAddress } from './topics.js'

/** What {@link TopicTable} needs. */
export interface TopicTableInputs {
  readonly control: Broker
  /** For data, which do not stand in the way of anything else. */
  readonly data: Broker
  /** For the bells of data. */
  readonly bells: Broker
  readonly options: ResolvedOptions
  /** Aborted when nothing is read any more. */
  readonly signal: AbortSignal
  readonly report: (error: unknown) => void
}

export class TopicTable {
  readonly #inputs: TopicTableInputs
  readonly #data = new Map<string, Topic>()
  readonly #control = new Map<string, Topic>()
  #isFull = false

  constructor(inputs: TopicTableInputs) {
    this.#inputs = inputs
  }

  *[Symbol.iterator](): Generator<Topic> {
    yield* this.#data.values()
    yield* this.#control.values()
  }

  /** The topic of an address that this registration takes; `undefined` where there are too many. */
  obtain(address: string, { filter }: Registration): Topic | undefined {
    const topics = isControlAddress(address) ? this.#control : this.#data
    const known = topics.get(address)
    if (known !== undefined) return known
    const isFull = topics.size >= this.#inputs.options.maxAddresses
    if (isFull && !namesAddress(filter, address)) return this.#refuse()
    const topic = this.#newTopic(address)
    topics.set(address, topic)
    return topic
  }

  /** Forgets what there is nothing to listen to, or nobody who listens. */
  forgetIdle(): void {
    for (const topics of [this.#data, this.#control]) {
      for (const [address, topic] of topics) {
        if (!topic.isIdle) continue
        topic.close()
        topics.delete(address)
        this.#isFull = false
      }
    }
  }

  #newTopic(address: string): Topic {
    const { data, control, bells, options, signal, report } = this.#inputs
    const { renewMs, retryMinMs: retryMs, maxPayloadBytes } = options
    const isControl = isControlAddress(address)
    const inputs = {
      broker: isControl ? control : data,
      bells: isControl ? control : bells,
      terms: { renewMs, retryMs },
      maxPayloadBytes,
      lifetimeMs: isControl ? options.requestLifetimeMs : options.slotLifetimeMs,
      signal,
      report,
    }
    return new Topic(address, inputs)
  }

  #refuse(): undefined {
    if (this.#isFull) return
    this.#isFull = true
    const message = 'there are more addresses than maxAddresses; the others are not listened to'
    this.#inputs.report(new WaxwingError('ERR_LIMIT', message, { rule: 'maxAddresses' }))
  }
}
