// SPDX-License-Identifier: Apache-2.0
/**
 * Whom a reader asks (`docs/spec/07-granting.md` Section 7.3.2): whoever granted it the generation
 * before, its producer, and the keepers of its domain, as far as their key cards are known. Of a kid
 * that is new it is likely that the stream at this address was rotated: then who had a say before is
 * asked first, and sealed.
 *
 * @module
 */

import { fromBase64Url, toBase64Url, type KemPublicKey } from '@waxwing/core'
import type { Messenger } from '../control/messenger.js'
import type { Generation } from '../generation.js'
import type { GenerationBook } from '../generation-book.js'
import type { OwnIdentity } from '../identity/own-identity.js'
import type { TrustBook } from '../identity/trust-book.js'
import { nowSeconds, type Runtime } from '../runtime.js'
import type { Asked } from './asked.js'

export interface KnownAuthority {
  readonly id: Uint8Array
  readonly key: KemPublicKey
}

export interface AuthoritiesInputs {
  readonly runtime: Runtime
  readonly book: GenerationBook
  readonly identity: OwnIdentity
  readonly trustBook: TrustBook
  readonly messenger: Messenger
}

/** All whose unexpired card is held and who are not revoked: those first who answered before. */
export function authoritiesFor(
  { generation, address }: Pick<Asked, 'generation' | 'address'>,
  { runtime, book, identity, trustBook, messenger }: AuthoritiesInputs,
): readonly KnownAuthority[] {
  const generations = generation === undefined ? book.byStream(address) : [generation]
  const ids = generations.flatMap((known) => [...grantersOf(known), known.producer.id])
  const { trust } = trustBook
  const all = new Map([...ids, ...trust.keepers().map(({ id }) => id)].map(named))
  all.delete(toBase64Url(identity.id))
  const now = nowSeconds(runtime)
  return [...all.values()].flatMap((id) => {
    const principal = trustBook.principalOf(id)
    const card = trustBook.cardOf(id)
    if (principal === undefined || card === undefined || card.expires <= now) return []
    if (trust.revokedSince(principal) !== undefined) return []
    const key = messenger.kemKeyOf(card)
    return key === undefined ? [] : [{ id, key }]
  })
}

/** The ids of those who granted us something of a generation directly, the latest first. */
function grantersOf(generation: Generation): readonly Uint8Array[] {
  const grants = [...generation.grants.values()].toSorted((a, b) => b.received - a.received)
  return grants.flatMap(({ issuers }) => issuers.slice(-1)).flatMap((id) => fromBase64Url(id) ?? [])
}

function named(id: Uint8Array): [string, Uint8Array] {
  return [toBase64Url(id), id]
}
