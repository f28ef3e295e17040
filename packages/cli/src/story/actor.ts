// SPDX-License-Identifier: Apache-2.0
/**
 * One of those who play in the story: an endpoint as any application opens one, and a memory of what
 * happened on it.
 *
 * @module
 */

import { inspect } from 'node:util'
import type { Endpoint, Message, Reader, Receipt, WaxwingEvent } from '@waxwing/client'
import { comesTrue } from './claims.js'

type EventOf<T extends WaxwingEvent['type']> = Extract<WaxwingEvent, { type: T }>

export class Actor {
  readonly name: string
  readonly endpoint: Endpoint
  readonly events: WaxwingEvent[] = []
  /** What was opened, in order. */
  readonly opened: Message[] = []
  #reader: Reader | undefined
  /** Why reading ended, if it did. */
  #failure = ''

  constructor(name: string, endpoint: Endpoint) {
    this.name = name
    this.endpoint = endpoint
    endpoint.on('event', (event) => this.events.push(event))
  }

  get reader(): Reader {
    if (this.#reader === undefined) throw new TypeError(`${this.name} does not read`)
    return this.#reader
  }

  /** Reads from now on whatever comes. */
  async read(filter: string, reason: string): Promise<void> {
    this.#reader = this.endpoint.reader(filter, { reason })
    await this.#reader.start()
    this.#collect(this.#reader).catch((error: unknown) => {
      this.#failure = `; reading ended: ${inspect(error)}`
    })
  }

  /** Waits for an event of a type, the first since there were `mark` events. */
  event<T extends WaxwingEvent['type']>(
    type: T,
    mark = 0,
    isMeant: (event: EventOf<T>) => boolean = () => true,
  ): Promise<EventOf<T>> {
    const look = (): EventOf<T> | undefined =>
      this.events
        .slice(mark)
        .find((event): event is EventOf<T> => isOf(type, event) && isMeant(event))
    return comesTrue(`the ${this.name} reports "${type}"`, look, () => this.#sinceWords(mark))
  }

  /** Waits until the message of a receipt is opened. */
  opens(receipt: Receipt): Promise<Message> {
    const look = (): Message | undefined =>
      this.opened.find((message) => isSame(message.receipt, receipt))
    return comesTrue(`the ${this.name} opens it`, look, () => this.#sinceWords(0))
  }

  /** Waits until the object of a receipt is parked. */
  parks(receipt: Receipt): Promise<EventOf<'parked'>> {
    return this.event('parked', 0, ({ session = '', counter = -1 }) =>
      isSame({ ...receipt, session, counter }, receipt),
    )
  }

  /** How many objects wait for a key. */
  async parkedCount(): Promise<number> {
    const pools = await this.reader.parked()
    return pools.reduce((sum, { count }) => sum + count, 0)
  }

  async #collect(reader: Reader): Promise<void> {
    for await (const message of reader) {
      if (message.kind === 'message') this.opened.push(message)
      await message.acknowledge()
    }
  }

  #sinceWords(mark: number): string {
    const types = this.events.slice(mark).map(({ type }) => type)
    return `${this.opened.length} opened, events: ${types.join(' ') || 'none'}${this.#failure}`
  }
}

function isOf<T extends WaxwingEvent['type']>(type: T, event: WaxwingEvent): event is EventOf<T> {
  return event.type === type
}

function isSame(a: Receipt, b: Receipt): boolean {
  const isSameSession = a.generationId === b.generationId && a.session === b.session
  return isSameSession && a.counter === b.counter
}
