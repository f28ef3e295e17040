// SPDX-License-Identifier: Apache-2.0
/**
 * Who may revoke what (`docs/spec/07-granting.md` Section 7.8.1): an anchor of our domain everything,
 * whoever stands above us in a chain what is granted under that chain. What we produce ourselves obeys
 * nobody but ourselves and the anchors.
 *
 * @module
 */

import {
  checkTime,
  decodeMessage,
  toBase64Url,
  toHex,
  verifyStatement,
  WaxwingError,
  type DecodedMessage,
  type DecodedStatement,
} from '@waxwing/core'
import type { GenerationBook } from '../generation-book.js'
import { judgedSeconds } from '../identity/statement-time.js'
import type { TrustBook } from '../identity/trust-book.js'
import type { Runtime } from '../runtime.js'
import type { RevocationOrder } from './revocation-order.js'

type RevocationMessage = Extract<DecodedMessage, { type: 'revocation' }>

interface Inputs {
  readonly runtime: Runtime
  readonly book: GenerationBook
  readonly trustBook: TrustBook
}

/**
 * Verifies a revocation.
 *
 * @returns What it demands.
 * @throws {WaxwingError} `ERR_EXPIRED`, `ERR_NOT_YET_VALID`, `ERR_SIGNATURE`, `ERR_REVOKED`,
 *   `ERR_NOT_TRUSTED`; `ERR_NOT_AUTHORIZED` if its author has no say over what it names.
 */
export function verifyRevocation(statement: DecodedStatement, inputs: Inputs): RevocationOrder {
  const { runtime, trustBook } = inputs
  const message = decodeMessage(runtime.crypto, statement.bytes)
  if (message.type !== 'revocation') throw new TypeError('statement must be a revocation')
  checkTime(message.envelope, judgedSeconds(runtime, message.envelope.issued))
  const anchor = trustBook.trust.anchorKey(message.author)
  if (anchor === undefined) {
    verifyGranter(message, inputs)
    assertHasSay(message, inputs)
    return orderOf(message, false)
  }
  verifyStatement(statement, anchor, null)
  return orderOf(message, true)
}

/** Whoever was revoked itself has no say any more. */
function verifyGranter(
  { author, envelope, statement }: RevocationMessage,
  { runtime, trustBook }: Inputs,
): void {
  const { trust } = trustBook
  const known = trustBook.principalOf(author)?.credential ?? null
  const principal = trust.resolve(author, envelope.credential ?? known)
  verifyStatement(statement, principal.key, null)
  trust.checkStanding(principal, judgedSeconds(runtime, envelope.issued, principal.issued))
}

/**
 * Of a generation that is not held yet nobody knows: it may come by a chain of the author's, which
 * gives nothing before this was acknowledged. How much may be said so is bounded (`UpstreamRoom`).
 */
function assertHasSay({ author, body }: RevocationMessage, { book }: Inputs): void {
  const { generationId } = body
  const named = generationId === null ? undefined : book.byId(toHex(generationId))
  if (generationId !== null && named === undefined) return
  const name = toBase64Url(author)
  const isAbove = (named === undefined ? book.all() : [named]).some(
    ({ own, grants }) => !own && [...grants.values()].some(({ issuers }) => issuers.includes(name)),
  )
  if (isAbove) return
  throw new WaxwingError('ERR_NOT_AUTHORIZED', 'its author granted us nothing of this')
}

function orderOf(
  { digest, author, body, envelope }: RevocationMessage,
  byAnchor: boolean,
): RevocationOrder {
  const { principalId, since, generationId } = body
  const { issued, expires } = envelope
  return {
    digest: toHex(digest),
    author,
    byAnchor,
    principal: toBase64Url(principalId),
    since,
    generation: generationId === null ? null : toHex(generationId),
    issued,
    expires,
  }
}
