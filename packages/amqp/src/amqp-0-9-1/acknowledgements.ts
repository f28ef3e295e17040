// SPDX-License-Identifier: Apache-2.0
/**
 * Acknowledgements of one channel, gathered over a turn of the event loop: where everything up to a
 * message is settled, one frame says so for all of it. Nothing is ever acknowledged along with others
 * that is not settled.
 *
 * @module
 */

import type { Channel, Message } from 'amqplib'

/** A message, by what the broker calls it. */
export type Tagged = Pick<Message, 'fields'>

export class Acknowledgements {
  readonly #channel: Channel
  /** Delivered and not settled, in order: no more than the prefetch. */
  readonly #outstanding = new Set<number>()
  /** Acknowledged, and the broker is still to be told. */
  #acknowledged: number[] = []
  #isOver = false

  constructor(channel: Channel) {
    this.#channel = channel
  }

  /** A message came: it is acknowledged or refused in time, or the channel ends before. */
  delivered({ fields }: Tagged): void {
    this.#outstanding.add(fields.deliveryTag)
  }

  /** The message is safe here. */
  acknowledge({ fields }: Tagged): void {
    if (!this.#outstanding.delete(fields.deliveryTag)) return
    if (this.#acknowledged.push(fields.deliveryTag) === 1) setImmediate(() => this.flush())
  }

  /** The broker takes it back, for others or again for this one (`requeue`), or sets it aside. */
  refuse({ fields: { deliveryTag } }: Tagged, requeue: boolean): void {
    if (!this.#outstanding.delete(deliveryTag) || this.#isOver) return
    this.#channel.nack(tagged(deliveryTag), false, requeue)
  }

  /** Tells the broker now. */
  flush(): void {
    const tags = this.#acknowledged
    this.#acknowledged = []
    if (this.#isOver || tags.length === 0) return
    const [oldest = Infinity] = this.#outstanding
    let last = 0
    for (const tag of tags) {
      if (tag > oldest) this.#tell(tag, false)
      else if (tag > last) last = tag
    }
    if (last > 0) this.#tell(last, true)
  }

  /** The channel is gone. */
  lost(): void {
    this.#isOver = true
    this.#acknowledged = []
    this.#outstanding.clear()
  }

  #tell(deliveryTag: number, isAllUpTo: boolean): void {
    this.#channel.ack(tagged(deliveryTag), isAllUpTo)
  }
}

/** The tag is all that amqplib reads. */
function tagged(deliveryTag: number): Message {
  return { fields: { deliveryTag } } as Message
}
