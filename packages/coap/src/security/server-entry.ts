// SPDX-License-Identifier: Apache-2.0
/**
 * One client, as a server knows it: what its contexts are derived from, and those that are in use.
 *
 * @module
 */

import type { CryptoProvider } from '@waxwing/core'
import {
  type CoapMessage,
  RederivingServer,
  type RederivationChallenge,
  type RederivationDone,
  type SecurityContext,
  type ServerExchange,
  type SharedInput,
} from '@waxwing/oscore'
import type { KeptInput } from './kept-inputs.js'

/** Copies of a client, such as a restored machine, have a context each; more are forgotten. */
const MAX_CONTEXTS = 4
/** How long a challenge may be answered: a request #2 that was held back is void then. */
const CHALLENGE_MS = 60_000
/** Of how many observations a cancellation may be. */
const MAX_REGISTRATIONS = 16

export interface ServerEntryOptions {
  readonly name: string
  readonly kid: Uint8Array
  /** What new contexts are derived from. Absent where keys are the same for ever. */
  readonly input?: SharedInput
  /** Where the input came of EDHOC: what the store has of it. */
  readonly kept?: KeptInput
  /** Those that are in use from the beginning. */
  readonly contexts: readonly SecurityContext[]
}

export class ServerEntry {
  readonly name: string
  readonly kid: Uint8Array
  readonly kept: KeptInput | undefined
  readonly #input: SharedInput | undefined
  /** The one that was established last is the first. */
  #contexts: readonly SecurityContext[]
  #rederiving: RederivingServer | undefined
  #challengedAt: number | undefined
  #isForgotten = false
  readonly #registrations = new Set<ServerExchange>()

  constructor({ name, kid, input, kept, contexts }: ServerEntryOptions) {
    this.name = name
    this.kid = kid
    this.kept = kept
    this.#input = input
    this.#contexts = contexts
  }

  /** Whether its keys are the same for ever. */
  get isRecorded(): boolean {
    return this.#input === undefined
  }

  /** Whether nothing more is to be told to this client, observations included. */
  get isForgotten(): boolean {
    return this.#isForgotten
  }

  get contexts(): readonly SecurityContext[] {
    return this.#contexts
  }

  /** The observations that a cancellation may be of, the latest first. */
  get registrations(): readonly ServerExchange[] {
    return [...this.#registrations].toReversed()
  }

  /** Remembers an observation until the signal is aborted. */
  register(exchange: ServerExchange, signal: AbortSignal): void {
    if (signal.aborted) return
    for (const oldest of this.#registrations) {
      if (this.#registrations.size < MAX_REGISTRATIONS) break
      this.#registrations.delete(oldest)
    }
    this.#registrations.add(exchange)
    signal.addEventListener('abort', () => this.#registrations.delete(exchange), { once: true })
  }

  /**
   * Takes a request whose 'kid context' names no context that is held (RFC 8613 Appendix B.2). What it leads to
   * is in use once it was given to {@link establish}.
   *
   * @returns `undefined` if nothing can be derived for this client.
   * @throws {WaxwingError} As `RederivingServer.receive`.
   */
  rederive(
    crypto: CryptoProvider,
    message: CoapMessage,
    now: number,
  ): RederivationChallenge | RederivationDone | undefined {
    if (this.#input === undefined) return undefined
    this.#rederiving ??= new RederivingServer(crypto, this.#input)
    if (this.#challengedAt !== undefined && now - this.#challengedAt > CHALLENGE_MS) {
      this.#rederiving.expire()
      this.#challengedAt = undefined
    }
    const step = this.#rederiving.receive(message)
    this.#challengedAt = step.kind === 'challenge' ? (this.#challengedAt ?? now) : undefined
    return step
  }

  /** Puts a context into use. */
  establish(context: SecurityContext): void {
    this.#contexts = [context, ...this.#contexts].slice(0, MAX_CONTEXTS)
  }

  /** Tells this client nothing any more. */
  forget(): void {
    this.#isForgotten = true
  }
}
