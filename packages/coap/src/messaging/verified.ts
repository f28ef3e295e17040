// SPDX-License-Identifier: Apache-2.0
/**
 * How a layer above tells that a request could only come from the address that it came from, or has its
 * peer prove it.
 *
 * @module
 */

import type { CoapMessage } from '@waxwing/oscore'
import type { Request, Response } from '../handler.js'

/** Where a request keeps what is to be told; copies of a request keep it too. */
export const VERIFIED: unique symbol = Symbol('verified')

/** A request that came over a network. */
export interface VerifiableRequest extends Request {
  readonly [VERIFIED]: {
    markVerified(): void
    challenge(): CoapMessage | undefined
  }
}

/**
 * Says that the peer of a request proved its address: the request was protected, verified, and no
 * replay. Larger responses may be sent to it then. Without effect on a request that came otherwise.
 */
export function markVerified(request: Request): void {
  ;(request as Partial<VerifiableRequest>)[VERIFIED]?.markVerified()
}

/**
 * The response that has the peer of a request prove its address (RFC 9175 Section 2.3), for handlers that
 * must not do anything before; `undefined` where it did, and for a request that came otherwise.
 */
export function challengeFor(request: Request): Response | undefined {
  return (request as Partial<VerifiableRequest>)[VERIFIED]?.challenge()
}
