// SPDX-License-Identifier: Apache-2.0
/**
 * The slow twin of statements (`docs/spec/07-granting.md` Section 7.1): decoding, step by step, and
 * the one check of a signature.
 *
 * @module
 */

import type { CborValue } from '@waxwing/core'
import { sha256 } from '../../../../tools/vectors/frozen/primitives.ts'
import { statementAad } from '../../../../tools/vectors/frozen/statements.ts'
import { decodeByTheBook, encodeByTheBook, isList, isMap, isTag, type CborMap } from './cbor.ts'
import { insist, refuse } from './refusal.ts'
import { isPublicKey, verifies } from './signatures.ts'

const TYPES: ReadonlyMap<CborValue | undefined, string> = new Map([
  ['waxwing-manifest+cose', 'manifest'],
  ['waxwing-link+cose', 'link'],
  ['waxwing-credential+cwt', 'credential'],
  ['waxwing-key-card+cose', 'key-card'],
  ['waxwing-trust-bundle+cose', 'trust-bundle'],
  ['waxwing-request+cose', 'request'],
  ['waxwing-grant+cose', 'grant'],
  ['waxwing-denial+cose', 'denial'],
  ['waxwing-ack+cose', 'ack'],
  ['waxwing-revocation+cose', 'revocation'],
  ['waxwing-enrol+cose', 'enrol'],
])

export interface Statement {
  readonly type: string
  readonly author: Uint8Array
  readonly payload: Uint8Array
  readonly protectedBytes: Uint8Array
  readonly signature: Uint8Array
  /** SHA-256 of all its bytes. */
  readonly digest: Uint8Array
}

/** Decodes a statement of one type (Section 7.1.3, steps 1 to 9). @throws {Refusal} */
export function readStatement(bytes: Uint8Array, type: string): Statement {
  insist(bytes.length <= 1_048_576, 'ERR_LIMIT')
  const item = decodeByTheBook(bytes)
  if (!isTag(item) || item.tag !== 18) return refuse('ERR_MALFORMED')
  const parts = item.contents
  if (!isList(parts) || parts.length !== 4) return refuse('ERR_MALFORMED')
  const [protectedBytes, unprotected, payload, signature] = parts
  if (!(protectedBytes instanceof Uint8Array)) return refuse('ERR_MALFORMED')
  const header: CborValue =
    protectedBytes.length === 0 ? new Map() : decodeByTheBook(protectedBytes)
  if (!isMap(header) || !isMap(unprotected)) return refuse('ERR_MALFORMED')
  checkLabels(header, unprotected)
  if (!(payload instanceof Uint8Array)) return refuse('ERR_MALFORMED')
  if (!(signature instanceof Uint8Array)) return refuse('ERR_MALFORMED')
  const found = TYPES.get(header.get(16)) ?? refuse('ERR_UNSUPPORTED')
  insist(header.get(1) === -19, 'ERR_UNSUPPORTED')
  insist(header.size === 3 && unprotected.size === 0, 'ERR_UNSUPPORTED')
  const author = header.get(4)
  if (!(author instanceof Uint8Array) || author.length !== 32) return refuse('ERR_MALFORMED')
  insist(found === type, 'ERR_MALFORMED')
  return { type, author, payload, protectedBytes, signature, digest: sha256(bytes) }
}

/** Steps 2 to 4, of the labels. */
function checkLabels(header: CborMap, unprotected: CborMap): void {
  const [here, there] = [[...header.keys()], [...unprotected.keys()]]
  insist(!here.some((label) => there.includes(label)), 'ERR_MALFORMED')
  const labels = new Set([...here, ...there])
  insist(!labels.has(2), 'ERR_UNSUPPORTED')
  insist(!(labels.has(5) && labels.has(6)), 'ERR_MALFORMED')
}

/**
 * Verifies a statement that has no recipient under a key that was imported.
 *
 * @throws {Refusal} `ERR_SIGNATURE`.
 */
export function checkSignature(statement: Statement, key: Uint8Array): void {
  const { type, protectedBytes, payload, signature } = statement
  const signed = ['Signature1', protectedBytes, statementAad(type, null), payload]
  insist(verifies(key, encodeByTheBook(signed), signature), 'ERR_SIGNATURE')
}

/** Imports a public key. @throws {Refusal} `ERR_KEY_INVALID`. */
export function importKey(key: Uint8Array): Uint8Array {
  insist(isPublicKey(key), 'ERR_KEY_INVALID')
  return key
}
