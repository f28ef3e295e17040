// SPDX-License-Identifier: Apache-2.0
/**
 * The transport over core NATS, for servers without JetStream
 * (`docs/spec/09-bindings.md` Section 9.7.8): each message at most once, to whoever listens at that
 * moment. Nothing is kept, nothing comes again, and an acknowledgement is between the transport and
 * the endpoint.
 *
 * What the server cannot hold back is held here, up to a bound; what is over it is dropped and reported.
 *
 * @module
 */

import type { NatsConnection } from '@nats-io/transport-node'
import type {
  MessageHandler,
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
  INTERRUPTED,
  limitError,
  SendQueue,
  StatusBoard,
  transportError,
} from '@waxwing/transport-kit'
import { CoreFeed } from './core-feed.js'
import { CoreReplies, INBOX_HEADER } from './core-replies.js'
import { Link } from './link.js'
import { subjectOf } from './names.js'
import type { ResolvedOptions } from './options.js'
import { headersOf } from './properties.js'
import { assertSendable, boundedSubjectOf } from './sending.js'

interface Outgoing {
  readonly address: string
  readonly subject: string
  readonly payload: Uint8Array
  readonly properties: Readonly<Record<string, string>> | undefined
}

/** Written, and not known to have reached the server. */
interface Written {
  readonly item: Outgoing
  readonly done: (error?: unknown) => void
  /** Where a copy went. */
  copiedTo: string | undefined
  /** Why it did not go to its own subject. */
  refusal: WaxwingError | undefined
}

export class CoreTransport implements Transport {
  readonly limits: TransportLimits
  readonly #options: ResolvedOptions
  readonly #status = new StatusBoard()
  readonly #link: Link
  readonly #sends: SendQueue<Outgoing>
  readonly #feeds = new Map<string, CoreFeed>()
  #connection: NatsConnection | undefined
  readonly #replies: CoreReplies
  /** What was written in this turn. */
  #written: Written[] = []
  /** What the server has not answered to. */
  readonly #unconfirmed = new Set<Written>()
  #ready = newWait()
  #end: WaxwingError | undefined
  #closing: Promise<void> | undefined

  constructor(options: ResolvedOptions) {
    this.#options = options
    const { maxPayloadBytes } = options
    this.limits = { maxPayloadBytes, binary: true, retained: false }
    this.#sends = new SendQueue(options, (item, done) => this.#begin(item, done))
    const report = (error: unknown): void => this.#status.report(error)
    this.#replies = new CoreReplies({
      ownInbox: () => this.#ownInbox(),
      take: (message, address) => {
        for (const feed of this.#feeds.values()) if (feed.inbox) feed.take(message, address)
      },
      report,
    })
    this.#link = new Link(options, {
      up: (connection) => this.#up(connection),
      down: () => this.#down(),
      refused: (error) => this.#refused(error),
      denied: (error) => {
        if (error.operation === 'publish') this.#denied(error.subject, error)
        report(transportError(error.message, error))
      },
      report,
    })
  }

  async send(address: string, payload: Uint8Array, options: SendOptions = {}): Promise<void> {
    assertSendable(address, payload, options, this.limits)
    if (this.#end !== undefined) throw this.#end
    const { properties } = options
    const subject = boundedSubjectOf(address, this.#options.stream.prefix)
    const item = { address, subject, payload: new Uint8Array(payload), properties }
    await this.#sends.push(item, payload.length)
  }

  async subscribe(filter: string, handler: MessageHandler): Promise<Subscription> {
    assertFilter(filter)
    if (this.#end !== undefined) throw this.#end
    let feed = this.#feeds.get(filter)
    if (feed === undefined) {
      feed = new CoreFeed(filter, {
        options: this.#options,
        report: (error) => this.#status.report(error),
        seen: (message, address) => this.#replies.learn(address, message),
      })
      this.#feeds.set(filter, feed)
      if (this.#connection !== undefined) feed.attach(this.#connection)
    }
    const { handlers } = feed
    const own = feed
    const remove = handlers.add(handler)
    const close = async (): Promise<void> => {
      remove()
      if (handlers.size > 0 || this.#feeds.get(filter) !== own) return
      this.#feeds.delete(filter)
      own.close()
    }
    try {
      // The server has it when it has answered to what was written after it.
      await this.#flushed()
    } catch (error) {
      await close()
      throw error
    }
    return { close }
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
    this.#ready.reject(this.#end)
    for (const feed of this.#feeds.values()) feed.close()
    await this.#sends.emptied(this.#options.closeTimeoutMs)
    this.#sends.ended(closedError())
    await this.#link.end()
  }

  async #flushed(): Promise<void> {
    for (;;) {
      const connection = this.#connection ?? (await this.#ready.promise)
      if (this.#end !== undefined) throw this.#end
      const gone = connection.closed().then(() => false)
      const isThere = await Promise.race([connection.flush().then(() => true), gone])
      if (isThere && connection === this.#connection) return
    }
  }

  #up(connection: NatsConnection): void {
    this.#connection = connection
    this.#replies.attach(connection)
    for (const feed of this.#feeds.values()) feed.attach(connection)
    this.#sends.resume()
    this.#ready.resolve(connection)
    this.#link.works()
    this.#status.up(this.#link)
  }

  #down(): void {
    if (this.#connection === undefined) return
    this.#connection = undefined
    if (this.#end === undefined) this.#ready = newWait()
    this.#written = []
    this.#unconfirmed.clear()
    this.#sends.suspend()
    for (const feed of this.#feeds.values()) feed.lost()
    this.#status.down(this.#link)
  }

  #refused(error: WaxwingError): void {
    this.#end ??= error
    this.#status.report(error)
    this.#ready.reject(this.#end)
    this.#sends.ended(this.#end)
    for (const feed of this.#feeds.values()) feed.close()
    void this.#link.end()
  }

  /** What is written in one turn is confirmed together. */
  #begin(item: Outgoing, done: (error?: unknown) => void): void {
    const connection = this.#connection
    if (connection === undefined) {
      done(INTERRUPTED)
      return
    }
    const copiedTo = this.#write(connection, item)
    const written: Written = { item, done, copiedTo, refusal: undefined }
    this.#unconfirmed.add(written)
    this.#written.push(written)
    if (this.#written.length > 1) return
    queueMicrotask(() => {
      const batch = this.#written
      this.#written = []
      connection.flush().then(
        // What the server said before it answered is told a little later.
        () => setImmediate(() => this.#confirmed(batch)),
        () => undefined, // the connection broke: all of it is sent again
      )
    })
  }

  #confirmed(batch: readonly Written[]): void {
    for (const written of batch) {
      const { done, copiedTo, refusal } = written
      if (this.#unconfirmed.delete(written)) done(copiedTo === undefined ? refusal : undefined)
    }
  }

  /** The server let nobody publish there. What went another way as well was sent. */
  #denied(subject: string, error: Error): void {
    for (const written of this.#unconfirmed) {
      const { address, subject: own } = written.item
      if (own === subject) {
        written.refusal = transportError(`no permission to publish to ${address}`, error)
      } else if (written.copiedTo === subject) {
        this.#replies.refused(subject, address)
        written.copiedTo = undefined
      }
    }
  }

  #ownInbox(): string | undefined {
    for (const { inbox } of this.#feeds.values()) if (inbox !== undefined) return inbox
    return undefined
  }

  /** @returns Where a copy went. */
  #write(
    connection: NatsConnection,
    { address, subject, payload, properties }: Outgoing,
  ): string | undefined {
    const back = this.#replies.returnOf(address)
    const own = back?.inbox === undefined ? {} : { [INBOX_HEADER]: subjectOf(back.inbox) }
    const hasHeaders = properties !== undefined || back?.inbox !== undefined
    const headers = hasHeaders ? headersOf(own, properties) : undefined
    const most = connection.info?.max_payload ?? Infinity
    const bytes = payload.length + (headers?.encode().length ?? 0)
    if (bytes > most) throw limitError(`the server takes ${most} bytes at most`, 'max_payload')
    const options = headers === undefined ? {} : { headers }
    if (back === undefined) {
      connection.publish(subject, payload, options)
      return undefined
    }
    connection.publish(subject, payload, { ...options, reply: back.reply })
    return this.#replies.copy(connection, address, payload, headersOf({}, properties))
  }
}

function newWait(): PromiseWithResolvers<NatsConnection> {
  const wait = Promise.withResolvers<NatsConnection>()
  wait.promise.catch(() => undefined) // perhaps nobody waits
  return wait
}
