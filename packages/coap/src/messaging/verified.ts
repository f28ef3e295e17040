// SPDX-License-Identifier: Apache-2.0
/**
 * How a layer above tells that a request could only come from the address that it came from.
 *
 * @module
 */

import type { Request } from '../handler.js'

/** Where a request keeps what is to be told; copies of a request keep it too. */
export const VERIFIED: unique symbol = Symbol('verified')

/** A request that came over a network. */
export interface VerifiableRequest extends Request {
  readonly [VERIFIED]: { markVerified(): void }
}

/**
 * Says that the peer of a request proved its address: the request was protected, verified, and no
 * replay. Larger responses may be sent to it then. Without effect on a request that came otherwise.
 */
export function markVerified(request: Request): void {
  ;(request as Partial<VerifiableRequest>)[VERIFIED]?.markVerified()
}
