// SPDX-License-Identifier: Apache-2.0
/**
 * An endpoint: one principal's running SDK, over a store and, where there is one, a transport.
 *
 * @module
 */

import {
  requestAddress,
  toBase64Url,
  trustAddress,
  WaxwingError,
  type Received,
  type Subscription,
  type Transport,
  type TrustedPrincipal,
} from '@waxwing/core'
import { cardAddress, credentialAddress, inboxFilter, trustFilter } from './control/addresses.js'
import type { Reply } from './control/messenger.js'
import type { EventListener, WaxwingEvent } from './events.js'
import type { Generation } from './generation-book.js'
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
import { assemble, type Parts } from './parts.js'
import { Producer } from './producing/producer.js'
import { Reader } from './reading/reader.js'
import { nowSeconds } from './runtime.js'

const CARD_CHECK_MS = 3_600_000
const REFETCH_MS = 60_000

/**
 * Opens an endpoint. The identity in the store is used, or made if there is none.
 *
 * @throws {WaxwingError} What the store or the transport refuses.
 */
export async function openEndpoint(options: EndpointOptions): Promise<Endpoint> {
  const parts = await assemble(options)
  const endpoint = new Endpoint(parts)
  await endpoint.start()
  return endpoint
}

export class Endpoint {
  readonly #parts: Parts
  readonly #readers = new Set<Reader>()
  readonly #producers = new Map<string, Promise<Producer>>()
  readonly #subscriptions = new Map<string, Promise<Subscription>>()
  readonly #undo: (() => void)[] = []
  #cancelCardTimer: (() => void) | undefined
  #fetchedAt = -Infinity
  #closing: Promise<void> | undefined

  /** Use {@link openEndpoint}. */
  constructor(parts: Parts) {
    this.#parts = parts
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
    book.refreshTrust()
    await this.#listenToDomain()
    await this.#announceSelf()
  }

  /** Trusts a key by hand, without any domain. */
  async trust(key: {
    publicKey: Uint8Array
    name: string
    produces?: readonly string[]
  }): Promise<void> {
    await this.#parts.trustBook.pin({ produces: [], ...key })
    this.#parts.book.refreshTrust()
  }

  /**
   * Opens a stream for writing: at most one producer a name and endpoint.
   *
   * @throws {TypeError} If `name` is no stream name.
   */
  producer(name: string, options: ProducerOptions = {}): Promise<Producer> {
    this.#assertOpen()
    const known = this.#producers.get(name)
    if (known !== undefined) return known
    const opening = Producer.open(this.#producerDeps(), name, options)
    this.#producers.set(name, opening)
    opening.catch(() => this.#producers.delete(name))
    return opening
  }

  /** Reads the streams whose names match a pattern: `plant/+/temperature`, `plant/#`. */
  reader(filter: string, options: ReaderOptions = {}): Reader {
    this.#assertOpen()
    const { runtime, book, trustBook, requester, transport } = this.#parts
    const deps = { runtime, book, trust: trustBook.trust, requests: requester, transport }
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
    const replies = await this.#parts.dispatcher.receive(bytes)
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
    return this.#parts.granter.decideRequest(requestId, decision)
  }

  /**
   * Grants unasked, for the past or the future, and leaves it where the principal finds it.
   *
   * @param principal - Id in base64url, a unique beginning of it, or a unique name.
   * @returns The sealed grants.
   */
  async grant(
    stream: string,
    principal: string,
    terms: GrantTerms = {},
  ): Promise<readonly Uint8Array[]> {
    const { granter, runtime } = this.#parts
    const grantee = this.#findPrincipal(principal)
    const fixed = fixTerms(terms, nowSeconds(runtime))
    const issued = await granter.grantUnasked(stream, grantee, fixed, { retained: true })
    await this.#parts.outbox.post(
      issued.map(({ address, payload, retained }) => ({ address, payload, retained })),
    )
    return issued.map(({ payload }) => payload)
  }

  /** Revokes a principal's access to a stream: rotates at once, unless `rotate` is `false`. */
  async revoke(
    stream: string,
    principal: string,
    options: { rotate?: boolean } = {},
  ): Promise<void> {
    const { id } = this.#findPrincipal(principal)
    await this.#parts.revoking.revoke(stream, toBase64Url(id), options.rotate ?? true)
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
    const { runtime, book, trustBook, outbox, requester, granter, transport } = this.#parts
    this.#parts.hooks.rotate = (stream) => this.#rotate(stream)
    this.#parts.hooks.behind = () => this.#refetchTrust()
    this.#trustSelf()
    await book.load()
    await granter.load()
    this.#undo.push(
      trustBook.onBundle(() => this.#inBackground(() => this.#followBundle())),
      trustBook.onCard(() => this.#inBackground(() => this.#parts.sharing.announceAll())),
      book.onKeys((generation) => this.#inBackground(() => this.#listenFor(generation))),
    )
    this.#followStore()
    await outbox.load()
    requester.start()
    if (transport === undefined) return
    if (!this.#parts.passive) await this.#listen(transport)
    await this.#announceSelf()
    this.#watchCard()
    this.#undo.push(
      transport.onStatus((status) => {
        if (status.state === 'connected') this.#inBackground(() => outbox.flush())
        if (status.state === 'error') runtime.report(status.error)
      }),
    )
  }

  /** Another process on the same store may be granted something, rotate, or change a rule. */
  #followStore(): void {
    const { runtime, book, granter } = this.#parts
    const stop = runtime.store.onForeignChange?.(() =>
      this.#inBackground(async () => {
        try {
          await granter.rules.load()
          await book.catchUp()
        } catch (error) {
          if (this.#closing === undefined) throw error
        }
      }),
    )
    if (stop !== undefined) this.#undo.push(stop)
  }

  /** Whoever belongs to no domain vouches for its own streams, to itself. */
  #trustSelf(): void {
    const { identity, trustBook } = this.#parts
    const { publicKey } = identity.signingKey
    trustBook.trust.pin({ publicKey, name: identity.name, produces: ['#'] })
  }

  async #listen(transport: Transport): Promise<void> {
    const { identity, book } = this.#parts
    await this.#subscribe(transport, inboxFilter(identity.id))
    await this.#listenToDomain()
    await Promise.all(book.all().map((generation) => this.#listenFor(generation)))
  }

  async #listenToDomain(): Promise<void> {
    const { identity, transport, passive } = this.#parts
    if (transport === undefined || passive || identity.domainId === null) return
    await this.#subscribe(transport, trustFilter(identity.domainId))
  }

  /** Whoever may grant a generation hears who asks for it. */
  async #listenFor(generation: Generation): Promise<void> {
    const { transport, passive } = this.#parts
    const hasSay =
      generation.own || [...generation.grants.values()].some((g) => g.rights === 'share')
    if (transport === undefined || passive || !hasSay) return
    const kid = generation.manifest.generationId.subarray(0, generation.manifest.kidBytes)
    await this.#subscribe(transport, requestAddress(kid))
  }

  async #subscribe(transport: Transport, filter: string): Promise<void> {
    const known = this.#subscriptions.get(filter)
    if (known !== undefined) {
      await known
      return
    }
    const subscription = transport.subscribe(filter, (received) => this.#takeControl(received))
    this.#subscriptions.set(filter, subscription)
    subscription.catch(() => this.#subscriptions.delete(filter))
    await subscription
  }

  async #takeControl(received: Received): Promise<void> {
    await this.#parts.intake.take(received.address, received.payload)
    await received.acknowledge()
  }

  async #followBundle(): Promise<void> {
    const { book, revoking, sharing, runtime, trustBook } = this.#parts
    book.refreshTrust()
    const { bundle } = trustBook.trust
    if (bundle !== undefined) {
      const { version, domainId } = bundle
      runtime.emit({ type: 'trust', domain: toBase64Url(domainId), version })
    }
    await revoking.followBundle()
    await sharing.announceAll()
  }

  /** Publishes credential and card, so that others can grant unasked and seal what they ask. */
  async #announceSelf(): Promise<void> {
    const { identity, transport, announce } = this.#parts
    const { domainId, credential } = identity
    if (!announce || transport === undefined || domainId === null || credential === null) return
    const retained = { retained: true }
    await transport.send(credentialAddress(domainId, identity.id), credential, retained)
    await transport.send(cardAddress(domainId, identity.id), identity.card.bytes, retained)
  }

  #watchCard(): void {
    const { runtime, identity } = this.#parts
    this.#cancelCardTimer = runtime.timers.after(CARD_CHECK_MS, () => {
      this.#inBackground(async () => {
        if (await identity.renewCardIfDue()) await this.#announceSelf()
        this.#watchCard()
      })
    })
  }

  /** Asks the intermediary for its newest trust bundle again; at most once a minute. */
  #refetchTrust(): void {
    const { runtime, identity, transport } = this.#parts
    const nowMs = runtime.time.monotonic()
    if (transport === undefined || identity.domainId === null) return
    if (nowMs - this.#fetchedAt < REFETCH_MS) return
    this.#fetchedAt = nowMs
    const address = trustAddress(identity.domainId)
    this.#inBackground(async () => {
      const once = await transport.subscribe(address, (received) => this.#takeControl(received))
      runtime.timers.after(REFETCH_MS / 2, () => this.#inBackground(() => once.close()))
    })
  }

  async #rotate(stream: string): Promise<void> {
    const producer = await this.producer(stream)
    await producer.rotate('revocation')
  }

  #producerDeps(): Parameters<typeof Producer.open>[0] {
    const { runtime, book, trustBook, identity, transport, sharing, processHint } = this.#parts
    const actions = {
      grant: (stream: string, principal: string, terms: GrantTerms) =>
        this.grant(stream, principal, terms),
      revoke: (stream: string, principal: string, options: { rotate: boolean }) =>
        this.revoke(stream, principal, options),
    }
    const listening = {
      announce: async (generation: Generation): Promise<void> => {
        await this.#listenFor(generation)
        await sharing.announce(generation)
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

  #inBackground(work: () => Promise<void>): void {
    work().catch((error: unknown) => this.#parts.runtime.report(error))
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new WaxwingError('ERR_CLOSED', 'the endpoint is closed')
  }

  async #close(): Promise<void> {
    const { intake, outbox, requester, transport, identity, trustBook } = this.#parts
    this.#cancelCardTimer?.()
    for (const undo of this.#undo.splice(0)) undo()
    requester.close()
    await Promise.all([...this.#readers].map((reader) => reader.close()))
    const producers = await Promise.allSettled(this.#producers.values())
    for (const result of producers) if (result.status === 'fulfilled') await result.value.close()
    outbox.close()
    intake.close()
    identity.close()
    trustBook.close()
    await transport?.close()
  }
}
