// SPDX-License-Identifier: Apache-2.0
/**
 * Public keys as COSE_Key (RFC 9052 Section 7) and their thumbprints (RFC 9679).
 *
 * Invariant: a key has exactly one encoding, which holds the parameters that its thumbprint covers
 * and no others. A COSE_Key with more in it, a private part above all, is refused.
 *
 * @module
 */

import { encodeCbor, type CborValue } from '../cbor/cbor.js'
import { MapFields } from '../cbor/fields.js'
import type { CryptoProvider } from '../crypto/provider.js'
import { WaxwingError } from '../errors.js'
import { ALG_HPKE_XWING } from './header.js'

/** Lengths of public keys in bytes. */
export const PUBLIC_KEY_BYTES = { ed25519: 32, x25519: 32, 'x-wing': 1216 } as const

export type KeyKind = keyof typeof PUBLIC_KEY_BYTES

export interface PublicKey {
  readonly kind: KeyKind
  readonly publicKey: Uint8Array
}

// Labels of key parameters: RFC 9052 Section 7.1, RFC 9053 Section 7.2, RFC 9964 (AKP).
const KEY_KTY = 1
const KEY_ALG = 3
const OKP_CRV = -1
const OKP_X = -2
const AKP_PUB = -1

const KTY_OKP = 1
const KTY_AKP = 7
const CRV_X25519 = 4
const CRV_ED25519 = 6

const CURVE_OF = { ed25519: CRV_ED25519, x25519: CRV_X25519 } as const

/**
 * Makes the COSE_Key of a public key: an OKP key for the two curves, an AKP key for X-Wing.
 *
 * @throws {RangeError} If the key has not the length of its kind.
 */
export function coseKeyToCbor(key: PublicKey): ReadonlyMap<number, CborValue> {
  const { kind, publicKey } = key
  if (publicKey.length !== PUBLIC_KEY_BYTES[kind]) {
    const want = PUBLIC_KEY_BYTES[kind]
    throw new RangeError(`publicKey must be ${want} bytes for ${kind}, got ${publicKey.length}`)
  }
  const parameters: readonly (readonly [number, CborValue])[] =
    kind === 'x-wing'
      ? [
          [KEY_KTY, KTY_AKP],
          [KEY_ALG, ALG_HPKE_XWING],
          [AKP_PUB, publicKey],
        ]
      : [
          [KEY_KTY, KTY_OKP],
          [OKP_CRV, CURVE_OF[kind]],
          [OKP_X, publicKey],
        ]
  return new Map(parameters)
}

/** Encodes a public key as COSE_Key. @throws {RangeError} If it has not the length of its kind. */
export function encodeCoseKey(key: PublicKey): Uint8Array {
  return encodeCbor(coseKeyToCbor(key))
}

/**
 * Reads a public key from a decoded COSE_Key. Whether it is a good point is not checked here, but
 * where it is imported.
 *
 * @param what - Name of the structure that holds the key, for the error.
 * @returns The kind and a copy of the key.
 * @throws {WaxwingError} `ERR_UNSUPPORTED` for another key type, curve or algorithm; `ERR_MALFORMED`
 *   for a wrong length and for any parameter beyond the required ones.
 */
export function parseCoseKey(value: CborValue, what: string): PublicKey {
  const fields = new MapFields(what, value)
  const kty = fields.int(KEY_KTY, 'kty')
  if (kty !== KTY_OKP && kty !== KTY_AKP) throw unsupported(what, 'kty')
  const kind = kty === KTY_AKP ? akpKind(fields, what) : okpKind(fields, what)
  const [label, name] = kty === KTY_AKP ? [AKP_PUB, 'pub'] : [OKP_X, 'x']
  const publicKey = fields.bytes(label, name, { length: PUBLIC_KEY_BYTES[kind] })
  fields.end()
  return { kind, publicKey }
}

/**
 * Computes the COSE Key Thumbprint with SHA-256 (RFC 9679 Section 3): of kty, crv and x (Section
 * 4.1), or of kty, alg and pub for X-Wing (RFC 9964).
 *
 * @returns 32 new bytes.
 * @throws {RangeError} If the key has not the length of its kind.
 */
export function coseKeyThumbprint(
  crypto: Pick<CryptoProvider, 'sha256'>,
  key: PublicKey,
): Uint8Array {
  return crypto.sha256(encodeCoseKey(key))
}

function okpKind(fields: MapFields, what: string): 'ed25519' | 'x25519' {
  const crv = fields.int(OKP_CRV, 'crv')
  if (crv === CRV_ED25519) return 'ed25519'
  if (crv === CRV_X25519) return 'x25519'
  throw unsupported(what, 'crv')
}

function akpKind(fields: MapFields, what: string): 'x-wing' {
  if (fields.int(KEY_ALG, 'alg') !== ALG_HPKE_XWING) throw unsupported(what, 'alg')
  return 'x-wing'
}

function unsupported(what: string, field: string): WaxwingError {
  return new WaxwingError('ERR_UNSUPPORTED', `${what}: ${field} is not supported`, { field })
}
