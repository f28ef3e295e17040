// SPDX-License-Identifier: Apache-2.0
/**
 * Signed statements: the COSE_Sign1 under every control message (`docs/spec/07-granting.md`
 * Section 7.1). The type stands in the protected header (RFC 9596) and is checked before anything
 * else is looked at; type and recipient are bound by the external_aad as well, so that no signature
 * made for one purpose or person serves another.
 *
 * A {@link DecodedStatement} is only decoded. {@link verifyStatement} is the one check of its
 * signature; who its author is, and whether to believe it, is the matter of `identity/`.
 *
 * @module
 */

import { encodeCbor, type CborValue } from '../cbor/cbor.js'
import { ALG_ED25519, LABEL_ALG, LABEL_KID, LABEL_TYP } from '../cose/header.js'
import { decodeSign1, encodeSign1, verifySign1, type Sign1 } from '../cose/sign1.js'
import type { Ed25519SigningKey, Ed25519VerifyingKey } from '../crypto/provider.js'
import { malformed, WaxwingError } from '../errors.js'

/** Every type of control message and statement. */
export const STATEMENT_TYPES = [
  'manifest',
  'request',
  'grant',
  'link',
  'denial',
  'ack',
  'revocation',
  'enrol',
  'credential',
  'key-card',
  'trust-bundle',
] as const

export type StatementType = (typeof STATEMENT_TYPES)[number]

/** Longest statement that is looked at, in bytes; the largest honest ones are bundles. */
export const MAX_STATEMENT_BYTES = 1_048_576

const PRINCIPAL_ID_BYTES = 32
const TYPE_BY_TYP: ReadonlyMap<string, StatementType> = new Map(
  STATEMENT_TYPES.map((type) => [typOf(type), type]),
)

export interface DecodedStatement {
  readonly type: StatementType
  /** Thumbprint of the key that is said to have signed. Unverified. */
  readonly author: Uint8Array
  readonly payload: Uint8Array
  /** The bytes it was decoded from. */
  readonly bytes: Uint8Array
  readonly message: Sign1
}

export interface StatementInput {
  readonly type: StatementType
  /** Thumbprint of `key`: 32 bytes. */
  readonly author: Uint8Array
  readonly key: Ed25519SigningKey
  /** Who alone may act on it, or `null` where anyone may. */
  readonly recipient: Uint8Array | null
  readonly payload: CborValue
}

/** The value of the `typ` header parameter (RFC 9596) of a statement type. */
export function typOf(type: StatementType): string {
  return type === 'credential' ? 'waxwing-credential+cwt' : `waxwing-${type}+cose`
}

/** Signs a payload as a statement. Returns new bytes. */
export function signStatement(input: StatementInput): Uint8Array {
  const { type, author, key, recipient } = input
  const protectedHeader = new Map<number, CborValue>([
    [LABEL_ALG, ALG_ED25519],
    [LABEL_KID, author],
    [LABEL_TYP, typOf(type)],
  ])
  const externalAad = statementAad(type, recipient)
  const payload = encodeCbor(input.payload)
  return encodeSign1({ protectedHeader, payload, externalAad }, (bytes) => key.sign(bytes))
}

/**
 * Decodes a statement of any type and verifies nothing.
 *
 * @throws {WaxwingError} `ERR_MALFORMED`; `ERR_UNSUPPORTED` for an unknown type, algorithm or
 *   header parameter; `ERR_LIMIT` above {@link MAX_STATEMENT_BYTES}.
 */
export function decodeStatement(bytes: Uint8Array): DecodedStatement {
  if (bytes.length > MAX_STATEMENT_BYTES) {
    throw new WaxwingError('ERR_LIMIT', 'statement is too long', { rule: 'MAX_STATEMENT_BYTES' })
  }
  const message = decodeSign1(bytes, 'statement')
  const { protectedHeader } = message
  const typ = protectedHeader.get(LABEL_TYP)
  const type = typeof typ === 'string' ? TYPE_BY_TYP.get(typ) : undefined
  if (type === undefined) throw unsupported('typ')
  if (protectedHeader.get(LABEL_ALG) !== ALG_ED25519) throw unsupported('alg')
  if (protectedHeader.size !== 3 || message.unprotectedHeader.size !== 0) {
    throw unsupported('header parameter')
  }
  const author = protectedHeader.get(LABEL_KID)
  if (!(author instanceof Uint8Array) || author.length !== PRINCIPAL_ID_BYTES) {
    throw malformed(type, 'kid')
  }
  return { type, author: author.slice(), payload: message.payload, bytes, message }
}

/** Decodes a statement that must be of one type. @throws {WaxwingError} As {@link decodeStatement}. */
export function decodeStatementOf(type: StatementType, bytes: Uint8Array): DecodedStatement {
  const statement = decodeStatement(bytes)
  if (statement.type !== type) throw malformed(type, 'typ')
  return statement
}

/**
 * Verifies the signature of a statement for one recipient.
 *
 * @throws {WaxwingError} `ERR_SIGNATURE`, whatever was wrong.
 */
export function verifyStatement(
  statement: DecodedStatement,
  key: Ed25519VerifyingKey,
  recipient: Uint8Array | null,
): void {
  const externalAad = statementAad(statement.type, recipient)
  if (!verifySign1(statement.message, key, externalAad)) {
    throw new WaxwingError('ERR_SIGNATURE', `${statement.type}: the signature does not verify`)
  }
}

/** A credential is a plain CWT (RFC 8392), without external_aad, so that anyone can check it. */
function statementAad(type: StatementType, recipient: Uint8Array | null): Uint8Array {
  if (type === 'credential') return new Uint8Array(0)
  return encodeCbor(['waxwing control v1', typOf(type), recipient])
}

function unsupported(field: string): WaxwingError {
  return new WaxwingError('ERR_UNSUPPORTED', `statement: unknown ${field}`, { field })
}
