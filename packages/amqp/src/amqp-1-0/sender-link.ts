// SPDX-License-Identifier: Apache-2.0
/**
 * One sending link, from attach to detach (AMQP 1.0 Part 2, Section 2.6), in a session of its own. What is
 * sent waits here until the link has credit, so that what was not handed over when the link
 * ends was surely not sent.
 *
 * @module
 */

import type { Delivery, EventContext, Sender, Session } from 'rhea'
import { INTERRUPTED, limitError, transportError } from '@waxwing/transport-kit'
import { conditionOf, linkRefused, wordsOf } from './failures.js'
import type { Network } from './peer.js'

/** Called once: see `BeginSend` of the kit. */
type Done = (error?: unknown) => void

interface Waiting {
  readonly bytes: Buffer
  readonly done: Done
}

/** What rhea counts of a link. */
interface Counters {
  readonly credit: number
  readonly delivery_count: number
}

/** A broker ends links that rest, or that it moves: nothing is wrong with what was sent. */
const PASSING: ReadonlySet<string> = new Set(['', 'amqp:link:detach-forced'])

export class SenderLink {
  readonly #node: string
  readonly #isPresettled: boolean
  readonly #onEnd: () => void
  readonly #session: Session
  readonly #sender: Sender
  readonly #waiting: Waiting[] = []
  readonly #unsettled = new Map<Delivery, Done>()
  #handed = 0
  #hasWorked = false
  #isOver = false

  /** @param onEnd - Called when the broker ended the link: another one may be made. */
  constructor({ guard }: Network, node: string, isPresettled: boolean, onEnd: () => void) {
    this.#node = node
    this.#isPresettled = isPresettled
    this.#onEnd = onEnd
    this.#session = guard.session()
    this.#sender = this.#session.attach_sender({
      name: `waxwing-${crypto.randomUUID()}`,
      target: { address: node },
      snd_settle_mode: isPresettled ? 1 : 0,
      rcv_settle_mode: 0,
      treat_modified_as_released: false,
    })
    this.#listen()
  }

  /** Nothing waits, and all was answered. */
  get isIdle(): boolean {
    return this.#waiting.length === 0 && this.#unsettled.size === 0
  }

  /** Sends a message. Presettled, it is done when it is handed over; else when the broker has it. */
  send(bytes: Buffer, done: Done): void {
    this.#waiting.push({ bytes, done })
    this.#sendNext()
  }

  /** Forgets a message that was not answered; nobody is told. It may have been sent. */
  withdraw(done: Done): void {
    const place = this.#waiting.findIndex((each) => each.done === done)
    if (place >= 0) this.#waiting.splice(place, 1)
    for (const [delivery, each] of this.#unsettled) {
      if (each === done) this.#unsettled.delete(delivery)
    }
  }

  /** Ends the link, which must be idle. */
  close(): void {
    this.#isOver = true
    this.#sender.close()
    this.#session.close()
  }

  #listen(): void {
    const sender = this.#sender
    sender.on('sendable', () => this.#sendNext())
    sender.on('accepted', ({ delivery }: EventContext) => {
      this.#hasWorked = true
      this.#settled(delivery, undefined)
    })
    for (const outcome of ['rejected', 'released', 'modified'] as const) {
      sender.on(outcome, ({ delivery }: EventContext) => this.#refused(delivery, outcome))
    }
    sender.on('settled', ({ delivery }: EventContext) => this.#refused(delivery, 'no outcome'))
    sender.on('sender_error', () => undefined) // `sender_close` follows
    sender.on('sender_close', () => this.#ended(sender.error))
    this.#session.on('session_close', () => this.#ended(this.#session.error))
  }

  #sendNext(): void {
    const sender = this.#sender
    while (!this.#isOver && this.#waiting.length > 0 && this.#hasCredit && sender.sendable()) {
      const next = this.#waiting.shift()
      if (next !== undefined) this.#send(next)
    }
  }

  /** Whether there is credit beyond what rhea was given: it counts what it has written alone. */
  get #hasCredit(): boolean {
    const { credit, delivery_count: written } = this.#sender as unknown as Counters
    return credit > this.#handed - written
  }

  #send({ bytes, done }: Waiting): void {
    const most: unknown = Reflect.get(this.#sender, 'max_message_size') // or null, or nothing
    if (typeof most === 'number' && most > 0 && bytes.length > most) {
      done(limitError(`${this.#node} takes messages of ${most} bytes`, 'max-message-size'))
      return
    }
    this.#handed++
    const delivery = this.#sender.send(bytes, undefined, 0)
    if (this.#isPresettled) done()
    else this.#unsettled.set(delivery, done)
  }

  #refused(delivery: Delivery | undefined, outcome: string): void {
    const state: unknown = delivery?.remote_state
    const why: unknown = outcome === 'rejected' ? Reflect.get(Object(state), 'error') : undefined
    const words = why === undefined || why === null ? '' : `: ${wordsOf(why)}`
    this.#settled(delivery, transportError(`${this.#node} answered ${outcome}${words}`, why))
  }

  #settled(delivery: Delivery | undefined, error: unknown): void {
    const done = delivery && this.#unsettled.get(delivery)
    if (delivery === undefined || done === undefined) return
    this.#unsettled.delete(delivery)
    done(error)
  }

  /** What waits or is under way was refused with the link; or is sent again, where the link had worked. */
  #ended(error: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#session.close()
    this.#onEnd()
    const isPassing = this.#hasWorked && PASSING.has(conditionOf(error))
    const answer = isPassing ? INTERRUPTED : linkRefused(this.#node, error)
    const pending = [...this.#unsettled.values(), ...this.#waiting.map(({ done }) => done)]
    this.#unsettled.clear()
    this.#waiting.length = 0
    for (const done of pending) done(answer)
  }
}
