// SPDX-License-Identifier: Apache-2.0
/**
 * The server that is asked for a new context, or has lost the old one (RFC 8613 Appendix B.2), without
 * state for each request #1: R2 proves by an HMAC that it is its own (Appendix B.2.1).
 *
 * @module
 */

import { concatBytes, type CryptoProvider, equalBytes, malformed } from '@waxwing/core'
import { CODE_UNAUTHORIZED, type CoapMessage } from '../coap/message.js'
import type { SecurityContext } from './context.js'
import { decryptionFailed } from './cose.js'
import { ServerExchange } from './exchange.js'
import { readOscoreMessage } from './oscore-message.js'
import { contextOf, RANDOM_BYTES, type SharedInput, unwrap, wrap } from './rederivation.js'
import { type AcceptedRequest, unprotectRequest } from './request.js'
import { protectResponse } from './response.js'

const HMAC_KEY_BYTES = 32
const HMAC_BYTES = 8
const R2_BYTES: number = RANDOM_BYTES + HMAC_BYTES

/** Request #1 was verified: response #1 is to be sent, and the request is not to be acted upon. */
export interface RederivationChallenge {
  readonly kind: 'challenge'
  /** Protected: 4.01 with R2 as 'kid context'. */
  readonly response: CoapMessage
}

/** Request #2 was verified. The context replaces those that the server had with this client. */
export interface RederivationDone extends Omit<AcceptedRequest, 'kind'> {
  readonly kind: 'established'
  readonly context: SecurityContext
}

/**
 * Runs of the protocol with one client, any number at a time, of which one succeeds. For requests whose
 * 'kid' is that client's and whose 'kid context' names no context that is held.
 */
export class RederivingServer {
  readonly #crypto: CryptoProvider
  readonly #input: SharedInput
  /** K_HMAC: from the first challenge to the first success. */
  #hmacKey: Uint8Array | undefined

  constructor(crypto: CryptoProvider, input: SharedInput) {
    this.#crypto = crypto
    this.#input = input
  }

  /**
   * Steps 2 and 4.
   *
   * @param message - Untrusted.
   * @throws {WaxwingError} As `unprotectRequest`.
   */
  receive(message: CoapMessage): RederivationChallenge | RederivationDone {
    const { kidContext } = readOscoreMessage(message).header
    if (kidContext === undefined) throw malformed('OSCORE request', 'kid context')
    const idContext = unwrap(kidContext)
    return idContext !== undefined && this.#isOfOurs(idContext)
      ? this.#establish(idContext, message)
      : this.#challenge(idContext, kidContext, message)
  }

  /** Forgets all challenges: answers to them are refused. For a timer that the caller keeps. */
  expire(): void {
    this.#hmacKey?.fill(0)
    this.#hmacKey = undefined
  }

  /**
   * Step 2. The first context serves for this one request, the second for its response. A client that
   * did not begin the protocol may have named its ID Context unwrapped: the tag tells.
   */
  #challenge(
    unwrapped: Uint8Array | undefined,
    kidContext: Uint8Array,
    message: CoapMessage,
  ): RederivationChallenge {
    const names = unwrapped === undefined ? [kidContext] : [unwrapped, kidContext]
    const firsts = names.map((id1) =>
      withKidContext(contextOf(this.#crypto, this.#input, id1), kidContext),
    )
    const { context, kid, partialIv } = acceptedBy(firsts, message).exchange
    const r2 = this.#drawR2()
    const second = contextOf(this.#crypto, this.#input, r2, context.common.idContext!)
    // Without the nonce of the request: a Partial IV of its own leaves no doubt about the Common IV.
    const exchange = new ServerExchange(second, { kid, partialIv })
    const plain = { code: CODE_UNAUTHORIZED, options: [], payload: new Uint8Array(0) }
    return {
      kind: 'challenge',
      response: protectResponse(exchange, plain, { kidContext: wrap(r2) }),
    }
  }

  /** Step 4. Success makes every other R2 void, and so a replay of this request. */
  #establish(id3: Uint8Array, message: CoapMessage): RederivationDone {
    const context = contextOf(this.#crypto, this.#input, id3)
    const { request, exchange } = acceptedBy([context], message)
    this.expire()
    return { kind: 'established', context, request, exchange }
  }

  #drawR2(): Uint8Array {
    this.#hmacKey ??= this.#crypto.randomBytes(HMAC_KEY_BYTES)
    const s2 = this.#crypto.randomBytes(RANDOM_BYTES)
    return concatBytes(s2, this.#hmac(this.#hmacKey, s2))
  }

  /** Whether an ID Context is R2 || R3, with an R2 of a challenge that is still open. */
  #isOfOurs(idContext: Uint8Array): boolean {
    if (this.#hmacKey === undefined || idContext.length <= R2_BYTES) return false
    const s2 = idContext.subarray(0, RANDOM_BYTES)
    // How long this takes helps nobody: whoever changes the ID Context cannot make the tag of the message.
    return equalBytes(idContext.subarray(RANDOM_BYTES, R2_BYTES), this.#hmac(this.#hmacKey, s2))
  }

  #hmac(key: Uint8Array, s2: Uint8Array): Uint8Array {
    return this.#crypto.hmacSha512(key, s2).subarray(0, HMAC_BYTES)
  }
}

function withKidContext(context: SecurityContext, kidContext: Uint8Array): SecurityContext {
  return { ...context, common: { ...context.common, kidContext } }
}

function acceptedBy(contexts: readonly SecurityContext[], message: CoapMessage): AcceptedRequest {
  const received = unprotectRequest(() => contexts, message)
  // A new context has its window.
  if (received.kind !== 'accepted') throw decryptionFailed()
  return received
}
