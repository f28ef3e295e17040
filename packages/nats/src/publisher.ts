// SPDX-License-Identifier: Apache-2.0
/**
 * Sends: each is confirmed by JetStream before it counts as sent, and is sent again, under the id that
 * it had, when what became of it is not known (`docs/spec/09-bindings.md` Section 9.7.2).
 *
 * A retained message goes to the bucket before it goes to the stream, so that a subscriber who misses
 * it in the one finds it in the other. What was sent after it waits for that: order is kept.
 *
 * @module
 */

import type { MsgHdrsImpl } from '@nats-io/transport-node'
import { JetStreamApiError } from '@nats-io/jetstream'
import type { WaxwingError } from '@waxwing/core'
import { limitError, SendQueue, transportError } from '@waxwing/transport-kit'
import { NO_ANSWER, NO_RESPONDERS, type Answer } from './asks.js'
import type { ResolvedOptions } from './options.js'
import { refusalIn } from './publish-answer.js'
import { refused, type Session, type StreamRole } from './streams.js'

export interface Outgoing {
  readonly address: string
  readonly role: StreamRole
  readonly subject: string
  /** Where it is kept besides, if it is retained. */
  readonly keptAt: string | undefined
  /** Owned by the queue. Empty at `keptAt` with what takes the message away. */
  readonly payload: Uint8Array
  readonly headers: MsgHdrsImpl
}

type Done = (error?: unknown) => void

interface Begun {
  readonly item: Outgoing
  readonly done: Done
  isKept: boolean
}

export interface PublisherOwner {
  /** Whether there is a bucket for retained messages. */
  hasBucket(session: Session): boolean
  /** Why a message cannot be sent there at all. */
  refusalOf(item: Outgoing): WaxwingError | undefined
  /** JetStream did not answer, or nobody takes what is sent there: find out, then `resume`. */
  troubled(): void
}

/** Longer than any line of headers that names them. */
const OVERHEAD_BYTES = 64
const MESSAGE_TOO_LARGE = 10_054

export class Publisher {
  readonly #owner: PublisherOwner
  readonly #queue: SendQueue<Outgoing>
  #session: Session | undefined
  /** What waits until what was sent before it is kept. */
  #line: Begun[] = []

  constructor(options: ResolvedOptions, owner: PublisherOwner) {
    this.#owner = owner
    this.#queue = new SendQueue(options, (item, done) => this.#begin(item, done))
  }

  /** Resolves when JetStream has the message. */
  push(item: Outgoing): Promise<void> {
    return this.#queue.push(item, item.payload.length)
  }

  resume(session: Session): void {
    this.#session = session
    this.#queue.resume()
  }

  /** What is under way is sent again after `resume`. */
  suspend(): void {
    this.#session = undefined
    this.#line = []
    this.#queue.suspend()
  }

  emptied(timeoutMs: number): Promise<void> {
    return this.#queue.emptied(timeoutMs)
  }

  ended(error: WaxwingError): void {
    this.#queue.ended(error)
  }

  #begin(item: Outgoing, done: Done): void {
    const session = this.#session
    if (session === undefined) return // suspended; it is put back
    const refusal = this.#owner.refusalOf(item) ?? tooLarge(item, session)
    if (refusal !== undefined) throw refusal
    if (item.keptAt === undefined && this.#line.length === 0) {
      this.#send(session, item, done)
      return
    }
    if (item.keptAt !== undefined && !this.#owner.hasBucket(session)) {
      this.#trouble() // it is made, and then all of this is sent again
      return
    }
    const begun = { item, done, isKept: item.keptAt === undefined }
    this.#line.push(begun)
    if (item.keptAt !== undefined) this.#keep(session, begun, item.keptAt)
  }

  #keep(session: Session, begun: Begun, subject: string): void {
    const { item, done } = begun
    session.asks.ask(subject, item.payload, item.headers, (answer) => {
      const place = this.#line.indexOf(begun)
      if (place === -1 || session !== this.#session) return
      if (this.#isTrouble(answer)) return
      const why = whyNot(item, answer)
      if (why === undefined) begun.isKept = true
      else {
        this.#line.splice(place, 1)
        done(why)
      }
      this.#sendKept(session)
    })
  }

  #sendKept(session: Session): void {
    while (this.#line[0]?.isKept === true) {
      const begun = this.#line.shift()
      if (begun !== undefined) this.#send(session, begun.item, begun.done)
    }
  }

  #send(session: Session, item: Outgoing, done: Done): void {
    session.asks.ask(item.subject, item.payload, item.headers, (answer) => {
      // What is late counts as well, if it is good news.
      if (session === this.#session && this.#isTrouble(answer)) return
      if (answer !== NO_ANSWER && answer !== NO_RESPONDERS) done(whyNot(item, answer))
    })
  }

  #isTrouble(answer: Answer): boolean {
    const isTrouble = answer === NO_ANSWER || answer === NO_RESPONDERS || isUnavailable(answer)
    if (isTrouble) this.#trouble()
    return isTrouble
  }

  #trouble(): void {
    this.suspend()
    this.#owner.troubled()
  }
}

function tooLarge(
  { payload, headers }: Outgoing,
  { connection }: Session,
): WaxwingError | undefined {
  const most = connection.info?.max_payload ?? Infinity
  if (payload.length + OVERHEAD_BYTES <= most && headers.size() === 1) return undefined
  let bytes = payload.length + OVERHEAD_BYTES
  for (const [name, values] of headers) bytes += 3 * (name.length + (values[0] ?? '').length) + 4
  if (bytes <= most) return undefined
  return limitError(`the server takes messages of ${most} bytes at most`, 'max_payload')
}

function isUnavailable(answer: Answer): boolean {
  if (typeof answer === 'symbol' || answer instanceof Error) return false
  const why = refusalIn(answer)
  return why instanceof JetStreamApiError && why.status === 503
}

function whyNot({ address }: Outgoing, answer: Answer): WaxwingError | undefined {
  if (typeof answer === 'symbol') return transportError(`could not send to ${address}`)
  const why = refusalIn(answer)
  if (why === undefined) return undefined
  if (why instanceof JetStreamApiError && why.code === MESSAGE_TOO_LARGE) {
    return limitError(`could not send to ${address}: ${why.message}`, 'max_msg_size')
  }
  return refused(`could not send to ${address}`, why)
}
