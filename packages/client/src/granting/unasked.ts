// SPDX-License-Identifier: Apache-2.0
/**
 * Granting unasked, for the past or the future (`docs/spec/07-granting.md` Section 7.4.2): one grant
 * for each generation of a stream that the terms reach.
 *
 * @module
 */

import { toBase64Url, WaxwingError, type TrustedPrincipal } from '@waxwing/core'
import { judgedSeconds } from '../identity/statement-time.js'
import type { TrustBook } from '../identity/trust-book.js'
import { nowSeconds, type Runtime } from '../runtime.js'
import type { Authority } from './authority.js'
import type { Delegates } from './delegates.js'
import type { Grantee, IssuedGrant, Issuing } from './issuing.js'
import type { FixedTerms } from './terms.js'

export interface UnaskedInputs {
  readonly runtime: Runtime
  readonly trustBook: TrustBook
  readonly issuing: Issuing
  readonly delegates: Delegates
  readonly stream: string
  /** What we may grant of each generation of the stream. */
  readonly authorities: readonly (readonly Authority[])[]
  /** Notes that the grant stands; `false` if the principal was revoked meanwhile. */
  readonly record: () => Promise<boolean>
}

/** @throws {WaxwingError} See `Granter.grantUnasked`. */
export async function grantUnasked(
  inputs: UnaskedInputs,
  principal: TrustedPrincipal,
  terms: FixedTerms,
  options: { retained?: boolean },
): Promise<readonly IssuedGrant[]> {
  const { issuing, stream } = inputs
  const grantee = granteeFor(inputs, principal)
  const held = inputs.authorities.filter((authorities) => authorities.length > 0)
  if (held.length === 0) throw new WaxwingError('ERR_KEY_UNKNOWN', `nothing of ${stream} is held`)
  const reaching = held.flatMap((authorities) => {
    const mayGive = authorities.filter((a) => terms.rights === 'read' || a.maySubShare)
    return mayGive.find((a) => issuing.spanFor(a, terms) !== undefined) ?? []
  })
  if (reaching.length === 0) {
    const message = `nothing of ${stream} may be granted for this span`
    throw new WaxwingError('ERR_NOT_AUTHORIZED', message)
  }
  // Noted before anything is given: a revocation that comes meanwhile finds what it has to undo.
  if (!(await inputs.record()))
    throw new WaxwingError('ERR_REVOKED', `${principal.name} was revoked`)
  if (terms.rights === 'share') await beginSharing(inputs, principal, reaching)
  const issued: IssuedGrant[] = []
  for (const authority of reaching) {
    issued.push(await issuing.grant(authority, grantee, terms, options))
  }
  return issued
}

async function beginSharing(
  { delegates }: UnaskedInputs,
  { id, name }: TrustedPrincipal,
  reaching: readonly Authority[],
): Promise<void> {
  const generations = reaching.map(({ generation }) => generation)
  for (const generation of generations) {
    if (await delegates.mayShare(generation, toBase64Url(id))) continue
    const message = `${name} has still to acknowledge who is revoked from the stream: try again then`
    throw new WaxwingError('ERR_NOT_AUTHORIZED', message, { rule: 'unacknowledged' })
  }
  await delegates.noteShared(toBase64Url(id), generations)
}

function granteeFor(
  { runtime, trustBook, issuing }: UnaskedInputs,
  principal: TrustedPrincipal,
): Grantee {
  const { id, name } = principal
  trustBook.trust.checkStanding(principal, judgedSeconds(runtime, principal.issued))
  const card = trustBook.cardOf(id)
  if (card === undefined || card.expires <= nowSeconds(runtime)) {
    throw new WaxwingError('ERR_KEY_UNKNOWN', `no valid key card of ${name} is held`)
  }
  const key = issuing.keyFor(card)
  if (key !== undefined) return { id, key }
  throw new WaxwingError('ERR_KEY_INVALID', `${name} has no X-Wing key, which is demanded`)
}
