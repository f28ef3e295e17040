// SPDX-License-Identifier: Apache-2.0
/**
 * Asks a consumer for messages, never for more than there is room for, and notices when it does not
 * answer any more.
 *
 * The server serves requests in the order in which they came, tells by heartbeats that it knows of them,
 * and by a status that one has ended.
 *
 * @module
 */

import { createInbox, nanos, type Msg, type Subscription } from '@nats-io/transport-node'
import type { Session } from './streams.js'

/** How long a request for messages stands. */
const EXPIRES_MS = 30_000
/** How long a request stands that is only to be answered. */
const BRIEF_MS = 20
/** How long its answer may take. */
const PATIENCE_MS = 1_000

export interface PullerOwner {
  /** How often the server tells that it knows of a request. */
  readonly heartbeatMs: number
  /** How many messages there is room for, those included that were asked for. */
  room(): number
  message(message: Msg): void
  /** A message that was on its way when this was stopped. */
  late(message: Msg): void
  /** The consumer is gone, or does not answer. Nothing more comes from this puller. */
  lost(why: string): void
}

interface Pull {
  readonly number: string
  rest: number
}

export class Puller {
  readonly #session: Session
  readonly #subject: string
  readonly #owner: PullerOwner
  readonly #inbox = createInbox()
  readonly #subscription: Subscription
  readonly #pulls: Pull[] = []
  #asked = 0
  #number = 0
  #heardAt = performance.now()
  readonly #watch: ReturnType<typeof setInterval>
  #isStopped = false

  constructor(session: Session, stream: string, consumer: string, owner: PullerOwner) {
    this.#session = session
    this.#subject = `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`
    this.#owner = owner
    this.#subscription = session.connection.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (error !== null) this.#lost(error.message)
        else if (!this.#isStopped) this.#came(message)
        else if (message.reply) this.#owner.late(message)
      },
    })
    this.#watch = setInterval(() => this.#check(), owner.heartbeatMs)
    this.more()
  }

  /** There may be room for more messages. */
  more(): void {
    if (this.#isStopped || this.#session.connection.isClosed()) return
    const room = this.#owner.room()
    const free = room - this.#asked
    // Not for each message: half of the room at once.
    if (free <= 0 || (this.#asked > 0 && 2 * free < room)) return
    const number = (this.#number++).toString(36)
    this.#pulls.push({ number, rest: free })
    this.#asked += free
    this.#session.connection.publish(
      this.#subject,
      JSON.stringify({
        batch: free,
        expires: nanos(EXPIRES_MS),
        idle_heartbeat: nanos(this.#owner.heartbeatMs),
      }),
      { reply: `${this.#inbox}.${number}` },
    )
  }

  /** Resolves when nothing comes any more that was on its way. */
  async stop(): Promise<void> {
    if (this.#isStopped) return
    this.#isStopped = true
    clearInterval(this.#watch)
    if (this.#session.connection.isClosed() || this.#subscription.isClosed()) return
    await this.#subscription.drain().catch(() => undefined) // the connection broke
  }

  #came(message: Msg): void {
    this.#heardAt = performance.now()
    if (!message.reply) {
      this.#status(message)
      return
    }
    const [pull] = this.#pulls
    if (pull !== undefined) {
      this.#asked--
      if (--pull.rest === 0) this.#pulls.shift()
    }
    this.#owner.message(message)
    this.more()
  }

  #status(message: Msg): void {
    const { code = 0, description = '' } = message.headers ?? {}
    if (code === 100) return // a heartbeat
    const number = message.subject.slice(this.#inbox.length + 1)
    const place = this.#pulls.findIndex((pull) => pull.number === number)
    if (code !== 404 && code !== 408) {
      if (place !== -1) this.#lost(description || `status ${code}`)
      return
    }
    const [pull] = place === -1 ? [] : this.#pulls.splice(place, 1)
    this.#asked -= pull?.rest ?? 0
    this.more()
  }

  #check(): void {
    const silentMs = performance.now() - this.#heardAt
    if (this.#pulls.length === 0) this.#heardAt = performance.now()
    else if (silentMs > 2.5 * this.#owner.heartbeatMs) this.#lost('it does not answer')
  }

  #lost(why: string): void {
    if (this.#isStopped) return
    void this.stop()
    this.#owner.lost(why)
  }
}

/**
 * Resolves when the server has looked through the requests for messages that stand, and forgotten those
 * that nobody waits for any more. Servers of version 2.9 that give a message back to such a request count
 * wrongly: they deliver another one again, which was acknowledged.
 *
 * @returns A message that came instead.
 */
export async function dropOldRequests(
  { connection }: Session,
  stream: string,
  consumer: string,
): Promise<Msg | undefined> {
  if (connection.isClosed()) return undefined
  const { promise, resolve } = Promise.withResolvers<Msg | undefined>()
  const reply = createInbox()
  const subscription = connection.subscribe(reply, {
    callback: (error, message) => resolve(error === null ? message : undefined),
  })
  void subscription.closed.then(() => resolve(undefined))
  const timer = setTimeout(() => resolve(undefined), PATIENCE_MS)
  const question = JSON.stringify({ batch: 1, expires: nanos(BRIEF_MS) })
  connection.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`, question, { reply })
  const answer = await promise
  clearTimeout(timer)
  if (!connection.isClosed()) subscription.unsubscribe()
  return answer?.reply ? answer : undefined
}
