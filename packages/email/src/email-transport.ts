// SPDX-License-Identifier: Apache-2.0
/**
 * The transport over e-mail (`docs/spec/09-bindings.md` Section 9.9): each payload a mail of its own, out
 * by SMTP, and in by IMAP from one folder, where a mail waits until it was handled.
 *
 * @module
 */

import {
  WaxwingError,
  type MessageHandler,
  type Received,
  type SendOptions,
  type Subscription,
  type Transport,
  type TransportLimits,
  type TransportStatus,
} from '@waxwing/core'
import {
  assertAddress,
  assertFilter,
  closedError,
  groupOf,
  StatusBoard,
} from '@waxwing/transport-kit'
import { composeMail, newMessageId } from './compose-mail.js'
import { resolveEmail, type EmailTransportOptions, type ResolvedEmail } from './email-options.js'
import { MailboxWatch } from './mailbox/mailbox-watch.js'
import { readHistory } from './mailbox/mail-history.js'
import { MailQueue } from './sending/mail-queue.js'
import { Directory } from './transport/directory.js'
import { ItemDispatch } from './transport/item-dispatch.js'
import { ItemFilter } from './transport/item-filter.js'

/** Names the connection of sending on the status board. */
const SMTP: object = {}

type Span = Parameters<NonNullable<Transport['replay']>>[1]

/**
 * Opens a transport. With `imap` it connects at once, and again whenever the connection breaks; SMTP when
 * there is something to send. What fails on the way is reported by `onStatus`. When the mailbox is refused
 * at first (wrong credentials, no such folder, one that cannot do what `afterwards` says), everything that
 * waits for it and everything later fails with `ERR_TRANSPORT`.
 *
 * @throws {TypeError | RangeError} Naming the option that is wrong.
 */
export function emailTransport(options: EmailTransportOptions): Transport {
  return new EmailTransport(resolveEmail(options))
}

class EmailTransport implements Transport {
  readonly limits: TransportLimits
  readonly replay?: NonNullable<Transport['replay']>
  readonly #options: ResolvedEmail
  readonly #status = new StatusBoard()
  readonly #directory: Directory
  readonly #queue: MailQueue | undefined
  readonly #watch: MailboxWatch | undefined
  readonly #dispatch: ItemDispatch
  readonly #ready = Promise.withResolvers<void>()
  readonly #ending = new AbortController()
  /** Sends that look for their mailboxes. */
  readonly #looking = new Set<Promise<unknown>>()
  #isSmtpReached = true
  #end: WaxwingError | undefined
  #closing: Promise<void> | undefined

  constructor(options: ResolvedEmail) {
    this.#options = options
    const { mailer, mailbox, maxPayloadBytes, answerSeconds } = options
    const history = mailbox === undefined ? {} : ({ history: 'all' } as const)
    this.limits = {
      maxPayloadBytes,
      binary: true,
      retained: false,
      properties: false,
      answerSeconds,
      ...history,
    }
    if (mailbox !== undefined) this.replay = (filter, span) => this.#replay(filter, span)
    const report = (error: unknown): void => this.#status.report(error)
    this.#directory = new Directory(options, report)
    this.#dispatch = new ItemDispatch({
      ...options,
      report,
      settle: async (uid, verdict) => this.#watch?.settle(uid, verdict),
      release: (uid) => this.#watch?.release(uid),
    })
    this.#ready.promise.catch(() => undefined) // perhaps nobody waits
    this.#queue =
      mailer === undefined
        ? undefined
        : new MailQueue({
            ...mailer.queue,
            report,
            reached: (isReached) => this.#reached(isReached),
          })
    this.#watch = this.#watched(report)
  }

  async send(address: string, payload: Uint8Array, options: SendOptions = {}): Promise<void> {
    assertAddress(address)
    const { maxPayloadBytes } = this.limits
    if (payload.length > maxPayloadBytes) {
      throw new RangeError(
        `payload is ${payload.length} bytes, limit is ${maxPayloadBytes} (maxPayloadBytes)`,
      )
    }
    if (this.#end !== undefined) throw this.#end
    if (Object.keys(options.properties ?? {}).length > 0) {
      throw new WaxwingError('ERR_UNSUPPORTED', 'mails carry no properties')
    }
    const own = new Uint8Array(payload)
    const looking = this.#directory.mailboxesFor(address)
    this.#looking.add(looking)
    try {
      await this.#push(address, own, await looking)
    } finally {
      this.#looking.delete(looking)
    }
  }

  async subscribe(filter: string, handler: MessageHandler): Promise<Subscription> {
    assertFilter(filter)
    if (groupOf(filter) !== undefined) {
      throw new WaxwingError('ERR_UNSUPPORTED', 'a mailbox gives no mail to one of a group')
    }
    if (this.#end !== undefined) throw this.#end
    const watch = this.#watch
    if (watch === undefined) {
      throw new WaxwingError('ERR_UNSUPPORTED', 'nothing is received without the option imap')
    }
    const remove = this.#dispatch.add(filter, handler)
    watch.rescan()
    try {
      await this.#ready.promise
    } catch (error) {
      remove()
      throw error
    }
    return { close: async () => remove() }
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
    this.#ending.abort(this.#end)
    this.#dispatch.close()
    await Promise.allSettled(this.#looking)
    await Promise.all([this.#queue?.close(), this.#watch?.close()])
    await this.#directory.settled()
  }

  #watched(report: (error: unknown) => void): MailboxWatch | undefined {
    const { mailbox } = this.#options
    if (mailbox === undefined) {
      queueMicrotask(() => this.#status.up(this)) // SMTP is reached when there is something to send
      return undefined
    }
    this.#status.down(this) // not yet, whatever SMTP says
    return new MailboxWatch(mailbox, {
      wants: (candidate) => this.#dispatch.wants(candidate),
      take: (mail) => {
        void this.#directory.learn(mail.content).catch(report)
        this.#dispatch.take(mail)
      },
      rests: () => undefined,
      up: () => {
        this.#ready.resolve()
        this.#status.up(this)
      },
      down: () => {
        this.#dispatch.lost()
        this.#status.down(this)
      },
      renumbered: () => this.#dispatch.forget(),
      refused: (error) => this.#refused(error),
      report,
    })
  }

  /** The SMTP server is a connection of its own, of which nothing is known until something is sent. */
  #reached(isReached: boolean): void {
    if (isReached === this.#isSmtpReached) return
    this.#isSmtpReached = isReached
    if (isReached) this.#status.up(SMTP)
    else this.#status.down(SMTP)
  }

  #refused(error: WaxwingError): void {
    this.#end ??= error
    this.#status.report(error)
    this.#ready.reject(error)
  }

  async #push(address: string, payload: Uint8Array, to: readonly string[]): Promise<void> {
    const { from = '', subject } = this.#options
    if (this.#queue === undefined) {
      throw new WaxwingError('ERR_UNSUPPORTED', 'nothing is sent without the option smtp')
    }
    const letter = {
      to,
      items: [{ address, payload }],
      ...(subject === undefined ? {} : { subject }),
    }
    const { inbox } = this.#dispatch
    const envelope = {
      from,
      messageId: newMessageId(from),
      date: new Date(),
      ...(inbox === undefined ? {} : { inbox }),
    }
    const compose = (): Promise<Uint8Array> => composeMail(letter, envelope)
    await this.#queue.push({ compose, from, to, byteCount: payload.length })
  }

  async *#replay(filter: string, span: Span): AsyncGenerator<Received, void> {
    assertFilter(filter)
    const { mailbox } = this.#options
    if (this.#end !== undefined) throw this.#end
    if (mailbox === undefined) return
    const wanted = new ItemFilter(filter)
    const mails = readHistory(mailbox, {
      span,
      wants: ({ addresses }) => wanted.mayWant(addresses),
      report: (error) => this.#status.report(error),
      signal: this.#ending.signal,
    })
    for await (const mail of mails) {
      await this.#directory.learn(mail)
      for (const item of mail.items) {
        const address = wanted.addressFor(item)
        if (address !== undefined) yield replayed(address, item.payload, mail.storedAt)
      }
    }
  }
}

function replayed(address: string, payload: Uint8Array, storedAt: Date): Received {
  return {
    address,
    payload,
    properties: {},
    retained: true,
    redelivered: false,
    storedAt,
    acknowledge: async () => undefined,
    reject: async () => undefined,
  }
}
