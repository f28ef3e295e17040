// SPDX-License-Identifier: Apache-2.0
/**
 * The request on whose behalf keys are established, and what travels with the last step of it.
 *
 * Invariant: that is the request itself only where it may be repeated. A step can be refused by anybody on
 * the way after the server acted upon it, and the next one would carry the request again.
 *
 * @module
 */

import {
  type ClientExchange,
  CODE_GET,
  type CoapMessage,
  type CoapOption,
  OPTION,
  optionValue,
} from '@waxwing/oscore'
import { isIdempotentMethod } from '../codes.js'
import type { Handler, Request, Response } from '../handler.js'
import { readText } from '../options.js'
import { parseCoapUri, proxiedUriOptions } from '../uri.js'
import { type Answer, type Asking, openAnswer } from './opened-response.js'

/** What leads a message to a server, past its path. */
const ROUTING: ReadonlySet<number> = new Set([OPTION.uriHost, OPTION.uriPort, OPTION.proxyScheme])

/**
 * Sends the steps of an establishing. They end with the establishing and not with the request: others wait
 * for it as well.
 */
export class Carrier {
  readonly #request: Request
  readonly #next: Handler
  readonly #signal: AbortSignal
  /** Of what is carried. */
  readonly #carrying = new AbortController()

  /** @param signal - Of the establishing. */
  constructor(request: Request, next: Handler, signal: AbortSignal) {
    this.#request = request
    this.#next = next
    this.#signal = signal
    signal.addEventListener('abort', this.#abort, { once: true })
  }

  /** The options that lead a message to the server of the request. */
  get routing(): readonly CoapOption[] {
    const proxyUri = optionValue(this.#request, OPTION.proxyUri)
    if (proxyUri === undefined) {
      return this.#request.options.filter(({ number }) => ROUTING.has(number))
    }
    const uri = parseCoapUri(readText(proxyUri) ?? '')
    return proxiedUriOptions({ ...uri, path: [], query: [] })
  }

  /** A request that asks for nothing. */
  get nothing(): CoapMessage {
    return { code: CODE_GET, options: this.routing, payload: new Uint8Array(0) }
  }

  /** Whether the request itself is carried. Otherwise it is to be asked when there are keys. */
  get carriesRequest(): boolean {
    return isIdempotentMethod(this.#request.code)
  }

  /** What is to be carried. */
  get carried(): CoapMessage {
    return this.carriesRequest ? this.#request : this.nothing
  }

  /** Sends a step of its own. */
  exchange(message: CoapMessage): Promise<Response> {
    return this.#next({ ...message, peer: this.#request.peer, signal: this.#signal })
  }

  /** Sends what is carried, protected and with whatever else stands in the message. */
  async carry(message: CoapMessage): Promise<Response> {
    const { peer, confirmable = true } = this.#request
    return await this.#next({ ...message, peer, confirmable, signal: this.#carrying.signal })
  }

  /** Sends what is carried, and opens what comes. @throws {WaxwingError} As `openAnswer`. */
  async ask(message: CoapMessage, exchange: ClientExchange): Promise<Answer> {
    return openAnswer(this.asking(exchange), await this.carry(message))
  }

  asking(exchange: ClientExchange): Asking {
    const { signal } = this.#request
    return { exchange, cancel: this.#abort, isWanted: () => !signal.aborted }
  }

  /** Establishing is over: from now on an observation ends when whoever asked for it gives up. */
  release({ notifications }: Response): void {
    this.#signal.removeEventListener('abort', this.#abort)
    const { signal } = this.#request
    if (signal.aborted) return this.#abort()
    if (notifications === undefined) return
    signal.addEventListener('abort', this.#abort, { once: true })
    const drop = (): void => signal.removeEventListener('abort', this.#abort)
    this.#carrying.signal.addEventListener('abort', drop, { once: true })
  }

  /** Establishing failed. */
  drop(): void {
    this.#signal.removeEventListener('abort', this.#abort)
    this.#abort()
  }

  readonly #abort = (): void => this.#carrying.abort()
}
