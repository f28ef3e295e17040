// SPDX-License-Identifier: Apache-2.0
/**
 * An endpoint: one principal's running SDK, over a store and, where there is one, a transport.
 *
 * @module
 */

import { fromBase64Url, toBase64Url, WaxwingError, type TrustedPrincipal } from '@waxwing/core'
import { Listening } from './control/listening.js'
import type { Reply } from './control/messenger.js'
import { Patience } from './control/patience.js'
import { EndpointWork } from './endpoint-work.js'
import type { EventListener, WaxwingEvent } from './events.js'
import { Following } from './following.js'
import type { Generation } from './generation.js'
import { fixTerms } from './granting/terms.js'
import type { Rule } from './granting/rules.js'
import type {
  Decision,
  EndpointOptions,
  GrantTerms,
  IncomingRequest,
  ProducerOptions,
  ReaderOptions,
} from './options.js'
import { allDone, inTurn } from './last-steps.js'
import { assemble, type Parts } from './parts.js'
import type { Producer, ProducerDeps } from './producing/producer.js'
import { Producers } from './producing/producers.js'
import { Reader } from './reading/reader.js'
import { nowSeconds } from './runtime.js'

/** How long opening waits for the intermediary. */
const START_PATIENCE_MS = 5000
const ID_BYTES = 32

/**
 * Opens an endpoint. The identity in the store is used, or made if there is none.
 *
 * @throws {WaxwingError} What the store or the transport refuses.
 */
export async function openEndpoint(options: EndpointOptions): Promise<Endpoint> {
  const parts = await assemble(options)
  const endpoint = new Endpoint(parts)
  try {
    await endpoint.start()
  } catch (error) {
    await endpoint.close().catch(() => undefined)
    throw error
  }
  return endpoint
}

export class Endpoint {
  readonly #parts: Parts
  readonly #readers = new Set<Reader>()
  readonly #producers: Producers
  readonly #listening: Listening
  readonly #work: EndpointWork
  readonly #following: Following
  readonly #patience: Patience
  #closing: Promise<void> | undefined

  /** Use {@link openEndpoint}. */
  constructor(parts: Parts) {
    this.#parts = parts
    this.#listening = new Listening(parts)
    this.#work = new EndpointWork(parts.runtime)
    this.#following = new Following(parts, this.#listening, this.#work)
    this.#patience = new Patience(parts.runtime.timers)
    this.#producers = new Producers(this.#producerDeps())
  }

  /** This principal's id, in base64url. */
  get id(): string {
    return toBase64Url(this.#parts.identity.id)
  }

  /** What it is called: by its credential, or by itself. */
  get name(): string {
    return this.#parts.identity.name
  }

  /** Its domain's id, in base64url; `null` until it was admitted to one. */
  get domain(): string | null {
    const { domainId } = this.#parts.identity
    return domainId === null ? null : toBase64Url(domainId)
  }

  /** The parts that this endpoint is made of, for tools and tests. */
  get parts(): Parts {
    return this.#parts
  }

  on(_type: 'event', listener: EventListener<WaxwingEvent>): () => void {
    return this.#parts.listen(listener)
  }

  /** A signed request to be admitted to a domain, to be given to who runs it. */
  enrolment(wish: Parameters<Parts['identity']['enrolment']>[0] = {}): Promise<Uint8Array> {
    return this.#parts.identity.enrolment(wish)
  }

  /**
   * Takes the domain's answer: a credential and the trust bundle.
   *
   * @param options - `domainId`, learnt from the domain's owner by another way, guards against an
   *   answer by somebody else.
   */
  async admit(admission: Uint8Array, options: { domainId?: Uint8Array } = {}): Promise<void> {
    const { identity, trustBook, book } = this.#parts
    await identity.admit(admission, trustBook, options)
    await book.refreshTrust()
    await this.#listening.toDomain()
    await this.#listening.announceSelf()
  }

  /** Trusts a key by hand, without any domain. */
  async trust(key: {
    publicKey: Uint8Array
    name: string
    produces?: readonly string[]
  }): Promise<void> {
    await this.#parts.trustBook.pin({ produces: [], ...key })
    await this.#parts.book.refreshTrust()
  }

  /**
   * Opens a stream for writing: at most one producer a name and endpoint. A stream that was begun in
   * another domain, or before any, gets new keys.
   *
   * @throws {TypeError} If `name` is no stream name.
   * @throws {WaxwingError} `ERR_NOT_AUTHORIZED` if this principal may not use the name, or no more.
   */
  producer(name: string, options: ProducerOptions = {}): Promise<Producer> {
    this.#assertOpen()
    return this.#producers.open(name, options)
  }

  /** Reads the streams whose names match a pattern: `plant/+/temperature`, `plant/#`. */
  reader(filter: string, options: ReaderOptions = {}): Reader {
    this.#assertOpen()
    const { runtime, book, trustBook, requester, transport } = this.#parts
    const trust = trustBook.trust
    const onClosed = (): void => void this.#readers.delete(reader)
    const deps = { runtime, book, trust, requests: requester, transport, onClosed }
    const reader = new Reader(deps, filter, options)
    this.#readers.add(reader)
    reader.start().catch((error: unknown) => runtime.report(error))
    return reader
  }

  /**
   * Takes one control message, whoever brought it.
   *
   * @returns What to send back to who brought it.
   * @throws {WaxwingError} Whatever was wrong with it; nothing was changed then.
   */
  async receive(bytes: Uint8Array): Promise<Uint8Array[]> {
    this.#assertOpen()
    const replies = await this.#work.begun(() => this.#parts.dispatcher.receive(bytes))
    return replies.map(({ payload }) => payload)
  }

  /** Control messages that wait to be carried somewhere, where there is no transport. */
  async takeOutbox(): Promise<readonly Reply[]> {
    return this.#parts.outbox.take()
  }

  /** The requests that wait for a person. */
  requests(): Promise<readonly IncomingRequest[]> {
    return this.#parts.granter.requests()
  }

  /** Carries out what a person decided. @throws {WaxwingError} `ERR_KEY_UNKNOWN`, `ERR_NOT_TRUSTED`. */
  decide(requestId: string, decision: Decision): Promise<void> {
    this.#assertOpen()
    return this.#work.begun(() => this.#parts.granter.decideRequest(requestId, decision))
  }

  /**
   * Grants unasked, for the past or the future, and leaves it where the principal finds it.
   *
   * @param principal - Id in base64url, a unique beginning of it, or a unique name.
   * @returns The sealed grants.
   * @throws {WaxwingError} See `Granter.grantUnasked`.
   */
  async grant(
    stream: string,
    principal: string,
    terms: GrantTerms = {},
  ): Promise<readonly Uint8Array[]> {
    this.#assertOpen()
    const { granter, outbox, runtime } = this.#parts
    const grantee = this.#findPrincipal(principal)
    const fixed = fixTerms(terms, nowSeconds(runtime))
    return this.#work.begun(async () => {
      const issued = await granter.grantUnasked(stream, grantee, fixed, { retained: true })
      await outbox.post(
        issued.map(({ address, payload, retained }) => ({ address, payload, retained })),
      )
      return issued.map(({ payload }) => payload)
    })
  }

  /** Revokes a principal's access to a stream: rotates at once, unless `rotate` is `false`. */
  async revoke(
    stream: string,
    principal: string,
    options: { rotate?: boolean } = {},
  ): Promise<void> {
    this.#assertOpen()
    const { id } = this.#findWhoMayHaveLeft(principal)
    const { rotate = true } = options
    await this.#work.begun(() => this.#parts.revoking.revoke(stream, toBase64Url(id), rotate))
  }

  /** Rules by which requests are granted without asking anybody. */
  get rules(): {
    all(): readonly Rule[]
    set(rule: Rule): Promise<void>
    remove(id: string): Promise<boolean>
  } {
    return this.#parts.granter.rules
  }

  /** The generations of which keys are held. */
  generations(): readonly Generation[] {
    return this.#parts.book.all()
  }

  /** Finishes what was begun, and closes readers, producers and the transport; not the store. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Called once, by {@link openEndpoint}. */
  async start(): Promise<void> {
    const { book, outbox, requester, granter, revoking, transport, passive, hooks } = this.#parts
    hooks.rotate = (stream) => this.#producers.rotate(stream, 'revocation')
    hooks.inBackground = (work) => this.#work.inBackground(work)
    hooks.behind = () => this.#work.inBackground(() => this.#listening.refetchTrust())
    this.#trustSelf()
    await book.load()
    await granter.load()
    await revoking.load()
    await outbox.load()
    this.#following.start()
    requester.start()
    if (!passive) this.#work.inBackground(() => revoking.resume())
    if (transport !== undefined) await this.#listen()
  }

  /** Whoever starts off-line works off-line; it listens as soon as it can. */
  async #listen(): Promise<void> {
    const listening = this.#listening.start(this.#parts.book.all())
    const inTime = await this.#patience.inTime(listening, START_PATIENCE_MS)
    if (inTime === undefined) this.#work.inBackground(() => listening)
  }

  /** Whoever belongs to no domain vouches for its own streams, to itself. */
  #trustSelf(): void {
    const { identity, trustBook } = this.#parts
    const { publicKey } = identity.signingKey
    trustBook.trust.pin({ publicKey, name: identity.name, produces: ['#'] })
  }

  #producerDeps(): ProducerDeps {
    const { runtime, book, trustBook, identity, transport, sharing, processHint } = this.#parts
    const { grantingAnew } = this.#parts
    const actions = {
      grant: (stream: string, principal: string, terms: GrantTerms) =>
        this.grant(stream, principal, terms),
      revoke: (stream: string, principal: string, options: { rotate: boolean }) =>
        this.revoke(stream, principal, options),
    }
    const listening = {
      announce: (generation: Generation): Promise<void> => {
        this.#work.inBackground(() => this.#listening.forGeneration(generation))
        return sharing.announce(generation)
      },
      grantAnew: (generation: Generation): void => {
        if (transport !== undefined) this.#work.inBackground(() => grantingAnew.grant(generation))
      },
    }
    return {
      runtime,
      book,
      trustBook,
      identity,
      transport,
      sharing: listening,
      actions,
      processHint,
    }
  }

  #findPrincipal(text: string): TrustedPrincipal {
    const principal = this.#parts.trustBook.findPrincipal(text)
    if (principal !== undefined) return principal
    throw new WaxwingError('ERR_KEY_UNKNOWN', `no principal ${text} is known here`)
  }

  /** The principal of a full id need not be known any more. */
  #findWhoMayHaveLeft(text: string): Pick<TrustedPrincipal, 'id'> {
    const id = fromBase64Url(text)
    return id?.length === ID_BYTES ? { id } : this.#findPrincipal(text)
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new WaxwingError('ERR_CLOSED', 'the endpoint is closed')
  }

  async #close(): Promise<void> {
    const { intake, outbox, requester, granter, grantingAnew, revoking, transport } = this.#parts
    const { identity, trustBook } = this.#parts
    const readers = [...this.#readers]
    this.#work.startClosing()
    await inTurn([
      () => this.#following.close(),
      () => requester.close(),
      () => this.#listening.close(),
      () => this.#patience.close(),
      ...readers.map((reader) => () => reader.close({ keepSubscription: true })),
      () => granter.close(),
      () => grantingAnew.close(),
      () => revoking.close(),
      () => this.#producers.close(),
      () => this.#work.foregroundEnded(),
      () => outbox.close(),
      () => allDone([intake.close(), ...(transport === undefined ? [] : [transport.close()])]),
      () => this.#work.backgroundEnded(),
      () => identity.close(),
      () => trustBook.close(),
    ])
  }
}
