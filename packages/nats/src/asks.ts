// SPDX-License-Identifier: Apache-2.0
/**
 * Questions to the server and their answers: one inbox for all of them, a number for each. Cheaper
 * than the library's requests, of which each has a timer and a promise; here many may be on their way
 * for every message.
 *
 * @module
 */

import { createInbox, type Msg, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node'
import { transportError } from '@waxwing/transport-kit'

/** Nobody listens there. */
export const NO_RESPONDERS: unique symbol = Symbol('no responders')
/** Nobody answered in time, or the connection broke before. */
export const NO_ANSWER: unique symbol = Symbol('no answer')

/** A message in answer, why there is none, or why it was not even asked. */
export type Answer = Msg | typeof NO_RESPONDERS | typeof NO_ANSWER | Error

interface Ask {
  readonly subject: string
  readonly askedAt: number
  readonly answered: (answer: Answer) => void
}

export class Asks {
  readonly #connection: NatsConnection
  readonly #timeoutMs: number
  readonly #inbox = createInbox()
  readonly #open = new Map<string, Ask>()
  #number = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #isEnded = false

  constructor(connection: NatsConnection, timeoutMs: number) {
    this.#connection = connection
    this.#timeoutMs = timeoutMs
    connection.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (error === null) this.#answered(message)
      },
    })
  }

  /** Calls `answered` once, later. */
  ask(
    subject: string,
    payload: Uint8Array,
    headers: MsgHdrs | undefined,
    answered: (answer: Answer) => void,
  ): void {
    if (this.#isEnded) {
      queueMicrotask(() => answered(NO_ANSWER))
      return
    }
    const number = (this.#number++).toString(36)
    const reply = `${this.#inbox}.${number}`
    try {
      this.#connection.publish(
        subject,
        payload,
        headers === undefined ? { reply } : { reply, headers },
      )
    } catch (error) {
      queueMicrotask(() => answered(transportError('the library refused the message', error)))
      return
    }
    this.#open.set(number, { subject, askedAt: performance.now(), answered })
    this.#timer ??= setTimeout(() => this.#expire(), this.#timeoutMs)
  }

  /** The server let nobody publish there. */
  denied(subject: string, error: Error): void {
    for (const [number, ask] of this.#open) {
      if (ask.subject !== subject) continue
      this.#open.delete(number)
      ask.answered(transportError(`no permission to publish to ${subject}`, error))
    }
  }

  /** The connection is gone. */
  end(): void {
    this.#isEnded = true
    clearTimeout(this.#timer)
    const asks = [...this.#open.values()]
    this.#open.clear()
    for (const { answered } of asks) answered(NO_ANSWER)
  }

  #answered(message: Msg): void {
    const number = message.subject.slice(this.#inbox.length + 1)
    const ask = this.#open.get(number)
    if (ask === undefined) return
    this.#open.delete(number)
    const isStatus = message.data.length === 0 && message.headers?.code === 503
    ask.answered(isStatus ? NO_RESPONDERS : message)
  }

  /** They stand in the order in which they were asked. */
  #expire(): void {
    this.#timer = undefined
    const due = performance.now() - this.#timeoutMs
    for (const [number, { askedAt, answered }] of this.#open) {
      if (askedAt > due) {
        this.#timer = setTimeout(() => this.#expire(), Math.max(1, askedAt - due))
        return
      }
      this.#open.delete(number)
      answered(NO_ANSWER)
    }
  }
}
