// SPDX-License-Identifier: Apache-2.0
/**
 * A reader: the messages of the streams whose names match a pattern, opened, verified and each handed
 * over until it is acknowledged; and events about everything else (`docs/spec/08-receiving.md`).
 *
 * One reader of a name runs over a store at a time, except those that share a subscription.
 *
 * @module
 */

import { WaxwingError, type Subscription, type Transport, type Trust } from '@waxwing/core'
import type { EventListener, ReaderEvent } from '../events.js'
import type { GenerationBook } from '../generation-book.js'
import type { KeyRequests } from '../key-requests.js'
import type { Message, UnprotectedMessage } from '../message.js'
import type { ReaderOptions } from '../options.js'
import type { Runtime } from '../runtime.js'
import { ArchiveReading, type ArchiveReadingOptions } from './archive-reading.js'
import type { KeptPiece, Parked } from './direct-opening.js'
import { MARGIN_MS } from './history/history-keys.js'
import { HistoryReading, type HistoryItem, type HistoryOptions } from './history/history-reading.js'
import type { ArchiveSkip } from './history/kept-objects.js'
import { Iteration } from './iteration.js'
import { assembleReader, type ReaderParts } from './reader-parts.js'

export type { ArchiveReadingOptions, ArchiveSkip, KeptPiece, Parked }

export interface ReaderDeps {
  readonly runtime: Runtime
  readonly book: GenerationBook
  readonly trust: Trust
  readonly requests: KeyRequests
  readonly transport?: Transport | undefined
  /** Called once, when the reader is closed. */
  onClosed?(): void
}

/** How much is parked under one kid in one pool. */
export type ParkedSummary = ReturnType<ReaderParts['parking']['summary']>[number]

export class Reader<M extends Message | UnprotectedMessage = Message>
  implements AsyncIterable<M>, AsyncDisposable
{
  readonly #deps: ReaderDeps
  readonly #parts: ReaderParts
  readonly #undo: (() => void)[] = []
  #subscription: Subscription | undefined
  #keepSubscription = false
  #loading: Promise<void> | undefined
  #starting: Promise<void> | undefined
  #closing: Promise<void> | undefined
  /** Aborted once the reader is closed: ends what has been begun by then. */
  readonly #closed = new AbortController()
  /** What `open` gave out last, where messages are acknowledged of themselves. */
  #lastOpened: Message | undefined

  /**
   * @param filter - A pattern of stream names; for a subscription that several readers share, as
   *   `$share/<group>/<pattern>`.
   * @throws {TypeError} If it is none.
   * @throws {RangeError} If an option is out of its range.
   */
  constructor(deps: ReaderDeps, filter: string, options: ReaderOptions = {}) {
    this.#deps = deps
    this.#parts = assembleReader(deps, filter, options)
  }

  /** The filter with which it subscribes. */
  get filter(): string {
    return this.#parts.options.filter
  }

  /**
   * Loads the state, hands over what is parked and has keys by now, and subscribes. Called by the
   * endpoint. Safe to call again.
   *
   * @throws {WaxwingError} What the store or the transport refuses.
   */
  start(): Promise<void> {
    this.#starting ??= this.#start()
    return this.#starting
  }

  /** Calls the listener at each event of this reader. Returns a function that removes it. */
  on(_type: 'event', listener: EventListener<ReaderEvent>): () => void {
    return this.#parts.events.on(listener)
  }

  /**
   * Iterates over the messages until the reader is closed. Several iterations share them.
   */
  [Symbol.asyncIterator](): AsyncIterator<M, undefined> {
    const { queue, options } = this.#parts
    return new Iteration<M>(queue, options.autoAcknowledge)
  }

  /**
   * Opens one object, without a transport. What it lacks a key for is parked, and comes by itself in
   * the iteration, or here when it is opened again, once a grant was received.
   *
   * A piece of a larger payload is kept; with the last one, the whole message is handed back.
   *
   * @param object - Untrusted. Must not change afterwards.
   * @param facts - Where the object was found, if that shall be checked.
   * @throws {WaxwingError} `ERR_MALFORMED` or `ERR_UNSUPPORTED` if it is no object; `ERR_NOT_AUTHENTIC`;
   *   `ERR_REPLAYED` if it was handed over before; `ERR_CONFLICT`, also with other pieces;
   *   `ERR_NOT_AUTHORIZED` if it belongs elsewhere; `ERR_SIGNATURE` if its stream is not signed;
   *   `ERR_EXPIRED`, `ERR_REVOKED`, `ERR_CLOSED_GENERATION`; `ERR_LIMIT` if there is no room to keep it;
   *   `ERR_CLOSED`; what the store refuses.
   */
  async open(
    object: Uint8Array,
    facts: { address?: string } = {},
  ): Promise<Message | KeptPiece | Parked> {
    this.#assertOpen()
    await this.#ready()
    const { direct, options } = this.#parts
    await this.#lastOpened?.acknowledge()
    this.#lastOpened = undefined
    const opened = await direct.open(object, facts.address)
    if (options.autoAcknowledge && opened.kind === 'message') this.#lastOpened = opened
    return opened
  }

  /**
   * Reads an archive. Nothing of it is recorded as seen, and nothing parked; messages that were
   * acknowledged before are marked `repeated`.
   *
   * @throws {RangeError} If a wanted time is none.
   * @throws {WaxwingError} `ERR_MALFORMED` or `ERR_LIMIT` where the archive is damaged, after all
   *   that is before.
   */
  async *readArchive(
    source: AsyncIterable<Uint8Array>,
    options: ArchiveReadingOptions = {},
  ): AsyncGenerator<Message | ArchiveSkip, void> {
    this.#assertOpen()
    await this.#ready()
    yield* new ArchiveReading(this.#parts.archiveInputs, options).read(source)
  }

  /**
   * Reads what the intermediary still has of the reader's addresses, in its order. Keys that are missing
   * are asked for once for the whole span, and waited for. Nothing of it is recorded as seen, and nothing
   * parked; messages that were acknowledged before are marked `repeated`. What is missing comes as gaps,
   * and an end with the numbers of it all comes last. Whoever ends the iteration ends the replay.
   *
   * @throws {RangeError} If `waitMs` is no span of time, or a wanted time is none.
   * @throws {WaxwingError} While iterating: `ERR_UNSUPPORTED` if the transport keeps no history;
   *   `ERR_CLOSED` once the reader is closed; what the transport throws else.
   */
  async *history(options: HistoryOptions = {}): AsyncGenerator<HistoryItem, void> {
    this.#assertOpen()
    const { transport, book, requests } = this.#deps
    if (transport?.replay === undefined) {
      throw new WaxwingError('ERR_UNSUPPORTED', 'the transport keeps no history')
    }
    await this.#ready()
    const { archiveInputs, options: reading } = this.#parts
    const kept = transport.limits.history ?? 'all'
    const closed = this.#closed.signal
    const inputs = { ...archiveInputs, book, requests, kept, closed }
    const { from } = options
    // What was sealed in the span may have reached the intermediary at any later time.
    const span = from === undefined ? {} : { from: new Date(from.getTime() - MARGIN_MS) }
    const source = transport.replay(reading.pattern, span)
    yield* new HistoryReading(inputs, options).read(source)
  }

  /** What is parked, by kid and pool. */
  async parked(): Promise<readonly ParkedSummary[]> {
    await this.#ready()
    return this.#parts.parking.summary()
  }

  /**
   * Ends iterations and the subscription. What was not acknowledged comes again, as far as the
   * transport keeps it; what is being acknowledged is finished. Safe to call twice.
   *
   * @param options - `keepSubscription`: the intermediary is not told to end the subscription, so
   *   that it keeps what comes for the next start. For when the transport is closed right after.
   */
  close(options: { keepSubscription?: boolean } = {}): Promise<void> {
    this.#closing ??= this.#close(options.keepSubscription ?? false).finally(() =>
      this.#deps.onClosed?.(),
    )
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #start(): Promise<void> {
    await this.#ready()
    const { transport } = this.#deps
    if (transport === undefined || this.#closing !== undefined) return
    const { options, receiver, queue } = this.#parts
    try {
      this.#subscription = await transport.subscribe(options.filter, (received) =>
        receiver.receive(received),
      )
    } catch (error) {
      if (this.#closing !== undefined) return
      queue.fail(error)
      throw error
    }
    // Closed while it was waited for: nobody else can end it.
    if (this.#closing !== undefined && !this.#keepSubscription) await this.#subscription.close()
  }

  /** The state, without the transport: enough to open what a caller has. */
  #ready(): Promise<void> {
    this.#loading ??= this.#load().catch((error: unknown) => {
      this.#parts.queue.fail(error)
      throw error
    })
    return this.#loading
  }

  async #load(): Promise<void> {
    this.#listen()
    const { parking, denials, drain, openings, wanting, transfers } = this.#parts
    const { book } = this.#deps
    /** The first epoch that is wanted of each kid. */
    const wanted = new Map<string, { epoch: number; address: string }>()
    await parking.load(({ place: { kid }, record: { epoch, address } }) => {
      if (epoch >= (wanted.get(kid)?.epoch ?? Infinity) || openings.mayOpen(kid, epoch)) return
      wanted.set(kid, { epoch, address: address ?? '' })
    })
    await denials.load()
    await transfers.load()
    for (const kid of parking.kids()) drain.start(kid)
    for (const [kid, { epoch, address }] of wanted) {
      const [generation] = book.byKid(kid)
      wanting.askFor({ kid, epoch, address, generation, andLater: true })
    }
  }

  #listen(): void {
    const { runtime, book, requests } = this.#deps
    const { openings, drain, denials, turns, seen, transfers } = this.#parts
    const report = (error: unknown): void => runtime.report(error)
    const foreign = runtime.store.onForeignChange?.(() => {
      seen.invalidate()
      transfers.invalidate()
    })
    this.#undo.push(
      book.onKeys((generation) => {
        openings.keysChanged(generation)
        denials.granted(generation.kid).catch(report)
        drain.start(generation.kid)
        turns.tryHeld(generation.kid)
      }),
      requests.onDenial((kid, code) => void denials.denied(kid, code).catch(report)),
    )
    if (foreign !== undefined) this.#undo.push(foreign)
  }

  async #close(keepSubscription: boolean): Promise<void> {
    const {
      transfers,
      receiver,
      turns,
      drain,
      pauses,
      permits,
      queue,
      order,
      denials,
      delivery,
      parking,
    } = this.#parts
    this.#keepSubscription = keepSubscription
    this.#closed.abort(closedError())
    for (const undo of this.#undo.splice(0)) undo()
    receiver.close()
    turns.close()
    drain.close()
    pauses.close()
    denials.close()
    transfers.close()
    permits.close()
    order?.close()
    queue.close()
    await this.#loading?.catch(() => undefined) // who started it was told
    if (!keepSubscription) await this.#subscription?.close()
    await parking.settled()
    await transfers.idle()
    await delivery.idle()
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw closedError()
  }
}

function closedError(): WaxwingError {
  return new WaxwingError('ERR_CLOSED', 'the reader is closed')
}
