// SPDX-License-Identifier: Apache-2.0
/**
 * The contexts of a server, by the kids that requests name, and the inputs from which new ones are derived.
 *
 * Invariant: after a start there are inputs alone. A request that was sent before it is never accepted,
 * because its context is gone.
 *
 * @module
 */

import { type CryptoProvider, toHex, WaxwingError } from '@waxwing/core'
import {
  type AcceptedRequest,
  type CoapMessage,
  decodeOscoreOption,
  OPTION,
  optionValue,
  protectResponse,
  type RederivationDone,
  type ReceivedRequest,
  type SecurityContext,
  type UnconfirmedRequest,
  unprotectRequest,
  type UnprotectRequestOptions,
} from '@waxwing/oscore'
import type { EdhocProfile } from './configuration.js'
import { type SecurityListener, tell } from './events.js'
import type { KeptInput, KeptInputs } from './kept-inputs.js'
import { ServerEntry, type ServerEntryOptions } from './server-entry.js'

/** What a protected request turned out to be. */
export type Unprotected =
  | (AcceptedRequest & { readonly entry: ServerEntry })
  /** Not to be acted upon: this goes back, protected. */
  | { readonly kind: 'challenge'; readonly response: CoapMessage }

export interface ServerContextsOptions {
  readonly crypto: CryptoProvider
  readonly profile: EdhocProfile | undefined
  readonly kept: KeptInputs
  readonly listener: SecurityListener | undefined
  readonly monotonic: () => number
  /** Of those that came of EDHOC. */
  readonly maxCount: number
}

export class ServerContexts {
  readonly #options: ServerContextsOptions
  readonly #byKid = new Map<string, readonly ServerEntry[]>()
  /** Those of EDHOC; the one that was not used for the longest time is the first. */
  readonly #ofEdhoc = new Set<ServerEntry>()

  constructor(options: ServerContextsOptions) {
    this.#options = options
  }

  isTaken(kid: Uint8Array): boolean {
    return this.#byKid.has(toHex(kid))
  }

  /** Adds a client whose keys are configured. */
  add(options: ServerEntryOptions): void {
    this.#insert(new ServerEntry(options))
  }

  /** Adds the client of an exchange of EDHOC: what was kept of it, or the context that it just made. */
  addExchange(name: string, kept: KeptInput, context?: SecurityContext): void {
    const { input } = kept
    const contexts = context === undefined ? [] : [context]
    const entry = new ServerEntry({ name, kid: input.recipientId, input, kept, contexts })
    while (this.#ofEdhoc.size >= this.#options.maxCount) this.#evict()
    this.#insert(entry)
    this.#ofEdhoc.add(entry)
  }

  /**
   * Verifies a protected request.
   *
   * @param message - Untrusted.
   * @returns At once, where a context is there and knows what is new.
   * @throws {WaxwingError} As `unprotectRequest`, at once or later.
   */
  unprotect(message: CoapMessage): Unprotected | Promise<Unprotected> {
    let received: ReceivedRequest
    try {
      received = unprotectRequest(this.#find, message, this.#unprotecting)
    } catch (error) {
      if (!(error instanceof WaxwingError) || error.code !== 'ERR_KEY_UNKNOWN') throw error
      return this.#rederive(message, error)
    }
    if (received.kind === 'unconfirmed') return challenged(received)
    const { request, exchange } = received
    const entry = this.#entryOf(exchange.context)
    this.#touch(entry)
    return { kind: 'accepted', request, exchange, entry }
  }

  /** Forgets whoever has this name: keys in use, and what is kept. */
  async forget(name: string): Promise<void> {
    const entries = [...this.#ofEdhoc].filter((entry) => entry.name === name)
    await Promise.all(entries.map((entry) => this.#forgetForGood(entry)))
  }

  readonly #find = (kid: Uint8Array): readonly SecurityContext[] => {
    const entries = this.#byKid.get(toHex(kid))
    if (entries === undefined) return []
    const [only] = entries
    return entries.length === 1 ? only!.contexts : entries.flatMap(({ contexts }) => contexts)
  }

  readonly #unprotecting: UnprotectRequestOptions = {
    registrations: (kid) =>
      (this.#byKid.get(toHex(kid)) ?? []).flatMap(({ registrations }) => registrations),
  }

  /** RFC 8613 Appendix B.2; `unknown` is what else there is to say. */
  async #rederive(message: CoapMessage, unknown: WaxwingError): Promise<Unprotected> {
    const { kid, kidContext } = decodeOscoreOption(optionValue(message, OPTION.oscore)!)
    if (kid === undefined || kidContext === undefined) throw unknown
    let failure = unknown
    for (const entry of this.#byKid.get(toHex(kid)) ?? []) {
      try {
        const { crypto, monotonic } = this.#options
        const step = entry.rederive(crypto, message, monotonic())
        // Nobody is asked whom to believe for what does not verify.
        if (step === undefined || !(await this.#isStillKnown(entry))) continue
        if (step.kind === 'challenge') return step
        return this.#established(entry, step)
      } catch (error) {
        if (!(error instanceof WaxwingError)) throw error
        failure = error
      }
    }
    throw failure
  }

  #established(entry: ServerEntry, { context, request, exchange }: RederivationDone): Unprotected {
    entry.establish(context)
    this.#touch(entry)
    const { name } = entry
    tell(this.#options.listener, { kind: 'established', side: 'server', name, by: 'rederivation' })
    return { kind: 'accepted', request, exchange, entry }
  }

  /** Whether the credential behind what was kept is believed now. */
  async #isStillKnown(entry: ServerEntry): Promise<boolean> {
    if (entry.kept === undefined) return true
    const name = await this.#options.profile?.nameOf(entry.kept.credential)
    if (name === entry.name) return true
    await this.#forgetForGood(entry)
    return false
  }

  #entryOf(context: SecurityContext): ServerEntry {
    const entries = this.#byKid.get(toHex(context.recipient.recipientId)) ?? []
    return entries.find(({ contexts }) => contexts.includes(context))!
  }

  #insert(entry: ServerEntry): void {
    const key = toHex(entry.kid)
    this.#byKid.set(key, [...(this.#byKid.get(key) ?? []), entry])
  }

  #touch(entry: ServerEntry): void {
    if (this.#ofEdhoc.delete(entry)) this.#ofEdhoc.add(entry)
  }

  /** The one that was not used for the longest time, of the name that has the most. */
  #evict(): void {
    const counts = new Map<string, number>()
    for (const { name } of this.#ofEdhoc) counts.set(name, (counts.get(name) ?? 0) + 1)
    const most = Math.max(...counts.values())
    for (const entry of this.#ofEdhoc) {
      if (counts.get(entry.name) !== most) continue
      tell(this.#options.listener, { kind: 'evicted', name: entry.name })
      void this.#forget(entry)
      return
    }
  }

  /** Observations end with it. */
  #forgetForGood(entry: ServerEntry): Promise<void> {
    entry.forget()
    return this.#forget(entry)
  }

  async #forget(entry: ServerEntry): Promise<void> {
    const key = toHex(entry.kid)
    const others = (this.#byKid.get(key) ?? []).filter((each) => each !== entry)
    if (others.length === 0) this.#byKid.delete(key)
    else this.#byKid.set(key, others)
    this.#ofEdhoc.delete(entry)
    if (entry.kept !== undefined) await this.#options.kept.forgetForServer(entry.kept)
  }
}

/** An echo is asked for with a number of its own. */
async function challenged({ exchange, challenge }: UnconfirmedRequest): Promise<Unprotected> {
  await exchange.context.sender.sequence.ready()
  return { kind: 'challenge', response: protectResponse(exchange, challenge) }
}
