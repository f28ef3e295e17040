// SPDX-License-Identifier: Apache-2.0
/**
 * The client that lost its context, or was told that the server did (RFC 8613 Appendix B.2, Figure 14).
 *
 * @module
 */

import { concatBytes, type CryptoProvider, malformed } from '@waxwing/core'
import type { CoapMessage } from '../coap/message.js'
import type { SecurityContext } from './context.js'
import { ClientExchange } from './exchange.js'
import { constructNonce } from './nonce.js'
import { readOscoreMessage } from './oscore-message.js'
import { contextOf, RANDOM_BYTES, type SharedInput, unwrap } from './rederivation.js'
import { protectRequest } from './request.js'
import { unprotectResponse } from './response.js'

/** What is left of request #1, or of what may have been taken for it. */
interface Asked {
  readonly idContext: Uint8Array
  readonly exchange: ClientExchange
}

/** A context that both endpoints have, and the response that proved it. */
export interface Rederived {
  readonly context: SecurityContext
  /** Of request #2: what its notifications are verified with, if it registered for any. */
  readonly exchange: ClientExchange
  readonly response: CoapMessage
}

/**
 * One run of the protocol at the client: {@link ask}, {@link confirm}, {@link finish}. A message that does
 * not verify changes nothing: the run goes on waiting for the right one.
 */
export class RederivingClient {
  readonly #crypto: CryptoProvider
  readonly #input: SharedInput
  #asked: Asked | undefined
  #confirming: ClientExchange | undefined

  constructor(crypto: CryptoProvider, input: SharedInput) {
    this.#crypto = crypto
    this.#input = input
  }

  /**
   * Step 1: protects request #1 with a context of its own randomness. Begins the run anew.
   *
   * @throws As `protectRequest`.
   */
  ask(request: CoapMessage): CoapMessage {
    const idContext = this.#crypto.randomBytes(RANDOM_BYTES)
    const context = contextOf(this.#crypto, this.#input, idContext)
    const { message, exchange } = protectRequest(context, request)
    this.#asked = { idContext, exchange }
    this.#confirming = undefined
    return message
  }

  /**
   * Begins the run without step 1: a request of a context that the client holds may be answered as if
   * it were request #1, because the server lost that context.
   *
   * @throws {RangeError} If that context has no ID Context.
   */
  resume(exchange: ClientExchange): void {
    const { idContext } = exchange.context.common
    if (idContext === undefined)
      throw new RangeError('exchange must be of a context with ID Context')
    this.#asked = { idContext, exchange }
    this.#confirming = undefined
  }

  /**
   * Step 3: verifies response #1, and protects request #2 with the third context, in which both have
   * a random part. It may be called again in the place of {@link finish}: a server that let somebody else's
   * run succeed meanwhile takes request #2 for a request #1.
   *
   * @param response - Untrusted.
   * @throws {TypeError} If nothing was asked.
   * @throws {WaxwingError} `ERR_MALFORMED` if it is no response #1, otherwise as `unprotectResponse`.
   */
  confirm(response: CoapMessage, request: CoapMessage): CoapMessage {
    if (this.#asked === undefined) throw new TypeError('confirm comes after ask or resume')
    const { idContext, exchange } = this.#asked
    const { kidContext } = readOscoreMessage(response).header
    const r2 = kidContext === undefined ? undefined : unwrap(kidContext)
    if (r2 === undefined) throw malformed('OSCORE response', 'kid context')
    const second = contextOf(this.#crypto, this.#input, r2, idContext)
    unprotectResponse(exchangeIn(second, exchange), response)
    const r3 = this.#crypto.randomBytes(RANDOM_BYTES)
    const third = contextOf(this.#crypto, this.#input, r2, r3)
    const { message, exchange: confirming } = protectRequest(third, request)
    this.#asked = { idContext: concatBytes(r2, r3), exchange: confirming }
    this.#confirming = confirming
    return message
  }

  /**
   * Step 5: verifies response #2. The context replaces those that the client had with this server.
   *
   * @param response - Untrusted.
   * @throws {TypeError} If nothing was confirmed.
   * @throws {WaxwingError} As `unprotectResponse`.
   */
  finish(response: CoapMessage): Rederived {
    if (this.#confirming === undefined) throw new TypeError('finish comes after confirm')
    const exchange = this.#confirming
    const plain = unprotectResponse(exchange, response)
    this.#asked = undefined
    this.#confirming = undefined
    return { context: exchange.context, exchange, response: plain }
  }
}

/** The same request, seen from another context: names as they are, the nonce by its Common IV. */
function exchangeIn(context: SecurityContext, { kid, partialIv }: ClientExchange): ClientExchange {
  const { commonIv } = context.common
  const nonce = constructNonce({ commonIv, idPiv: kid, partialIv })
  return new ClientExchange(context, { kid, partialIv, nonce })
}
