// SPDX-License-Identifier: Apache-2.0
/**
 * Key cards: a principal's own short-lived statement of the KEM keys that it receives on
 * (`docs/spec/06-identity.md` Section 6.4). Numbered by issue time; a granter keeps the newest.
 *
 * @module
 */

import { equalBytes } from '../bytes.js'
import { decodeCbor, type CborKey, type CborValue } from '../cbor/cbor.js'
import { MapFields } from '../cbor/fields.js'
import { coseKeyThumbprint, coseKeyToCbor, parseCoseKey } from '../cose/key.js'
import type { CryptoProvider, Ed25519SigningKey, Ed25519VerifyingKey } from '../crypto/provider.js'
import { malformed, WaxwingError } from '../errors.js'
import type { KemPublicKey } from '../hpke/suite.js'
import {
  decodeStatementOf,
  signStatement,
  verifyStatement,
  type DecodedStatement,
} from '../statement/statement.js'
import { CLOCK_SKEW_SECONDS } from './principal.js'

export const DEFAULT_CARD_SECONDS = 2_592_000
/** Longest life of a card: a year. */
export const MAX_CARD_SECONDS = 31_536_000

export interface KeyCardFields {
  /** Seconds since 1970; also the card's number. */
  readonly issued: number
  readonly expires: number
  /** At most one of each kind, X25519 always among them. */
  readonly keys: readonly KemPublicKey[]
}

/** A decoded key card. Its signature is not yet verified. */
export interface KeyCard extends KeyCardFields {
  readonly principalId: Uint8Array
  readonly bytes: Uint8Array
  readonly statement: DecodedStatement
}

/** Signs a principal's own card. Returns its bytes. */
export function signKeyCard(
  fields: KeyCardFields,
  author: Uint8Array,
  key: Ed25519SigningKey,
): Uint8Array {
  const payload = new Map<CborKey, CborValue>([
    [1, fields.issued],
    [2, fields.expires],
    [3, fields.keys.map(coseKeyToCbor)],
  ])
  return signStatement({ type: 'key-card', author, key, recipient: null, payload })
}

/** Decodes a card. @throws {WaxwingError} `ERR_MALFORMED` or `ERR_UNSUPPORTED`. */
export function decodeKeyCard(bytes: Uint8Array): KeyCard {
  const statement = decodeStatementOf('key-card', bytes)
  const map = new MapFields('key card', decodeCbor(statement.payload, 'key card'))
  const issued = map.uint(1, 'issued')
  const expires = map.uint(2, 'expires')
  const keys = map.array(3, 'keys', { min: 1, max: 2 }).map(kemKey)
  map.end()
  if (expires <= issued || expires - issued > MAX_CARD_SECONDS)
    throw malformed('key card', 'expires')
  const kinds = keys.map(({ kind }) => kind)
  if (!kinds.includes('x25519') || new Set(kinds).size !== keys.length) {
    throw malformed('key card', 'keys')
  }
  return { issued, expires, keys, principalId: statement.author, bytes, statement }
}

/**
 * Verifies that a card is a principal's own, and that it is valid now.
 *
 * @param principal - The principal whose card it has to be, with its verified key.
 * @param now - Seconds since 1970.
 * @throws {WaxwingError} `ERR_SIGNATURE`, also if it names another principal; `ERR_EXPIRED` or
 *   `ERR_NOT_YET_VALID`.
 */
export function verifyKeyCard(
  card: KeyCard,
  principal: { readonly id: Uint8Array; readonly key: Ed25519VerifyingKey },
  now: number,
): void {
  if (!equalBytes(card.principalId, principal.id)) {
    throw new WaxwingError('ERR_SIGNATURE', 'the key card is of another principal')
  }
  verifyStatement(card.statement, principal.key, null)
  checkKeyCardTime(card, now)
}

/**
 * Checks that a card is valid now.
 *
 * @param now - Seconds since 1970.
 * @throws {WaxwingError} `ERR_EXPIRED` or `ERR_NOT_YET_VALID`.
 */
export function checkKeyCardTime(card: KeyCardFields, now: number): void {
  if (card.expires <= now) throw new WaxwingError('ERR_EXPIRED', 'the key card has expired')
  if (card.issued > now + CLOCK_SKEW_SECONDS) {
    throw new WaxwingError('ERR_NOT_YET_VALID', 'the key card is dated in the future')
  }
}

/**
 * Chooses between a card held and one offered, both verified and of one principal.
 *
 * @returns The newer one.
 * @throws {WaxwingError} `ERR_ROLLBACK` if the offered one is older; `ERR_CONFLICT` if both have
 *   one number but differ.
 */
export function newerKeyCard(held: KeyCard | undefined, offered: KeyCard): KeyCard {
  if (held === undefined || offered.issued > held.issued) return offered
  if (offered.issued < held.issued) {
    throw new WaxwingError('ERR_ROLLBACK', 'the key card is older than the newest one seen')
  }
  if (!equalBytes(offered.bytes, held.bytes)) {
    throw new WaxwingError('ERR_CONFLICT', 'two key cards carry the same number')
  }
  return held
}

/** The thumbprint by which links and sealed messages name a KEM key: 32 bytes. */
export function kemKeyThumbprint(
  crypto: Pick<CryptoProvider, 'sha256'>,
  key: KemPublicKey,
): Uint8Array {
  return coseKeyThumbprint(crypto, key)
}

function kemKey(value: CborValue): KemPublicKey {
  const { kind, publicKey } = parseCoseKey(value, 'key card')
  if (kind === 'ed25519') throw malformed('key card', 'keys')
  return { kind, publicKey }
}
