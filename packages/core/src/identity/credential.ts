// SPDX-License-Identifier: Apache-2.0
/**
 * Credentials: the anchor's signed word on who a principal is (`docs/spec/06-identity.md`
 * Section 6.3). A CBOR Web Token (RFC 8392) whose `cnf` claim (RFC 8747) holds the signing key.
 *
 * @module
 */

import { utf8 } from '../bytes.js'
import { decodeCbor, type CborKey, type CborValue } from '../cbor/cbor.js'
import { MapFields } from '../cbor/fields.js'
import { coseKeyToCbor, parseCoseKey } from '../cose/key.js'
import type { CryptoProvider, Ed25519SigningKey, Ed25519VerifyingKey } from '../crypto/provider.js'
import { malformed } from '../errors.js'
import {
  decodeStatementOf,
  signStatement,
  verifyStatement,
  type DecodedStatement,
} from '../statement/statement.js'
import { isNamePattern } from '../stream/name-pattern.js'
import { principalId } from './principal.js'

const SUB = 2
const EXP = 4
const IAT = 6
const CNF = 8
/** Private claim that holds what is Waxwing's own. */
const WAXWING = -65537
const CNF_COSE_KEY = 1

const UNIT = 1
const ROLES = 2
const ATTRIBUTES = 3
const PRODUCES = 4

const MAX_NAMES = 32
const MAX_TEXT_BYTES = 255

export interface CredentialClaims {
  /** What people call the principal, 1 to 255 bytes. */
  readonly name: string
  /** Ed25519 public key, 32 bytes. */
  readonly signingKey: Uint8Array
  /** Seconds since 1970; objects whose epoch begins at or after `expires` are not covered. */
  readonly issued: number
  readonly expires: number
  readonly unit?: string
  readonly roles: readonly string[]
  readonly attributes: ReadonlyMap<string, string>
  /** Patterns of the stream names that it may produce; none for a mere reader. */
  readonly produces: readonly string[]
}

/** A decoded credential. Nothing in it is verified. */
export interface Credential extends CredentialClaims {
  /** The principal's id: the thumbprint of `signingKey`. */
  readonly id: Uint8Array
  /** The anchor that is said to have issued it. */
  readonly anchorId: Uint8Array
  readonly bytes: Uint8Array
  readonly statement: DecodedStatement
}

/** Issues a credential under an anchor's key. Returns its bytes. */
export function issueCredential(
  crypto: Pick<CryptoProvider, 'sha256'>,
  claims: CredentialClaims,
  anchor: Ed25519SigningKey,
): Uint8Array {
  const author = principalId(crypto, anchor.publicKey)
  const payload = claimsToCbor(claims)
  return signStatement({ type: 'credential', author, key: anchor, recipient: null, payload })
}

/** Decodes a credential. @throws {WaxwingError} `ERR_MALFORMED` or `ERR_UNSUPPORTED`. */
export function decodeCredential(
  crypto: Pick<CryptoProvider, 'sha256'>,
  bytes: Uint8Array,
): Credential {
  const statement = decodeStatementOf('credential', bytes)
  const claims = claimsFromCbor(decodeCbor(statement.payload, 'credential'))
  const id = principalId(crypto, claims.signingKey)
  return { ...claims, id, anchorId: statement.author, bytes, statement }
}

/** Verifies a credential's signature. @throws {WaxwingError} `ERR_SIGNATURE`. */
export function verifyCredential(credential: Credential, anchor: Ed25519VerifyingKey): void {
  verifyStatement(credential.statement, anchor, null)
}

function claimsToCbor(claims: CredentialClaims): CborValue {
  const { name, issued, expires, unit, roles, attributes, produces } = claims
  const own = new Map<CborKey, CborValue>()
  if (unit !== undefined) own.set(UNIT, unit)
  if (roles.length > 0) own.set(ROLES, roles)
  if (attributes.size > 0) own.set(ATTRIBUTES, attributes)
  if (produces.length > 0) own.set(PRODUCES, produces)
  const key = coseKeyToCbor({ kind: 'ed25519', publicKey: claims.signingKey })
  return new Map<CborKey, CborValue>([
    [SUB, name],
    [EXP, expires],
    [IAT, issued],
    [CNF, new Map([[CNF_COSE_KEY, key]])],
    [WAXWING, own],
  ])
}

function claimsFromCbor(value: CborValue): CredentialClaims {
  const map = new MapFields('credential', value)
  const name = map.text(SUB, 'sub', { minBytes: 1, maxBytes: MAX_TEXT_BYTES })
  const expires = map.uint(EXP, 'exp')
  const issued = map.uint(IAT, 'iat')
  const cnf = new MapFields('credential', map.value(CNF, 'cnf'))
  const key = parseCoseKey(cnf.value(CNF_COSE_KEY, 'COSE_Key'), 'credential')
  cnf.end()
  if (key.kind !== 'ed25519') throw malformed('credential', 'COSE_Key')
  const own = new MapFields('credential', map.value(WAXWING, 'waxwing'))
  map.end()
  const unit = own.optText(UNIT, 'unit', { minBytes: 1, maxBytes: MAX_TEXT_BYTES })
  const claims = {
    name,
    signingKey: key.publicKey,
    issued,
    expires,
    roles: texts(own.optArray(ROLES, 'roles', { max: MAX_NAMES }), 'roles'),
    attributes: attributesFromCbor(own.optMap(ATTRIBUTES, 'attributes', { max: MAX_NAMES })),
    produces: texts(own.optArray(PRODUCES, 'produces', { max: MAX_NAMES }), 'produces'),
  }
  own.end()
  if (!claims.produces.every(isNamePattern)) throw malformed('credential', 'produces')
  return unit === undefined ? claims : { ...claims, unit }
}

function texts(list: readonly CborValue[] | undefined, field: string): readonly string[] {
  return (list ?? []).map((item) => boundedText(item, field))
}

function attributesFromCbor(
  map: ReadonlyMap<CborKey, CborValue> | undefined,
): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>()
  for (const [name, value] of map ?? []) {
    attributes.set(boundedText(name, 'attributes'), boundedText(value, 'attributes'))
  }
  return attributes
}

function boundedText(value: CborValue, field: string): string {
  if (typeof value !== 'string' || value === '' || utf8(value).length > MAX_TEXT_BYTES) {
    throw malformed('credential', field)
  }
  return value
}
