// SPDX-License-Identifier: Apache-2.0
/**
 * Reads what a stream has, from a beginning to the end as it was then
 * (`docs/spec/09-bindings.md` Section 9.7.6).
 *
 * It asks for a few messages at a time, by a consumer of its own that acknowledges nothing and does not
 * outlive the reading. After a broken connection, or where a message is missing in between, another
 * consumer goes on behind the last one that came: what is read is never silently less.
 *
 * @module
 */

import { AckPolicy, DeliverPolicy, type ConsumerConfig } from '@nats-io/jetstream'
import { createInbox, nanos, type Msg } from '@nats-io/transport-node'
import { Pauses, transportError } from '@waxwing/transport-kit'
import { parseDelivered, type Delivered } from './delivered.js'
import { isPassing, refused, type Session, type StreamRole, type Streams } from './streams.js'

export interface StoredMessage extends Delivered {
  readonly message: Msg
}

export interface StoredPort {
  readonly streams: Streams
  /** A session, as soon as there is one. @throws {WaxwingError} `ERR_CLOSED`. */
  session(): Promise<Session>
  /** @throws {WaxwingError} Once the transport has ended. */
  assertOpen(): void
}

export interface StoredQuery {
  readonly role: StreamRole
  /** Which subjects; `undefined`: all. */
  readonly pattern: string | undefined
  readonly from?: Date | undefined
  /** The first place in the stream that is read. */
  readonly start?: number | undefined
  /** The last place in the stream that is read, where it is known already. */
  readonly end?: number | undefined
  /** Of each subject the newest, or all. */
  readonly kind: 'newest' | 'all'
}

const BATCH = 256
const BATCH_BYTES = 4 * 1024 * 1024
const BATCH_MS = 2_000
const OUTSIDE = 10_093
const ABANDONED_MS = 60_000
const RETRY_MS = [100, 5_000] as const

/** Yields oldest first. @throws {WaxwingError} `ERR_TRANSPORT`, `ERR_CLOSED`. */
export async function* readStored(
  port: StoredPort,
  query: StoredQuery,
): AsyncGenerator<StoredMessage, void> {
  const reading = new Reading(port, query)
  const pauses = new Pauses(...RETRY_MS)
  for (;;) {
    const session = await port.session()
    try {
      if (!(await reading.begin(session))) return
      for (;;) {
        const messages = await reading.batch(session)
        for (const message of messages) {
          port.assertOpen()
          yield message
        }
        port.assertOpen()
        pauses.reset()
        if (await reading.isDone(session)) return
      }
    } catch (error) {
      if (!isPassing(error)) throw refused('the stored messages cannot be read', error)
    } finally {
      await reading.end(session)
    }
    await new Promise((resolve) => setTimeout(resolve, pauses.next()))
  }
}

/** How far it is. */
class Reading {
  readonly #port: StoredPort
  readonly #query: StoredQuery
  readonly #stream: string
  /** The last sequence to read, and the next one. */
  #end: number | undefined
  #next: number | undefined
  #made = ''
  #consumer: string | undefined
  #number = 1
  #isAtEnd = false
  #isBroken = false
  #isEmpty = false

  constructor(port: StoredPort, query: StoredQuery) {
    this.#port = port
    this.#query = query
    this.#stream = port.streams.nameOf(query.role)
    this.#end = query.end
    this.#next = query.start
  }

  /** Makes a consumer. Resolves with whether there is anything to read. */
  async begin(session: Session): Promise<boolean> {
    const info = await this.#port.streams.find(session, this.#query.role)
    if (info === undefined) return false
    if (this.#made !== '' && this.#made !== info.created) {
      throw transportError('the stream was made anew while it was read')
    }
    this.#made = info.created
    this.#end ??= info.state.last_seq
    if (this.#isAtEnd || (this.#next ?? info.state.first_seq) > this.#end) return false
    const consumer = await session.api
      .addConsumer(this.#stream, this.#config())
      .catch((error: unknown) => {
        if (isOutside(error)) return undefined
        throw error
      })
    this.#consumer = consumer?.name
    this.#number = 1
    return consumer !== undefined && consumer.num_pending > 0
  }

  /** The next messages; none where none came in time. */
  async batch(session: Session): Promise<readonly StoredMessage[]> {
    const messages = await fetchBatch(session, this.#stream, this.#consumer ?? '')
    const end = this.#end ?? 0
    const inTurn: StoredMessage[] = []
    for (const message of messages) {
      this.#isBroken = message.number !== this.#number++
      if (this.#isBroken) break
      this.#isAtEnd ||= message.pending === 0 || message.sequence >= end
      const isWanted = message.sequence >= (this.#next ?? 0) && message.sequence <= end
      if (!isWanted) continue
      this.#next = message.sequence + 1
      inTurn.push(message)
    }
    this.#isEmpty = messages.length === 0
    return inTurn
  }

  /** Whether all was read. @throws {Error} If another consumer has to go on. */
  async isDone(session: Session): Promise<boolean> {
    if (this.#isBroken) throw new Error('a message is missing in between')
    if (this.#isAtEnd || !this.#isEmpty) return this.#isAtEnd
    // Nothing came: what was there may have been removed meanwhile.
    const info = await session.api.consumer(this.#stream, this.#consumer ?? '')
    return info.num_pending === 0
  }

  /** Leaves nothing behind. */
  async end({ api }: Session): Promise<void> {
    const consumer = this.#consumer
    this.#consumer = undefined
    if (consumer !== undefined) await api.removeConsumer(this.#stream, consumer)
  }

  #config(): Partial<ConsumerConfig> {
    const { pattern, from, kind } = this.#query
    const begin =
      this.#next !== undefined && kind === 'all'
        ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: this.#next }
        : kind === 'newest'
          ? { deliver_policy: DeliverPolicy.LastPerSubject }
          : from === undefined
            ? { deliver_policy: DeliverPolicy.All }
            : { deliver_policy: DeliverPolicy.StartTime, opt_start_time: from.toISOString() }
    return {
      name: `waxwing-${crypto.randomUUID().replaceAll('-', '')}`,
      ack_policy: AckPolicy.None,
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: nanos(ABANDONED_MS),
      ...begin,
      ...(pattern === undefined ? {} : { filter_subject: pattern }),
    }
  }
}

function isOutside(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === OUTSIDE
}

/** Asks once. Ends early when a message says that none is behind it. */
async function fetchBatch(
  { connection }: Session,
  stream: string,
  consumer: string,
): Promise<readonly StoredMessage[]> {
  const messages: StoredMessage[] = []
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const inbox = createInbox()
  const subscription = connection.subscribe(inbox, {
    callback: (error, message) => {
      if (error !== null) reject(error)
      else if (message.reply) {
        const delivered = parseDelivered(message.reply)
        if (delivered !== undefined) messages.push({ ...delivered, message })
        if (delivered?.pending === 0 || messages.length === BATCH) resolve()
      } else {
        const code = message.headers?.code ?? 0
        if (code === 404 || code === 408 || messages.length > 0) resolve()
        else if (code !== 100) reject(new Error(`the server answered with status ${code}`))
      }
    },
  })
  const largest = connection.info?.max_payload ?? 0
  const question = {
    batch: BATCH,
    max_bytes: Math.max(BATCH_BYTES, 2 * largest),
    expires: nanos(BATCH_MS),
  }
  const timer = setTimeout(() => reject(new Error('no answer')), 2 * BATCH_MS)
  void subscription.closed.then(() => reject(new Error('the connection broke')))
  try {
    const subject = `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`
    connection.publish(subject, JSON.stringify(question), { reply: inbox })
    await promise
  } finally {
    clearTimeout(timer)
    if (!connection.isClosed()) subscription.unsubscribe()
  }
  return messages
}
