// SPDX-License-Identifier: Apache-2.0
/**
 * The transport over JetStream: one connection, and on it streams, sends and consumers
 * (`docs/spec/09-bindings.md` Section 9.7). Data and control have consumers of their own, each with
 * its own room, and nothing that is slow is waited for while reading: so data delay no control.
 *
 * @module
 */

import type { NatsConnection } from '@nats-io/transport-node'
import type {
  MessageHandler,
  Received,
  SendOptions,
  Subscription,
  Transport,
  TransportLimits,
  TransportStatus,
  WaxwingError,
} from '@waxwing/core'
import {
  assertFilter,
  closedError,
  inTime,
  Pauses,
  StatusBoard,
  transportError,
} from '@waxwing/transport-kit'
import { JetStreamApi } from './api.js'
import { Asks } from './asks.js'
import { Feed, type FeedTerms } from './feed.js'
import { history } from './history.js'
import { Link } from './link.js'
import { assertSpan, type NatsReplaySpan, type ResolvedOptions } from './options.js'
import { Publisher, type Outgoing } from './publisher.js'
import { RetainedReading } from './retained.js'
import { assertSendable, MessageIds, outgoingOf } from './sending.js'
import type { StoredPort } from './stored.js'
import { isPassing, refused, Streams, type Session } from './streams.js'

const RETRY_MS = [100, 5_000] as const

export class JetStreamTransport implements Transport {
  readonly limits: TransportLimits
  readonly #options: ResolvedOptions
  readonly #status = new StatusBoard()
  readonly #streams: Streams
  readonly #link: Link
  readonly #sends: Publisher
  readonly #ids = new MessageIds()
  readonly #feeds = new Map<string, Feed>()
  readonly #readings = new Set<RetainedReading>()
  readonly #pauses = new Pauses(...RETRY_MS)
  readonly #terms: FeedTerms
  readonly #port: StoredPort
  #session: Session | undefined
  #ready = newWait()
  #wasReady = false
  /** Why nothing works any more. */
  #end: WaxwingError | undefined
  #closing: Promise<void> | undefined
  /** Nothing is sent any more either. */
  #isOver = false

  constructor(options: ResolvedOptions) {
    this.#options = options
    const { maxPayloadBytes } = options
    this.limits = { maxPayloadBytes, binary: true, retained: true, history: 'all' }
    this.#streams = new Streams(options)
    const report = (error: unknown): void => this.#status.report(error)
    this.#terms = { options, streams: this.#streams, report }
    this.#port = {
      streams: this.#streams,
      session: () => this.#whenReady(),
      assertOpen: () => {
        if (this.#end !== undefined) throw this.#end
      },
    }
    this.#sends = new Publisher(options, {
      refusalOf: (item) => this.#refusalOf(item),
      hasBucket: (session) => this.#streams.has(session, 'retained'),
      troubled: () => void this.#recover(),
    })
    this.#link = new Link(options, {
      up: (connection) => this.#up(connection),
      down: () => this.#down(),
      refused: (error) => this.#refused(error),
      denied: (error) => {
        if (error.operation === 'publish') this.#session?.asks.denied(error.subject, error)
        report(transportError(error.message, error))
      },
      report,
    })
  }

  async send(address: string, payload: Uint8Array, options: SendOptions = {}): Promise<void> {
    assertSendable(address, payload, options, this.limits)
    if (this.#end !== undefined) throw this.#end
    const { prefix } = this.#options.stream
    await this.#sends.push(outgoingOf(address, payload, options, { prefix, id: this.#ids.next() }))
  }

  async subscribe(filter: string, handler: MessageHandler): Promise<Subscription> {
    assertFilter(filter)
    const [feed, isFirst] = this.#feedOf(filter)
    const remove = feed.handlers.add(handler)
    const reading = new RetainedReading(handler, feed, this.#terms)
    const close = async (): Promise<void> => {
      remove()
      reading.close()
      this.#readings.delete(reading)
      if (feed.handlers.size > 0 || this.#feeds.get(filter) !== feed) return
      this.#feeds.delete(filter)
      await feed.close()
    }
    try {
      await this.#attach(feed, reading)
    } catch (error) {
      await close()
      throw error
    }
    this.#readings.add(reading)
    void this.#handOver(filter, feed, reading, isFirst)
    return { close }
  }

  replay(filter: string, span: NatsReplaySpan = {}): AsyncIterable<Received> {
    assertFilter(filter)
    assertSpan(span)
    return history(this.#port, { filter, span, prefix: this.#options.stream.prefix })
  }

  onStatus(listener: (status: TransportStatus) => void): () => void {
    return this.#status.listen(listener)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#end ??= closedError()
    this.#ready.reject(closedError())
    for (const reading of this.#readings) reading.close()
    const { closeTimeoutMs } = this.#options
    const feeds = [...this.#feeds.values()].map((feed) => feed.close())
    await Promise.all([
      this.#sends.emptied(closeTimeoutMs),
      inTime(Promise.allSettled(feeds), closeTimeoutMs),
    ])
    this.#isOver = true
    this.#sends.ended(closedError())
    const { connection } = this.#session ?? {}
    if (connection !== undefined) await inTime(connection.flush(), closeTimeoutMs)
    await this.#link.end()
  }

  #feedOf(filter: string): [feed: Feed, isFirst: boolean] {
    if (this.#end !== undefined) throw this.#end
    const known = this.#feeds.get(filter)
    if (known !== undefined) return [known, false]
    const feed = new Feed(filter, this.#terms)
    this.#feeds.set(filter, feed)
    return [feed, true]
  }

  /** Resolves when the consumers are there, and it is known what was retained. */
  async #attach(feed: Feed, reading: RetainedReading): Promise<void> {
    for (;;) {
      const session = await this.#whenReady()
      try {
        if (!feed.isOpen) await feed.attach(session)
        await reading.begin(session, this.#streams)
        feed.isOpen ||= session === this.#session
        if (feed.isOpen) return
      } catch (error) {
        if (!isPassing(error)) throw refused('could not subscribe', error)
        if (session === this.#session) {
          await new Promise((resolve) => setTimeout(resolve, this.#pauses.next()))
        }
      }
    }
  }

  /** First what was retained, then what comes. */
  async #handOver(
    filter: string,
    feed: Feed,
    reading: RetainedReading,
    isFirst: boolean,
  ): Promise<void> {
    try {
      await reading.run(filter, this.#port)
    } catch (error) {
      if (this.#end === undefined) this.#status.report(error)
    }
    if (isFirst) feed.flow()
  }

  async #whenReady(): Promise<Session> {
    if (this.#end !== undefined) throw this.#end
    return this.#session ?? this.#ready.promise
  }

  #refusalOf({ role, subject, address }: Outgoing): WaxwingError | undefined {
    if (role !== 'data' || this.#streams.takes(subject)) return undefined
    const { subjects } = this.#streams
    return transportError(`could not send to ${address}: stream.subjects are ${subjects}`)
  }

  #up(connection: NatsConnection): void {
    void this.#prepare(connection)
  }

  async #prepare(connection: NatsConnection): Promise<void> {
    const { answerTimeoutMs } = this.#options
    const asks = new Asks(connection, answerTimeoutMs)
    try {
      const api = await JetStreamApi.over(connection, answerTimeoutMs)
      await this.#useStreams({ connection, api, asks })
    } catch (error) {
      if (connection.isClosed() || this.#isOver) return
      const why = this.#explained(connection, error)
      if (!this.#wasReady && !isPassing(why)) {
        this.#refused(refused('JetStream cannot be used', why))
        return
      }
      this.#status.report(refused('JetStream cannot be used now', why))
      this.#link.renew(connection) // after a pause
    }
  }

  async #useStreams(session: Session): Promise<void> {
    for (const role of ['control', 'data'] as const) {
      if (this.#wasReady && (await this.#streams.find(session, role)) === undefined) {
        this.#status.report(transportError(`the stream ${this.#streams.nameOf(role)} is gone`))
      }
      await this.#streams.get(session, role)
    }
    if (session.connection.isClosed() || this.#isOver) return
    this.#session = session
    this.#wasReady = true
    this.#sends.resume(session)
    // While it closes, what waits to be sent is all that there is to do.
    const feeds = this.#end === undefined ? [...this.#feeds.values()] : []
    for (const feed of feeds) if (feed.isOpen) feed.attachAgain(session)
    this.#ready.resolve(session)
    this.#link.works()
    this.#status.up(this.#link)
  }

  /** JetStream that is not there says nothing, as one does that starts. */
  #explained(connection: NatsConnection, error: unknown): unknown {
    if (connection.info?.jetstream === true || !isPassing(error)) return error
    return transportError("the server has no JetStream; set delivery to 'core'", error)
  }

  /** A send was not answered: what is missing is made anew, and the sends go on. */
  async #recover(): Promise<void> {
    const session = this.#session
    if (session === undefined) return
    await new Promise((resolve) => setTimeout(resolve, this.#pauses.next()))
    if (session !== this.#session) return
    try {
      for (const role of ['control', 'data', 'retained'] as const) {
        const isMissing = (await this.#streams.find(session, role)) === undefined
        if (isMissing && role !== 'retained') {
          this.#status.report(transportError(`the stream ${this.#streams.nameOf(role)} is gone`))
        }
        await this.#streams.get(session, role)
      }
      this.#pauses.reset()
    } catch (error) {
      if (session !== this.#session || this.#isOver) return
      this.#status.report(refused('JetStream takes no messages now', error))
      void this.#recover()
      return
    }
    if (session === this.#session) this.#sends.resume(session)
  }

  #down(): void {
    const session = this.#session
    this.#session = undefined
    if (session === undefined) return
    if (this.#end === undefined) this.#ready = newWait()
    this.#sends.suspend()
    for (const feed of this.#feeds.values()) feed.lost()
    session.asks.end()
    this.#status.down(this.#link)
  }

  #refused(error: WaxwingError): void {
    this.#end ??= error
    this.#isOver = true
    this.#status.report(error)
    this.#ready.reject(this.#end)
    this.#sends.ended(this.#end)
    for (const feed of this.#feeds.values()) void feed.close()
    void this.#link.end()
  }
}

function newWait(): PromiseWithResolvers<Session> {
  const wait = Promise.withResolvers<Session>()
  wait.promise.catch(() => undefined) // perhaps nobody waits
  return wait
}
