// SPDX-License-Identifier: Apache-2.0
/**
 * Links: the signed steps of a grant's chain (`docs/spec/07-granting.md` Section 7.5.1).
 *
 * @module
 */

import { decodeCbor, type CborKey, type CborValue } from '../cbor/cbor.js'
import { MapFields } from '../cbor/fields.js'
import type { CryptoProvider, Ed25519SigningKey } from '../crypto/provider.js'
import { malformed } from '../errors.js'
import { LAST_EPOCH, type Span } from '../key-tree/span.js'
import { decodeStatementOf, signStatement, type DecodedStatement } from '../statement/statement.js'
import { rightsFromCbor, rightsToCbor, spanFromCbor, spanToCbor, type Rights } from './request.js'

/** Depth of a producer's own share links, so that a chain has four links at the most. */
export const MAX_DEPTH = 3
export const GRANT_ID_BYTES = 16

export interface LinkFields {
  readonly generationId: Uint8Array
  /** 16 random bytes, the same in all links of a chain. */
  readonly grantId: Uint8Array
  readonly issuer: Uint8Array
  readonly grantee: Uint8Array
  /** Thumbprint of the grantee's KEM key that the nodes were sealed to: 32 bytes. */
  readonly kemKey: Uint8Array
  readonly span: Span
  readonly rights: Rights
  /** How many more links may follow: 0 for `read`, 1 to 3 for `share`. */
  readonly depth: number
  /** Seconds since 1970. */
  readonly issued: number
  /** When the link ends, or `null` for never. */
  readonly end: number | null
  /** SHA-256 of the parent link's bytes; `null` in the first link. */
  readonly parent: Uint8Array | null
  /** SHA-256 of the nodes that went with this link. */
  readonly nodesDigest: Uint8Array
  /** The issuer's credential; `null` if its key is only pinned. */
  readonly credential: Uint8Array | null
}

/** A decoded link. Its signature is not yet verified. */
export interface Link extends LinkFields {
  /** SHA-256 of the bytes: what a child's `parent` has to be. */
  readonly digest: Uint8Array
  readonly bytes: Uint8Array
  readonly statement: DecodedStatement
}

/** Signs a link. Returns its bytes. */
export function signLink(fields: LinkFields, key: Ed25519SigningKey): Uint8Array {
  const payload = new Map<CborKey, CborValue>([
    [1, fields.generationId],
    [2, fields.grantId],
    [3, fields.issuer],
    [4, fields.grantee],
    [5, fields.kemKey],
    [6, spanToCbor(fields.span)],
    [7, rightsToCbor(fields.rights)],
    [8, fields.depth],
    [9, fields.issued],
    [10, fields.end],
    [11, fields.parent],
    [12, fields.nodesDigest],
    [13, fields.credential],
  ])
  return signStatement({ type: 'link', author: fields.issuer, key, recipient: null, payload })
}

/** Decodes a link. @throws {WaxwingError} `ERR_MALFORMED` or `ERR_UNSUPPORTED`. */
export function decodeLink(crypto: Pick<CryptoProvider, 'sha256'>, bytes: Uint8Array): Link {
  const statement = decodeStatementOf('link', bytes)
  const map = new MapFields('link', decodeCbor(statement.payload, 'link'))
  const fields: LinkFields = {
    generationId: map.bytes(1, 'generation id', { length: 32 }),
    grantId: map.bytes(2, 'grant id', { length: GRANT_ID_BYTES }),
    issuer: map.bytes(3, 'issuer', { length: 32 }),
    grantee: map.bytes(4, 'grantee', { length: 32 }),
    kemKey: map.bytes(5, 'KEM key', { length: 32 }),
    span: spanFromCbor(map.value(6, 'span'), 'link'),
    rights: rightsFromCbor(map.uint(7, 'rights'), 'link'),
    depth: map.uint(8, 'depth', { max: MAX_DEPTH }),
    issued: map.uint(9, 'issued'),
    end: map.uintOrNull(10, 'end'),
    parent: map.bytesOrNull(11, 'parent', { length: 32 }),
    nodesDigest: map.bytes(12, 'nodes digest', { length: 32 }),
    credential: map.bytesOrNull(13, 'credential'),
  }
  map.end()
  if ((fields.rights === 'read') !== (fields.depth === 0)) throw malformed('link', 'depth')
  return { ...fields, digest: crypto.sha256(bytes), bytes, statement }
}

/**
 * The last epoch that a lease may reach: the one that contains its end, or the last there is.
 *
 * @param end - Seconds since 1970, of any size: it may come from a stranger.
 */
export function lastEpochOfLease(end: number, epochSeconds: number): number {
  return Math.min(Math.floor(end / epochSeconds), LAST_EPOCH)
}
