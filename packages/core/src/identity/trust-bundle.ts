// SPDX-License-Identifier: Apache-2.0
/**
 * Trust bundles: an anchor's signed, versioned list of whom to trust and whom no more
 * (`docs/spec/06-identity.md` Section 6.5).
 *
 * @module
 */

import { decodeCbor, encodeCbor, type CborKey, type CborValue } from '../cbor/cbor.js'
import { ArrayFields, MapFields } from '../cbor/fields.js'
import { coseKeyToCbor, parseCoseKey } from '../cose/key.js'
import type { CryptoProvider, Ed25519SigningKey } from '../crypto/provider.js'
import { malformed } from '../errors.js'
import type { KemPublicKey } from '../hpke/suite.js'
import { decodeStatementOf, signStatement, type DecodedStatement } from '../statement/statement.js'
import { isNamePattern } from '../stream/name-pattern.js'
import { PRINCIPAL_ID_BYTES, principalId } from './principal.js'

/** An anchor of the domain; it issued what is dated within `from` and `until`. */
export interface Anchor {
  /** Ed25519 public key, 32 bytes. */
  readonly key: Uint8Array
  readonly from: number
  /** `null` while it is in use. */
  readonly until: number | null
}

/** The off-line principal that every stream with history is granted to. */
export interface Recovery {
  /** Its credential. */
  readonly credential: Uint8Array
  /** At most one of each kind. Has neither card nor expiry. */
  readonly keys: readonly KemPublicKey[]
}

/** Another domain, and what its principals may name. */
export interface Partner {
  readonly domainId: Uint8Array
  readonly anchors: readonly Uint8Array[]
  readonly patterns: readonly string[]
}

export interface Revoked {
  readonly principalId: Uint8Array
  /** Seconds since 1970: epochs that begin at or after it are not covered. */
  readonly since: number
}

export interface TrustBundleFields {
  readonly domainId: Uint8Array
  /** Rises with each bundle. */
  readonly version: number
  readonly issued: number
  readonly expires: number
  readonly anchors: readonly Anchor[]
  /** The keepers' credentials. */
  readonly keepers: readonly Uint8Array[]
  readonly recovery: Recovery | null
  readonly partners: readonly Partner[]
  readonly revoked: readonly Revoked[]
  /** Grants are sealed with X-Wing or not at all. */
  readonly requireXWing: boolean
}

/** A decoded bundle. Its signature is not yet verified: `Trust` does that. */
export interface TrustBundle extends TrustBundleFields {
  readonly anchorId: Uint8Array
  /** SHA-256 of the bytes, cut to 8: how messages name it. */
  readonly digest: Uint8Array
  readonly bytes: Uint8Array
  readonly statement: DecodedStatement
}

const MAX_ANCHORS = 16
const MAX_KEEPERS = 64
const MAX_PARTNERS = 256
const MAX_PATTERNS = 64
const MAX_REVOKED = 10_000
const DIGEST_BYTES = 8

/** Signs a bundle under an anchor's key. Returns its bytes. */
export function signTrustBundle(
  crypto: Pick<CryptoProvider, 'sha256'>,
  fields: TrustBundleFields,
  anchor: Ed25519SigningKey,
): Uint8Array {
  const author = principalId(crypto, anchor.publicKey)
  const payload = bundleToCbor(fields)
  return signStatement({ type: 'trust-bundle', author, key: anchor, recipient: null, payload })
}

/** Decodes a bundle. @throws {WaxwingError} `ERR_MALFORMED`, `ERR_UNSUPPORTED` or `ERR_LIMIT`. */
export function decodeTrustBundle(
  crypto: Pick<CryptoProvider, 'sha256'>,
  bytes: Uint8Array,
): TrustBundle {
  const statement = decodeStatementOf('trust-bundle', bytes)
  const fields = bundleFromCbor(decodeCbor(statement.payload, 'trust bundle'))
  const digest = crypto.sha256(bytes).slice(0, DIGEST_BYTES)
  return { ...fields, anchorId: statement.author, digest, bytes, statement }
}

/** The canonical bytes of the fields, for comparing two bundles' contents. */
export function encodeBundleFields(fields: TrustBundleFields): Uint8Array {
  return encodeCbor(bundleToCbor(fields))
}

function bundleToCbor(fields: TrustBundleFields): CborValue {
  const { recovery } = fields
  return new Map<CborKey, CborValue>([
    [1, fields.domainId],
    [2, fields.version],
    [3, fields.issued],
    [4, fields.expires],
    [5, fields.anchors.map(({ key, from, until }) => [ed25519(key), from, until])],
    [6, fields.keepers],
    [7, recovery === null ? null : [recovery.credential, recovery.keys.map(coseKeyToCbor)]],
    [8, fields.partners.map((p) => [p.domainId, p.anchors.map(ed25519), p.patterns])],
    [9, fields.revoked.map((r) => [r.principalId, r.since])],
    [10, fields.requireXWing],
  ])
}

function bundleFromCbor(value: CborValue): TrustBundleFields {
  const map = new MapFields('trust bundle', value)
  const fields: TrustBundleFields = {
    domainId: map.bytes(1, 'domain id', { length: PRINCIPAL_ID_BYTES }),
    version: map.uint(2, 'version'),
    issued: map.uint(3, 'issued'),
    expires: map.uint(4, 'expires'),
    anchors: map.array(5, 'anchors', { min: 1, max: MAX_ANCHORS }).map(anchorFromCbor),
    keepers: map.array(6, 'keepers', { max: MAX_KEEPERS }).map((item) => bytesOf(item, 'keepers')),
    recovery: recoveryFromCbor(map.arrayOrNull(7, 'recovery')),
    partners: map.array(8, 'partners', { max: MAX_PARTNERS }).map(partnerFromCbor),
    revoked: map.array(9, 'revoked', { max: MAX_REVOKED }).map(revokedFromCbor),
    requireXWing: map.bool(10, 'require X-Wing'),
  }
  map.end()
  if (fields.expires <= fields.issued) throw malformed('trust bundle', 'expires')
  return fields
}

function anchorFromCbor(value: CborValue): Anchor {
  const list = new ArrayFields('trust bundle', value)
  const key = ed25519FromCbor(list.value(0, 'anchor'))
  const from = list.uint(1, 'from')
  const until = list.uintOrNull(2, 'until')
  list.end()
  return { key, from, until }
}

function recoveryFromCbor(value: readonly CborValue[] | null): Recovery | null {
  if (value === null) return null
  const list = new ArrayFields('trust bundle', value)
  const credential = list.bytes(0, 'recovery credential')
  const keys = list.array(1, 'recovery keys', { min: 1, max: 2 }).map((item) => {
    const { kind, publicKey } = parseCoseKey(item, 'trust bundle')
    if (kind === 'ed25519') throw malformed('trust bundle', 'recovery keys')
    return { kind, publicKey }
  })
  list.end()
  if (keys[0]?.kind === keys[1]?.kind) throw malformed('trust bundle', 'recovery keys')
  return { credential, keys }
}

function partnerFromCbor(value: CborValue): Partner {
  const list = new ArrayFields('trust bundle', value)
  const domainId = list.bytes(0, 'partner domain', { length: PRINCIPAL_ID_BYTES })
  const anchors = list
    .array(1, 'partner anchors', { min: 1, max: MAX_ANCHORS })
    .map(ed25519FromCbor)
  const patterns = list.array(2, 'partner patterns', { max: MAX_PATTERNS }).map(patternOf)
  list.end()
  return { domainId, anchors, patterns }
}

function revokedFromCbor(value: CborValue): Revoked {
  const list = new ArrayFields('trust bundle', value)
  const id = list.bytes(0, 'revoked', { length: PRINCIPAL_ID_BYTES })
  const since = list.uint(1, 'since')
  list.end()
  return { principalId: id, since }
}

function patternOf(value: CborValue): string {
  if (typeof value === 'string' && isNamePattern(value)) return value
  throw malformed('trust bundle', 'patterns')
}

function bytesOf(value: CborValue, field: string): Uint8Array {
  if (value instanceof Uint8Array) return value.slice()
  throw malformed('trust bundle', field)
}

function ed25519(publicKey: Uint8Array): CborValue {
  return coseKeyToCbor({ kind: 'ed25519', publicKey })
}

function ed25519FromCbor(value: CborValue): Uint8Array {
  const { kind, publicKey } = parseCoseKey(value, 'trust bundle')
  if (kind !== 'ed25519') throw malformed('trust bundle', 'anchors')
  return publicKey
}
