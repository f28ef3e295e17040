// SPDX-License-Identifier: Apache-2.0
/**
 * The messages of one filter: from one or two consumers to its handlers, and back to JetStream what
 * became of them (`docs/spec/09-bindings.md` Section 9.7.4).
 *
 * @module
 */

import { createHash } from 'node:crypto'
import type { Msg } from '@nats-io/transport-node'
import { isControlAddress } from '@waxwing/core'
import {
  filterMatcher,
  groupOf,
  Handlers,
  isControlFilter,
  limitError,
  lostError,
  transportError,
  unshared,
  type Settlement,
} from '@waxwing/transport-kit'
import { NO_ANSWER, NO_RESPONDERS } from './asks.js'
import { sendToDead } from './dead-letters.js'
import { payloadOf, type Delivered } from './delivered.js'
import { addressOfSubject, subjectsOf } from './names.js'
import type { ResolvedOptions } from './options.js'
import { MESSAGE_ID, propertiesOf } from './properties.js'
import { Source, type SourceTerms } from './source.js'
import type { Session, Streams } from './streams.js'

export interface FeedTerms {
  readonly options: ResolvedOptions
  readonly streams: Streams
  readonly report: (error: unknown) => void
}

const ACK = Buffer.from('+ACK')
const TERM = Buffer.from('+TERM')
/** Addresses whose subjects were read lately. */
const MAX_NAMES = 1_024

export class Feed {
  readonly handlers: Handlers
  /** What was handled as a retained message is not handled a second time. */
  readonly handled: Set<string> = new Set()
  /** The consumers were there once: each later session attaches them. */
  isOpen = false
  readonly #terms: FeedTerms
  readonly #sources: readonly Source[]
  readonly #prefix: string
  /** Where the server's pattern takes more than the filter does. */
  readonly #wants: ((address: string) => boolean) | undefined
  readonly #addresses = new Map<string, string>()

  constructor(filter: string, terms: FeedTerms) {
    this.#terms = terms
    const { retryHandlerMs, maxUnacknowledged, stream } = terms.options
    this.handlers = new Handlers({ retryHandlerMs, maxUnacknowledged, report: terms.report })
    this.#prefix = isControlFilter(filter) ? '' : stream.prefix
    this.#wants = /^[+#]/.test(unshared(filter)) ? filterMatcher(unshared(filter)) : undefined
    this.#sources = sourcesOf(filter, terms, (message, delivered, source) =>
      this.#take(message, delivered, source),
    )
  }

  /** Has the consumers made. @throws {unknown} If they cannot be had. */
  async attach(session: Session): Promise<void> {
    for (const source of this.#sources) await source.attach(session)
  }

  attachAgain(session: Session): void {
    for (const source of this.#sources) void source.attachAgain(session)
  }

  flow(): void {
    for (const source of this.#sources) source.flow()
  }

  lost(): void {
    this.handlers.lost()
    for (const source of this.#sources) source.lost()
  }

  async close(): Promise<void> {
    const closed = this.#sources.map((source) => source.close())
    this.handlers.close()
    await Promise.all(closed)
  }

  #take(message: Msg, delivered: Delivered, source: Source): void {
    const settlement = this.#terms.options.deadLetters
      ? new RejectableAtJetStream(message, delivered, source, this.#terms)
      : new AtJetStream(message, source)
    const payload = payloadOf(message)
    const { maxPayloadBytes } = this.#terms.options
    if (payload.length > maxPayloadBytes) {
      this.#terms.report(
        limitError(`a message of ${payload.length} bytes is dropped`, 'maxPayloadBytes'),
      )
      settlement.drop()
      return
    }
    const address = this.#addressOf(message.subject)
    if (address === undefined) {
      this.#terms.report(transportError(`no address has the subject ${message.subject}`))
      settlement.drop()
      return
    }
    if (this.#wants?.(address) === false || this.#wasHandled(message)) {
      settlement.skip()
      return
    }
    const { count } = delivered
    const properties = propertiesOf(message.headers)
    this.handlers.offer(
      {
        address,
        payload,
        properties: count > 1 ? { ...properties, 'x-delivery-count': `${count - 1}` } : properties,
        retained: false,
        redelivered: count > 1,
      },
      settlement,
    )
  }

  #wasHandled(message: Msg): boolean {
    return this.handled.size > 0 && this.handled.has(message.headers?.get(MESSAGE_ID) ?? '')
  }

  #addressOf(subject: string): string | undefined {
    const known = this.#addresses.get(subject)
    if (known !== undefined) return known
    if (!subject.startsWith(this.#prefix)) return undefined
    const address = addressOfSubject(subject.slice(this.#prefix.length))
    if (address === undefined) return undefined
    if (this.#addresses.size >= MAX_NAMES) this.#addresses.clear()
    this.#addresses.set(subject, address)
    return address
  }
}

/** A message between JetStream and the handlers. */
class AtJetStream implements Settlement {
  protected readonly message: Msg
  protected readonly source: Source
  protected readonly session: Session | undefined
  protected readonly reply: string

  constructor(message: Msg, source: Source) {
    this.message = message
    this.source = source
    this.session = source.session
    this.reply = message.reply ?? ''
  }

  acknowledge(): Promise<void> {
    return this.tell(ACK)
  }

  giveBack(): void {
    this.source.giveBack(this.reply)
  }

  /** Nobody here wants it. */
  skip(): void {
    this.tell(ACK).catch(() => undefined) // then it comes again, and is skipped again
  }

  /** Nobody anywhere can use it. */
  drop(): void {
    this.tell(TERM).catch(() => undefined)
  }

  /** Resolves when JetStream has confirmed it: then the message never comes again. */
  protected tell(what: Uint8Array): Promise<void> {
    const { session, source, reply } = this
    if (session === undefined || session !== source.session) return Promise.reject(lostError())
    return new Promise((resolve, reject) => {
      session.asks.ask(reply, what, undefined, (answer) => {
        // Else the connection is gone, and the next one gives it back.
        if (session === source.session) source.settled(reply)
        if (answer === NO_ANSWER || answer === NO_RESPONDERS) {
          reject(transportError('the acknowledgement was not confirmed; it may come again'))
        } else if (answer instanceof Error) reject(answer)
        else resolve()
      })
    })
  }
}

/** Where rejected messages have a place. */
class RejectableAtJetStream extends AtJetStream {
  readonly #delivered: Delivered
  readonly #terms: FeedTerms

  constructor(message: Msg, delivered: Delivered, source: Source, terms: FeedTerms) {
    super(message, source)
    this.#delivered = delivered
    this.#terms = terms
  }

  async reject(reason: string): Promise<void> {
    const { session, source, message } = this
    try {
      if (session === undefined || session !== source.session) throw lostError()
      const letter = { message, delivered: this.#delivered, reason }
      await sendToDead(session, this.#terms.streams, letter)
    } catch (error) {
      this.giveBack()
      throw error
    }
    await this.tell(TERM)
  }
}

function sourcesOf(
  filter: string,
  { options, streams, report }: FeedTerms,
  take: SourceTerms['take'],
): readonly Source[] {
  const [group, inner, isControl] = [groupOf(filter), unshared(filter), isControlFilter(filter)]
  const prefix = isControl ? '' : options.stream.prefix
  const patterns = subjectsOf(inner)
  const isInbox = /^waxwing\/v1\/inbox\/[^+#/]+(\/#)?$/.test(inner)
  const { name, maxUnacknowledged } = options
  return patterns.map((pattern, index) => {
    const isAll = pattern === '>' && prefix === ''
    // Of `a/#`, what is sent to `a` itself.
    const isParent = index > 0
    const least = Math.max(1, Math.floor(maxUnacknowledged / 4))
    const hasTwo = patterns.length > 1
    const owner = group !== undefined ? `group ${group}` : name === undefined ? '' : `name ${name}`
    const isDurable = owner !== '' || isInbox
    return new Source({
      options,
      streams,
      report,
      take,
      role: isControl || isControlAddress(inner) ? 'control' : 'data',
      pattern: isAll ? undefined : prefix + pattern,
      durable: isDurable ? durableName(owner, prefix + pattern) : undefined,
      isShared: group !== undefined,
      begin: isInbox ? 'all' : 'new',
      limit: isParent ? least : hasTwo ? Math.max(1, maxUnacknowledged - least) : maxUnacknowledged,
      isOptional: isParent,
    })
  })
}

/** A consumer's name has neither dots nor blanks nor wildcards. */
function durableName(owner: string, pattern: string): string {
  const hash = createHash('sha256').update(`${owner}\n${pattern}`).digest('hex')
  return `waxwing-${hash.slice(0, 32)}`
}
