// SPDX-License-Identifier: Apache-2.0
/**
 * The transport over SMS (`docs/spec/09-bindings.md` Section 9.10): objects in their compact form, in as few
 * messages as they fit, over SMPP 3.4.
 *
 * @module
 */

import {
  WaxwingError,
  type MessageHandler,
  type SendOptions,
  type Subscription,
  type Transport,
  type TransportLimits,
  type TransportStatus,
} from '@waxwing/core'
import {
  assertFilter,
  closedError,
  Correspondents,
  SendQueue,
  StatusBoard,
  transportError,
  type BeginSend,
} from '@waxwing/transport-kit'
import { Arrivals } from './receiving/arrivals.js'
import { Feed } from './receiving/feed.js'
import { Link } from './link.js'
import { learnFrom, senderOf } from './numbers.js'
import { resolveOptions, type ResolvedOptions, type SmsTransportOptions } from './options.js'
import { partOf } from './receiving/parts.js'
import { decodeDeliverSm, DELIVER_RESPONSE, type DeliverSm, type Pdu } from './smpp/pdu.js'
import { isReceipt, Receipts, type ReceiptState } from './receipts.js'
import { Reassembly } from './receiving/reassembly.js'
import { References } from './sending/references.js'
import { assertSendable, isUnsent, limitsOf, outgoingOf, type Outgoing } from './sending/sending.js'
import type { Session } from './smpp/session.js'
import { STATUS } from './smpp/smpp.js'
import { Submitter } from './smpp/submitter.js'

/** What has happened since the transport was opened. */
export interface SmsCounts {
  /** Segments that the centre took: what is paid for. */
  readonly sentSegments: number
  /** Segments and messages that came, receipts apart. */
  readonly receivedSegments: number
  /** Texts of persons. */
  readonly texts: number
  /** By what they said. */
  readonly receipts: Readonly<Partial<Record<ReceiptState, number>>>
}

/** A transport, with what only SMS have. */
export interface SmsTransport extends Transport {
  readonly counts: SmsCounts
}

/**
 * Opens a transport. It connects at once, and again whenever the connection breaks; failures on the way
 * are reported by `onStatus`. When the first bind is refused for its name or password, everything that
 * waits and everything later fails with `ERR_TRANSPORT`.
 *
 * @throws {TypeError | RangeError} Naming the option that is wrong.
 */
export function smsTransport(options: SmsTransportOptions): SmsTransport {
  return new SmppTransport(resolveOptions(options))
}

/** What has to be read from the store before anything is sent or taken. */
interface Opened {
  readonly correspondents: Correspondents
  readonly references: References
  readonly reassembly: Reassembly
  readonly arrivals: Arrivals
}

const PEERS_TABLE = 'sms/peers'
/** A number that was forged does not push out the one before. */
const MAX_PEERS = 2
const MAX_OPEN = 1_024

class SmppTransport implements SmsTransport {
  readonly limits: TransportLimits
  readonly #options: ResolvedOptions
  readonly #status = new StatusBoard()
  readonly #link: Link
  readonly #submitter: Submitter
  readonly #data: SendQueue<Outgoing>
  /** A queue of its own: data stand in nobody's way (Section 9.1). */
  readonly #control: SendQueue<Outgoing>
  readonly #feeds = new Map<string, Feed>()
  readonly #receipts = new Receipts()
  readonly #opening: Promise<Opened>
  readonly #bound: PromiseWithResolvers<void> = Promise.withResolvers()
  readonly #sweeping: ReturnType<typeof setInterval>
  #opened: Opened | undefined
  #sentSegments = 0
  #receivedSegments = 0
  #texts = 0
  #end: WaxwingError | undefined
  #closing: Promise<void> | undefined

  readonly #report = (error: unknown): void => this.#status.report(error)

  constructor(options: ResolvedOptions) {
    this.#options = options
    this.limits = limitsOf(options)
    this.#bound.promise.catch(() => undefined) // perhaps nobody waits
    this.#submitter = new Submitter({ ...options, report: this.#report })
    const begin: BeginSend<Outgoing> = (item, done) => this.#begin(item, done)
    this.#data = new SendQueue(options, begin)
    this.#control = new SendQueue(options, begin)
    this.#link = new Link(options, {
      up: (session) => this.#up(session),
      down: () => this.#down(),
      refused: (error) => this.#refused(error),
      deliver: (pdu, session) => this.#deliver(pdu, session),
      report: this.#report,
    })
    this.#sweeping = setInterval(() => {
      this.#opened?.reassembly.expire()
      this.#opened?.arrivals.expire()
    }, SWEEP_MS)
    this.#sweeping.unref()
    this.#opening = this.#open()
    this.#opening.catch((error: unknown) => this.#refused(asWaxwingError(error)))
  }

  get counts(): SmsCounts {
    return {
      sentSegments: this.#sentSegments,
      receivedSegments: this.#receivedSegments,
      texts: this.#texts,
      receipts: this.#receipts.counts,
    }
  }

  async send(address: string, payload: Uint8Array, options: SendOptions = {}): Promise<void> {
    assertSendable(address, payload, options, this.limits)
    this.#assertOpen()
    const bytes = new Uint8Array(payload)
    const opened = this.#opened ?? (await this.#opening)
    this.#assertOpen()
    const terms = { ...opened, options: this.#options, sender: this.#sender() }
    const outgoing = outgoingOf(address, bytes, options, terms)
    const sends = outgoing.isControl ? this.#control : this.#data
    await sends.push(outgoing, outgoing.byteCount)
  }

  async subscribe(filter: string, handler: MessageHandler): Promise<Subscription> {
    assertFilter(filter)
    this.#assertOpen()
    const feed = this.#feedFor(filter)
    const remove = feed.handlers.add(handler)
    this.#opened?.arrivals.offerAgain()
    const close = async (): Promise<void> => {
      remove()
      if (feed.handlers.size > 0 || this.#feeds.get(filter) !== feed) return
      this.#feeds.delete(filter)
      feed.close()
    }
    try {
      await this.#bound.promise
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

  async #open(): Promise<Opened> {
    const { store } = this.#options
    const [report, table] = [this.#report, PEERS_TABLE]
    const terms = { store, table, maxPeers: MAX_PEERS, report }
    const correspondents = await Correspondents.open(terms)
    const references = await References.open(store, report)
    const { reassembly, wholes } = await Reassembly.open({ ...this.#options, store, report })
    const arrivals = new Arrivals({
      reassembly,
      feeds: () => this.#feeds.values(),
      isDurable: store !== undefined,
      holdMs: this.#options.holdMs,
      maxOpen: MAX_OPEN,
      maxOpenBytes: this.#options.maxWaitingBytes,
      unwantedSeconds: this.#options.incompleteSeconds,
      nowMs: this.#options.nowMs,
      text: (text) => {
        this.#texts++
        this.#tell(() => this.#options.onText?.(text))
      },
      read: (letter, source) => learnFrom(letter, source, correspondents),
      report,
    })
    const opened = { correspondents, references, reassembly, arrivals }
    this.#opened = opened
    arrivals.restore(wholes)
    this.#link.start()
    return opened
  }

  async #close(): Promise<void> {
    this.#end ??= closedError()
    this.#bound.reject(this.#end)
    clearInterval(this.#sweeping)
    this.#stopHandlers()
    const { closeTimeoutMs } = this.#options
    await Promise.all(this.#queues.map((queue) => queue.emptied(closeTimeoutMs)))
    for (const queue of this.#queues) queue.ended(closedError())
    await this.#opening.catch(() => undefined)
    this.#opened?.arrivals.close() // where it was opened meanwhile
    await this.#link.end()
    this.#submitter.detach()
    await this.#opened?.reassembly.settled()
    await this.#opened?.correspondents.settled()
    await this.#opened?.references.settled()
  }

  #stopHandlers(): void {
    this.#opened?.arrivals.close()
    for (const feed of this.#feeds.values()) feed.close()
    this.#feeds.clear()
  }

  /** Control messages first. */
  get #queues(): readonly SendQueue<Outgoing>[] {
    return [this.#control, this.#data]
  }

  #assertOpen(): void {
    if (this.#end !== undefined) throw this.#end
  }

  #feedFor(filter: string): Feed {
    let feed = this.#feeds.get(filter)
    if (feed === undefined) {
      const { retryHandlerMs, maxUnacknowledged } = this.#options
      feed = new Feed(filter, { retryHandlerMs, maxUnacknowledged, report: this.#report })
      this.#feeds.set(filter, feed)
    }
    return feed
  }

  /** The first bytes of the principal whose inbox is subscribed to here. */
  #sender(): Uint8Array | undefined {
    for (const { inbox } of this.#feeds.values()) if (inbox !== undefined) return senderOf(inbox)
    return undefined
  }

  #up(session: Session): void {
    this.#submitter.attach(session)
    for (const queue of this.#queues) queue.resume()
    this.#bound.resolve()
    this.#status.up(this.#link)
  }

  #down(): void {
    this.#submitter.detach()
    for (const queue of this.#queues) queue.suspend()
    if (this.#end === undefined) this.#opened?.arrivals.lost()
    this.#status.down(this.#link)
  }

  #refused(error: WaxwingError): void {
    this.#end ??= error
    this.#status.report(error)
    this.#bound.reject(this.#end)
    for (const queue of this.#queues) queue.ended(this.#end)
    this.#stopHandlers()
    void this.#link.end()
  }

  #begin(outgoing: Outgoing, done: (error?: unknown) => void): void {
    const unsent = outgoing.copies.filter(isUnsent)
    for (const copy of unsent) {
      const { segments, taken } = copy
      const over = (refusal?: unknown): void => {
        copy.refusal = refusal
        if (!unsent.some(isUnsent)) this.#sent(outgoing, done)
      }
      const onTaken = (messageId: string): void => {
        this.#sentSegments++
        this.#link.proved()
        this.#receipts.taken(messageId, outgoing.address)
      }
      const { isControl } = outgoing
      this.#submitter.push({ segments, taken, isControl, done: over, onTaken })
    }
  }

  /** A number that the centre refuses, such as a forged one, stands in the way of no other. */
  #sent({ copies }: Outgoing, done: (error?: unknown) => void): void {
    const refused = copies.filter(({ refusal }) => refusal !== undefined)
    if (refused.length === copies.length) {
      done(refused[0]?.refusal)
      return
    }
    for (const { number, refusal } of refused) {
      const why = refusal instanceof Error ? refusal.message : String(refusal)
      this.#report(transportError(`nothing is sent to ${number}: ${why}`, refusal))
    }
    done()
  }

  #deliver(pdu: Pdu, session: Session): void {
    const answer = (status: number): void => session.answer(pdu, status, DELIVER_RESPONSE)
    try {
      const deliver = decodeDeliverSm(pdu.body)
      if (isReceipt(deliver)) {
        answer(STATUS.ok)
        // The answer to what it is about may have come together with it, and is told of first.
        setImmediate(() => this.#receipt(deliver))
        return
      }
      this.#receivedSegments++
      this.#opened?.arrivals.take(partOf(deliver), answer).catch(this.#report)
    } catch (error) {
      this.#report(error)
      answer(STATUS.permanentReceiverError) // it never gets any better
    }
  }

  #receipt(deliver: DeliverSm): void {
    const receipt = this.#receipts.read(deliver)
    if (receipt !== undefined) this.#tell(() => this.#options.onReceipt?.(receipt))
  }

  /** Calls a listener of the application: what it throws is its own. */
  #tell(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#report(error)
    }
  }
}

/** How often what is too old is looked for. */
const SWEEP_MS = 60_000

function asWaxwingError(error: unknown): WaxwingError {
  if (error instanceof WaxwingError) return error
  return new WaxwingError('ERR_INTERNAL', 'the transport could not be opened', {}, { cause: error })
}
