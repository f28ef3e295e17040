// SPDX-License-Identifier: Apache-2.0
/**
 * One receiving link, from attach to detach (AMQP 1.0 Part 2, Section 2.6), in a session of its own.
 *
 * The other side gets credit for as many messages as may be unsettled here, and more only as they are
 * settled. rhea keeps the deliveries of a session in order, and takes in no more while the oldest is
 * unsettled and 2,048 are behind it; so it is told at once that each is settled, which it
 * tells nobody, and what became of it when that is known.
 *
 * @module
 */

import type { Delivery, EventContext, Receiver, Session } from 'rhea'
import type { Settlement } from '@waxwing/transport-kit'
import { linkRefused } from './failures.js'
import type { Network } from './peer.js'

export interface ReceiverTerms {
  /** The node; `undefined` asks the broker for one of its own making. */
  readonly node: string | undefined
  readonly maxUnsettled: number
  /** Asks for messages that are settled already. */
  readonly isPresettled: boolean
  readonly maxMessageBytes: number
}

export interface ReceiverEvents {
  /** The link is there. @param node - Its node, also where the broker made it. */
  opened(node: string): void
  /** The broker did not make the link, or ended it: once, and nothing comes after it. */
  ended(error: unknown): void
  /** A message came: `undefined` if it was too long to be kept. */
  arrived(bytes: Buffer | undefined, settlement: Settlement): void
}

interface Arrival {
  readonly bytes: Buffer | undefined
  readonly delivery: Delivery
}

/** What a message is told that is rejected: the condition of all of them. */
const REJECTED = 'amqp:not-allowed'
/** Credit is given back when so much of it is used up. */
const CREDIT_SHARE = 4

export class ReceiverLink {
  readonly #terms: ReceiverTerms
  readonly #events: ReceiverEvents
  readonly #guard: Network['guard']
  readonly #session: Session
  readonly #receiver: Receiver
  readonly #over = Promise.withResolvers<void>()
  /** Credit that the other side has not used yet. */
  #credit = 0
  /** Handed over and not settled. */
  #inHand = 0
  /** Beyond what there was credit for: RabbitMQ sends more when credit crosses messages on their way. */
  readonly #surplus: Arrival[] = []
  /** True in many ways. */
  #apart = 1
  #isOver = false

  constructor({ guard }: Network, terms: ReceiverTerms, events: ReceiverEvents) {
    this.#terms = terms
    this.#events = events
    this.#guard = guard
    this.#session = guard.session()
    const { node } = terms
    this.#receiver = this.#session.attach_receiver({
      name: `waxwing-${crypto.randomUUID()}`,
      source: node === undefined ? { dynamic: true } : { address: node },
      snd_settle_mode: terms.isPresettled ? 1 : 0,
      rcv_settle_mode: 0,
      max_message_size: terms.maxMessageBytes,
      credit_window: 0,
      autoaccept: false,
    })
    this.#listen()
  }

  /** Ends the link; resolves when the broker has ended it too, or after the time given. */
  async close(timeoutMs: number): Promise<void> {
    if (this.#isOver) return
    this.#isOver = true
    this.#receiver.close()
    this.#session.close()
    const timer = setTimeout(() => this.#over.resolve(), timeoutMs)
    await this.#over.promise
    clearTimeout(timer)
  }

  /** The connection is gone. */
  lost(): void {
    this.#isOver = true
    this.#over.resolve()
  }

  #listen(): void {
    const receiver = this.#receiver
    receiver.on('receiver_open', () => this.#opened())
    receiver.on('receiver_error', () => undefined) // `receiver_close` follows
    receiver.on('receiver_close', () => this.#ended(receiver.error))
    receiver.on('message', (context: EventContext) => this.#arrived(context))
    this.#session.on('session_close', () => {
      this.#ended(this.#session.error)
      this.#over.resolve()
    })
  }

  #opened(): void {
    const { source } = this.#receiver
    if (this.#isOver || source === null || typeof source.address !== 'string') return // a detach follows
    this.#giveCredit()
    this.#events.opened(source.address)
  }

  #ended(error: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#session.close()
    this.#events.ended(linkRefused(this.#terms.node ?? 'a node of its own making', error))
  }

  #arrived({ delivery, message }: EventContext): void {
    if (delivery === undefined) return
    Reflect.set(delivery, 'settled', true) // for rhea's own books: see above
    if (this.#isOver) {
      this.#release(delivery)
      return
    }
    this.#credit = Math.max(0, this.#credit - 1)
    const bytes = this.#guard.isTooLong ? undefined : (message as unknown as Buffer)
    const { maxUnsettled } = this.#terms
    if (this.#inHand < maxUnsettled) this.#hand({ bytes, delivery })
    else if (this.#surplus.length < maxUnsettled) this.#surplus.push({ bytes, delivery })
    else this.#release(delivery)
  }

  #hand({ bytes, delivery }: Arrival): void {
    this.#inHand++
    const settlement = delivery.remote_settled ? this.#settled() : this.#unsettled(delivery)
    this.#events.arrived(bytes, settlement)
  }

  #release(delivery: Delivery): void {
    if (delivery.remote_settled) return
    delivery.release()
    this.#keepApart(delivery)
  }

  /** A message that its sender does not hear of any more. */
  #settled(): Settlement {
    const done = (): undefined => this.#done()
    return { acknowledge: done, giveBack: done }
  }

  #unsettled(delivery: Delivery): Settlement {
    return {
      acknowledge: () => {
        delivery.accept()
        return this.#done()
      },
      reject: (reason) => {
        delivery.reject({ condition: REJECTED, description: reason })
        this.#keepApart(delivery)
        return this.#done()
      },
      giveBack: () => {
        this.#release(delivery)
        this.#done()
      },
    }
  }

  /**
   * rhea settles neighbours together, and compares the outcomes of all of them but the first two: with
   * the outcome of the first. Only where they are settled in different ways it never does.
   */
  #keepApart(delivery: Delivery): void {
    Reflect.set(delivery, 'settled', ++this.#apart)
  }

  #done(): undefined {
    this.#inHand--
    if (this.#isOver) return
    const next = this.#surplus.shift()
    if (next === undefined) this.#giveCredit()
    else this.#hand(next)
  }

  #giveCredit(): void {
    const { maxUnsettled } = this.#terms
    const room = maxUnsettled - this.#inHand - this.#credit
    if (room * CREDIT_SHARE < maxUnsettled) return
    this.#credit += room
    this.#receiver.add_credit(room)
  }
}
