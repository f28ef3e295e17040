// SPDX-License-Identifier: Apache-2.0
/**
 * Who may revoke what (`docs/spec/07-granting.md` Section 7.8): an anchor of our domain everything,
 * whoever stands in our chains above us what came to us by it.
 *
 * @module
 */

import {
  checkTime,
  decodeMessage,
  equalBytes,
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

export type RevocationMessage = Extract<DecodedMessage, { type: 'revocation' }>

interface Inputs {
  readonly runtime: Runtime
  readonly book: GenerationBook
  readonly trustBook: TrustBook
}

/**
 * Verifies a revocation.
 *
 * @returns The message, and the streams that it counts for.
 * @throws {WaxwingError} `ERR_EXPIRED`, `ERR_NOT_YET_VALID`, `ERR_SIGNATURE`, `ERR_REVOKED`,
 *   `ERR_NOT_TRUSTED`; `ERR_NOT_AUTHORIZED` if its author has no say over anything that we hold.
 */
export function verifyRevocation(
  statement: DecodedStatement,
  inputs: Inputs,
): { message: RevocationMessage; streams: 'all' | readonly string[] } {
  const { runtime, trustBook } = inputs
  const message = decodeMessage(runtime.crypto, statement.bytes)
  if (message.type !== 'revocation') throw new TypeError('statement must be a revocation')
  checkTime(message.envelope, judgedSeconds(runtime, message.envelope.issued))
  const anchor = trustBook.trust.anchorKey(message.author)
  if (anchor === undefined) return { message, streams: streamsOfGranter(message, inputs) }
  verifyStatement(statement, anchor, null)
  return { message, streams: streamsOfAnchor(message, inputs) }
}

function streamsOfAnchor({ body }: RevocationMessage, { book }: Inputs): 'all' | readonly string[] {
  if (body.generationId === null) return 'all'
  const generation = book.byId(toHex(body.generationId))
  return generation === undefined ? [] : [generation.stream]
}

/** Whoever was revoked itself has no say any more. */
function streamsOfGranter(
  { author, body, envelope, statement }: RevocationMessage,
  { runtime, book, trustBook }: Inputs,
): readonly string[] {
  const { trust } = trustBook
  const known = trustBook.principalOf(author)?.credential ?? null
  const principal = trust.resolve(author, envelope.credential ?? known)
  verifyStatement(statement, principal.key, null)
  trust.checkStanding(principal, judgedSeconds(runtime, envelope.issued, principal.issued))
  const name = toBase64Url(author)
  const { generationId } = body
  const granted = book.all().filter(({ manifest, grants }) => {
    const isMeant = generationId === null || equalBytes(manifest.generationId, generationId)
    return isMeant && [...grants.values()].some(({ issuers }) => issuers.includes(name))
  })
  if (granted.length === 0) {
    throw new WaxwingError('ERR_NOT_AUTHORIZED', 'its author granted us nothing of this')
  }
  return [...new Set(granted.map(({ stream }) => stream))]
}
