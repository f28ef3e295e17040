// SPDX-License-Identifier: Apache-2.0
/**
 * One consumer of a stream, from which the messages of one pattern come
 * (`docs/spec/09-bindings.md` Section 9.7.4).
 *
 * It is found or made in each session, and made again when it is gone: from the oldest message on that
 * was not settled, so that nothing is missed while there was none. What a broken connection left in the
 * hands of handlers is given back, and so comes again at once.
 *
 * @module
 */

import {
  AckPolicy,
  DeliverPolicy,
  JetStreamApiCodes,
  type ConsumerConfig,
  type ConsumerInfo,
} from '@nats-io/jetstream'
import { nanos, type Msg } from '@nats-io/transport-node'
import { Pauses } from '@waxwing/transport-kit'
import { parseDelivered, type Delivered } from './delivered.js'
import type { ResolvedOptions } from './options.js'
import { dropOldRequests, Puller } from './puller.js'
import {
  hasCode,
  isPassing,
  refused,
  type Session,
  type StreamRole,
  type Streams,
} from './streams.js'

export interface SourceTerms {
  readonly options: ResolvedOptions
  readonly streams: Streams
  readonly role: StreamRole
  /** What comes from here; `undefined`: all of the stream. */
  readonly pattern: string | undefined
  /** The consumer's name, if it outlives this transport. */
  readonly durable: string | undefined
  /** Several transports take from it. */
  readonly isShared: boolean
  /** Where a consumer begins that was never there before. */
  readonly begin: 'all' | 'new'
  /** How many messages may be unsettled. */
  readonly limit: number
  /** The stream may take nothing that the pattern matches. */
  readonly isOptional: boolean
  readonly take: (message: Msg, delivered: Delivered, source: Source) => void
  readonly report: (error: unknown) => void
}

/** A pattern outside of what the stream takes. */
const OUTSIDE = 10_093
/** A consumer that nobody can name again is forgotten after so long. */
const EPHEMERAL_MS = 300_000
/** What all members of a group together may have unsettled. */
const SHARED_LIMIT = 10_000
const MAX_HEARTBEAT_MS = 5_000
const RETRY_MS = [100, 5_000] as const
/** Nobody removes a consumer and makes it anew so soon after it was made. */
const SAME_MS = 1_000

const NAK = Buffer.from('-NAK')
const WORKING = Buffer.from('+WPI')

export class Source {
  readonly #terms: SourceTerms
  readonly #name: string
  readonly #pauses = new Pauses(...RETRY_MS)
  /** Where each unsettled message is acknowledged, and its place in the stream. */
  readonly #unsettled = new Map<string, number>()
  #session: Session | undefined
  #puller: Puller | undefined
  #isFlowing = false
  /** When the stream was made: another one of the same name counts from the beginning. */
  #streamMade: string | undefined
  /** When the consumer was made. */
  #made: string | undefined
  /** What was sent before, this included, need not come again, except what is unsettled. */
  #last = 0
  #lostAt = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  readonly #working: ReturnType<typeof setInterval>
  #isClosed = false

  constructor(terms: SourceTerms) {
    this.#terms = terms
    this.#name = terms.durable ?? `waxwing-${crypto.randomUUID().replaceAll('-', '')}`
    this.#working = setInterval(() => this.#stillWorking(), terms.options.ackWaitMs / 3)
  }

  /** The present session, as long as its connection is there. */
  get session(): Session | undefined {
    return this.#session
  }

  /** Finds or makes the consumer. @throws {unknown} If it cannot be had. */
  async attach(session: Session): Promise<void> {
    const { streams, role, isOptional } = this.#terms
    const stream = await streams.get(session, role)
    if (this.#streamMade !== undefined && this.#streamMade !== stream.created) {
      this.#last = 0
      this.#made = undefined
      this.#unsettled.clear()
    }
    try {
      const consumer = await this.#consumer(session)
      this.#noteStart(consumer)
    } catch (error) {
      if (isOptional && hasCode(error, OUTSIDE)) return
      throw error
    }
    this.#streamMade = stream.created
    if (session.connection.isClosed() || this.#isClosed) return
    // Except where another one of the group has it by now.
    const { isShared, options } = this.#terms
    const isLate = isShared && performance.now() - this.#lostAt > options.ackWaitMs / 2
    if (isLate) this.#unsettled.clear()
    else await this.#giveBackAll(session)
    if (session.connection.isClosed() || this.#isClosed) return
    this.#session = session
    this.#pull()
  }

  /** The same in a later session, again and again until it works. */
  async attachAgain(session: Session): Promise<void> {
    try {
      await this.attach(session)
      this.#pauses.reset()
    } catch (error) {
      if (this.#isClosed || session.connection.isClosed()) return
      if (!isPassing(error)) this.#terms.report(refused('no messages come', error))
      clearTimeout(this.#timer)
      this.#timer = setTimeout(() => void this.attachAgain(session), this.#pauses.next())
    }
  }

  /** From now on messages come. */
  flow(): void {
    this.#isFlowing = true
    this.#pull()
  }

  /** The connection is gone. */
  lost(): void {
    clearTimeout(this.#timer)
    void this.#puller?.stop()
    this.#puller = undefined
    this.#session = undefined
    this.#lostAt = performance.now()
  }

  /** The message is not in our hands any more. */
  settled(reply: string): void {
    if (this.#unsettled.delete(reply)) this.#puller?.more()
  }

  /** Another consumer may have it, at once. */
  giveBack(reply: string): void {
    if (this.#isClosed) return // with all others, when nothing is asked for any more
    if (this.#session !== undefined) tell(this.#session, reply, NAK)
    this.settled(reply)
  }

  /** Nothing comes any more, and what is unsettled was given back. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    clearInterval(this.#working)
    const session = this.#session
    await this.#puller?.stop()
    if (session === undefined) return
    await this.#giveBackAll(session)
    if (this.#terms.durable === undefined) {
      const { streams, role } = this.#terms
      await session.api.removeConsumer(streams.nameOf(role), this.#name)
    }
  }

  async #consumer(session: Session): Promise<ConsumerInfo> {
    const { streams, role } = this.#terms
    const [stream, { api }] = [streams.nameOf(role), session]
    const wanted = this.#config()
    try {
      const info = await api.consumer(stream, this.#name)
      if (this.#skips(info)) {
        await api.removeConsumer(stream, this.#name)
        return await api.addConsumer(stream, wanted)
      }
      const { ack_wait, max_ack_pending, inactive_threshold } = wanted
      const isSame =
        info.config.ack_wait === ack_wait && info.config.max_ack_pending === max_ack_pending
      if (isSame) return info
      return await api.updateConsumer(stream, this.#name, {
        ack_wait,
        max_ack_pending,
        ...(inactive_threshold === undefined ? {} : { inactive_threshold }),
      })
    } catch (error) {
      if (!hasCode(error, JetStreamApiCodes.ConsumerNotFound)) throw error
      return api.addConsumer(stream, wanted)
    }
  }

  /** Whether another one of the group made it anew meanwhile, so that it leaves out what is not settled. */
  #skips({ created, config }: ConsumerInfo): boolean {
    if (!this.#terms.isShared || this.#made === undefined) return false
    if (isSameTime(this.#made, created)) return false
    const { opt_start_seq: start = Infinity } = this.#beginning()
    const isAll = config.deliver_policy === DeliverPolicy.All
    return !isAll && (config.opt_start_seq ?? Infinity) > start
  }

  #config(): Partial<ConsumerConfig> & { ack_wait: number; max_ack_pending: number } {
    const { options, pattern, durable, isShared, limit } = this.#terms
    const inactive = durable === undefined ? EPHEMERAL_MS : 1000 * (options.inactiveSeconds ?? 0)
    return {
      ...(durable === undefined ? { name: this.#name } : { durable_name: durable }),
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(options.ackWaitMs),
      max_ack_pending: isShared ? SHARED_LIMIT : limit,
      max_deliver: -1,
      ...this.#beginning(),
      ...(pattern === undefined ? {} : { filter_subject: pattern }),
      ...(inactive === 0 ? {} : { inactive_threshold: nanos(inactive) }),
    }
  }

  #beginning(): Pick<ConsumerConfig, 'deliver_policy' | 'opt_start_seq'> {
    if (this.#streamMade === undefined) {
      const { begin } = this.#terms
      return { deliver_policy: begin === 'all' ? DeliverPolicy.All : DeliverPolicy.New }
    }
    const oldest = Math.min(this.#last + 1, ...this.#unsettled.values())
    return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: oldest }
  }

  /** What comes before this needs not come again, should the consumer have to be made anew. */
  #noteStart({ created, delivered, ack_floor, num_ack_pending }: ConsumerInfo): void {
    this.#made = created
    const start = num_ack_pending > 0 ? ack_floor.stream_seq : delivered.stream_seq
    this.#last = Math.max(this.#last, start)
  }

  async #giveBackAll(session: Session): Promise<void> {
    if (this.#unsettled.size === 0) return
    const { streams, role } = this.#terms
    const message = await dropOldRequests(session, streams.nameOf(role), this.#name)
    if (message?.reply) this.#unsettled.set(message.reply, 0)
    for (const reply of this.#unsettled.keys()) tell(session, reply, NAK)
    this.#unsettled.clear()
  }

  #pull(): void {
    const session = this.#session
    if (!this.#isFlowing || session === undefined || this.#puller !== undefined) return
    const { streams, role, limit, options } = this.#terms
    this.#puller = new Puller(session, streams.nameOf(role), this.#name, {
      room: () => limit - this.#unsettled.size,
      message: (message) => this.#came(message),
      late: (message) => void this.#unsettled.set(message.reply ?? '', 0),
      heartbeatMs: Math.max(250, Math.min(MAX_HEARTBEAT_MS, Math.floor(options.ackWaitMs / 3))),
      lost: (why) => this.#gone(session, why),
    })
  }

  /** Nothing comes from this consumer any more. */
  #gone(session: Session, why: string): void {
    this.#puller = undefined
    if (this.#isClosed || session.connection.isClosed()) return
    this.#terms.report(refused('messages stopped coming', new Error(why)))
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.attachAgain(session), this.#pauses.next())
  }

  #came(message: Msg): void {
    const reply = message.reply ?? ''
    const delivered = parseDelivered(reply)
    if (delivered === undefined) {
      this.#terms.report(refused('a message was dropped', new Error('it is none of JetStream')))
      return
    }
    this.#unsettled.set(reply, delivered.sequence)
    // Of a group, others may hold what was sent before.
    if (!this.#terms.isShared) this.#last = Math.max(this.#last, delivered.sequence)
    this.#terms.take(message, delivered, this)
  }

  /** Whoever holds a message does not lose it to another one for being slow. */
  #stillWorking(): void {
    const session = this.#session
    if (session === undefined) return
    for (const reply of this.#unsettled.keys()) tell(session, reply, WORKING)
    if (this.#terms.isShared) void this.#askStart(session)
  }

  /** What all of the group have settled by now. */
  async #askStart(session: Session): Promise<void> {
    const { streams, role } = this.#terms
    try {
      const info = await session.api.consumer(streams.nameOf(role), this.#name)
      if (this.#isClosed || session !== this.#session) return
      if (this.#made !== undefined && isSameTime(info.created, this.#made)) this.#noteStart(info)
      else if (this.#puller !== undefined) {
        void this.#puller.stop()
        this.#gone(session, 'somebody made the consumer anew')
      }
    } catch {
      // It is gone, which the puller notices, or slow: what was known holds.
    }
  }
}

/** A server that was started again says of its consumers a time that is a little later. */
function isSameTime(one: string, other: string): boolean {
  return Math.abs(Date.parse(one) - Date.parse(other)) < SAME_MS
}

function tell(session: Session, reply: string, what: Uint8Array): void {
  if (!session.connection.isClosed()) session.connection.publish(reply, what)
}
