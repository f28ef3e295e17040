// SPDX-License-Identifier: Apache-2.0
/**
 * CRED_x: authentication credentials (RFC 9528 Section 3.5.2).
 *
 * Nothing here says that a credential is to be believed. Whoever resolves one verifies its signature,
 * its chain and its validity, and decides whether its subject may be the peer; EDHOC proves only that
 * the peer holds the key in it, and that both ends mean the same credential, byte for byte.
 *
 * @module
 */

import {
  ArrayFields,
  type CborValue,
  decodeCbor,
  encodeCbor,
  malformed,
  MapFields,
  WaxwingError,
} from '@waxwing/core'
import type { IdCred } from './id-cred.js'
import { type EdhocKey, type EdhocPublicKey, sameKey } from './keys.js'

// Claims (RFC 8392 Section 4, RFC 8747 Section 3.1).
const CLAIM_CNF = 8
const CNF_COSE_KEY = 1
// Parameters of keys (RFC 9052 Section 7.1, RFC 9053 Section 7.1).
const KEY_KTY = 1
const KEY_CRV = -1
const KEY_X = -2
const KEY_Y = -3
const KEY_D = -4
const KTY_OKP = 1
const KTY_EC2 = 2
const CRV_P256 = 1
const CRV_X25519 = 4
const CRV_ED25519 = 6

/** COSE_Sign1 has four parts, COSE_Mac0 too; the claims are the third. */
const CWT_PARTS = 4
const CWT_PAYLOAD = 2

/** A credential, and the public key in it. */
export interface EdhocCredential {
  /** CRED_x: one encoded CBOR item, the same at both ends. */
  readonly encoded: Uint8Array
  readonly publicKey: EdhocPublicKey
}

/** What this endpoint authenticates with. */
export interface OwnCredential {
  /** How the peer is told which credential it is. */
  readonly idCred: IdCred
  readonly credential: EdhocCredential
  /** A key of its own, for EDHOC alone: see {@link EdhocKey}. */
  readonly key: EdhocKey
}

/**
 * Makes the credential of an X.509 certificate, which stands in EDHOC as a byte string.
 *
 * @param certificate - DER. Not looked at: whoever validates it says what key it holds.
 */
export function x509Credential(
  certificate: Uint8Array,
  publicKey: EdhocPublicKey,
): EdhocCredential {
  return { encoded: encodeCbor(certificate), publicKey }
}

/**
 * Makes the credential of a CWT Claims Set with a COSE_Key in its `cnf` claim.
 *
 * @param claims - One encoded item, untagged. Nobody signed it: it is as good as where it came from.
 * @throws {WaxwingError} `ERR_MALFORMED` if it is no such claims set in deterministic encoding;
 *   `ERR_UNSUPPORTED` for a key on another curve.
 */
export function ccsCredential(claims: Uint8Array): EdhocCredential {
  const encoded = claims.slice()
  return { encoded, publicKey: keyInClaims(decodeCbor(encoded, 'CCS'), 'CCS') }
}

/**
 * Makes the credential of a CWT with a COSE_Key in its `cnf` claim. Its signature is not verified here.
 *
 * @param token - One encoded item: the COSE_Sign1, untagged.
 * @throws {WaxwingError} As {@link ccsCredential}.
 */
export function cwtCredential(token: Uint8Array): EdhocCredential {
  const encoded = token.slice()
  const parts = new ArrayFields('CWT', decodeCbor(encoded, 'CWT'), CWT_PARTS)
  const payload = parts.bytes(CWT_PAYLOAD, 'payload')
  return { encoded, publicKey: keyInClaims(decodeCbor(payload, 'CWT'), 'CWT') }
}

/**
 * Dresses a bare public key as a claims set with nothing else in it (RFC 9528 Section 3.5.2). It names
 * nobody but the key itself.
 *
 * @throws {RangeError} If a coordinate is not 32 bytes.
 */
export function encodeBareCcs(publicKey: EdhocPublicKey): Uint8Array {
  const { curve, x, y } = publicKey
  if (x.length !== 32) throw new RangeError(`x must be 32 bytes, got ${x.length}`)
  if (y instanceof Uint8Array && y.length !== 32) {
    throw new RangeError(`y must be 32 bytes, got ${y.length}`)
  }
  const isPoint = curve === 'p256'
  const key = new Map<number, CborValue>([
    [KEY_KTY, isPoint ? KTY_EC2 : KTY_OKP],
    [KEY_CRV, isPoint ? CRV_P256 : curve === 'x25519' ? CRV_X25519 : CRV_ED25519],
    [KEY_X, x],
  ])
  if (isPoint && y !== undefined) key.set(KEY_Y, y)
  return encodeCbor(new Map([[CLAIM_CNF, new Map([[CNF_COSE_KEY, key]])]]))
}

/** @throws {RangeError} If the key does not belong to the credential. */
export function checkOwnCredential({ credential, key }: OwnCredential): void {
  if (!sameKey(credential.publicKey, key.publicKey)) {
    throw new RangeError('key must be the private key of the credential')
  }
}

function keyInClaims(claims: CborValue, what: string): EdhocPublicKey {
  const cnf = new MapFields(what, claims).value(CLAIM_CNF, 'cnf')
  const key = new MapFields(what, new MapFields(what, cnf).value(CNF_COSE_KEY, 'COSE_Key'))
  if (key.has(KEY_D)) throw malformed(what, 'd')
  const kty = key.int(KEY_KTY, 'kty')
  const crv = key.int(KEY_CRV, 'crv')
  const x = key.bytes(KEY_X, 'x', { length: 32 })
  if (kty === KTY_EC2 && crv === CRV_P256) return { curve: 'p256', x, y: readY(key) }
  if (kty === KTY_OKP && crv === CRV_X25519) return { curve: 'x25519', x }
  if (kty === KTY_OKP && crv === CRV_ED25519) return { curve: 'ed25519', x }
  throw new WaxwingError('ERR_UNSUPPORTED', `${what}: crv is not supported`, { field: 'crv' })
}

/** The coordinate, or its sign alone (RFC 9053 Section 7.1.1). */
function readY(key: MapFields): Uint8Array | boolean | undefined {
  const y = key.optValue(KEY_Y, 'y')
  if (y === undefined || typeof y === 'boolean') return y
  return key.bytes(KEY_Y, 'y', { length: 32 })
}
