// SPDX-License-Identifier: Apache-2.0
/**
 * Grants that no transport carries: they go by a file, or in a mail.
 *
 * @module
 */

import { WaxwingError } from '@waxwing/core'
import type { Endpoint, GrantTerms } from '@waxwing/client'
import { fixedTerms } from './granting-terms.js'

export interface CarriedGrant {
  /** The grantee's inbox. */
  readonly address: string
  /** Sealed to it. */
  readonly payload: Uint8Array
}

/**
 * Makes the grants for all generations of a stream that are held. They count once they are made.
 *
 * @param id - Of the principal, in base64url, whose key card is held.
 * @throws {WaxwingError} `ERR_KEY_UNKNOWN` if it is not known; what the store refuses.
 */
export async function carriedGrants(
  endpoint: Endpoint,
  stream: string,
  id: string,
  terms: GrantTerms,
): Promise<readonly CarriedGrant[]> {
  const { granter, trustBook } = endpoint.parts
  const principal = trustBook.findPrincipal(id)
  if (principal === undefined) throw new WaxwingError('ERR_KEY_UNKNOWN', `${id} is not known`)
  const issued = await granter.grantUnasked(stream, principal, fixedTerms(terms))
  return issued.map(({ address, payload }) => ({ address, payload }))
}
