// SPDX-License-Identifier: Apache-2.0
/**
 * HPKE in base mode with HKDF-SHA256 and ChaCha20Poly1305, step by step (RFC 9180), and the hedge of
 * its ephemeral keys (`docs/spec/02-algorithms.md` Section 2.6).
 *
 * @module
 */

import { bigEndian } from './object-parts.ts'
import { join } from './cbor.ts'
import { dh, encrypt, hkdfExpand, hmac, sha256, utf8, x25519 } from './primitives.ts'

const NONE = new Uint8Array(0)
export const KEM_X25519 = 0x0020
export const KEM_X_WING = 0x647a

export interface KeyPair {
  readonly publicKey: Uint8Array
  readonly secretKey: Uint8Array
}

/** What both sides get out of a KEM. */
export interface Encapsulation {
  readonly encapsulatedKey: Uint8Array
  readonly sharedSecret: Uint8Array
}

/** DeriveKeyPair of DHKEM(X25519, HKDF-SHA256) (RFC 9180 Section 7.1.3). */
export function deriveKeyPair(ikm: Uint8Array): KeyPair {
  const suite = kemSuite(KEM_X25519)
  const prk = extract(suite, NONE, 'dkp_prk', ikm)
  const secretKey = expand(suite, prk, 'sk', NONE, 32)
  return { publicKey: x25519(secretKey), secretKey }
}

/** The ephemeral's key material: fresh randomness, hedged by recipient and plaintext. */
export function hedgedIkm(
  randomness: Uint8Array,
  recipientKey: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array {
  const data = join(utf8('waxwing hedged ephemeral v1'), recipientKey, sha256(plaintext))
  return hmac('sha512', randomness, data).slice(0, 32)
}

/** Encap of DHKEM(X25519, HKDF-SHA256) with a given ephemeral (RFC 9180 Section 4.1). */
export function encapsulate(ephemeral: KeyPair, recipientKey: Uint8Array): Encapsulation {
  const suite = kemSuite(KEM_X25519)
  const context = join(ephemeral.publicKey, recipientKey)
  const prk = extract(suite, NONE, 'eae_prk', dh(ephemeral.secretKey, recipientKey))
  const sharedSecret = expand(suite, prk, 'shared_secret', context, 32)
  return { encapsulatedKey: ephemeral.publicKey, sharedSecret }
}

/** KeySchedule in base mode (RFC 9180 Section 5.1). */
export function keySchedule(
  kem: number,
  sharedSecret: Uint8Array,
  info: Uint8Array,
): { key: Uint8Array; baseNonce: Uint8Array } {
  const suite = join(utf8('HPKE'), bigEndian(kem, 2), bigEndian(1, 2), bigEndian(3, 2))
  const pskIdHash = extract(suite, NONE, 'psk_id_hash', NONE)
  const infoHash = extract(suite, NONE, 'info_hash', info)
  const context = join(Uint8Array.of(0), pskIdHash, infoHash)
  const secret = extract(suite, sharedSecret, 'secret', NONE)
  return {
    key: expand(suite, secret, 'key', context, 32),
    baseNonce: expand(suite, secret, 'base_nonce', context, 12),
  }
}

/** Encrypts the first and only message of a context. */
export function sealFirst(
  { key, baseNonce }: ReturnType<typeof keySchedule>,
  aad: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array {
  return encrypt(24, key, baseNonce, aad, plaintext)
}

function kemSuite(kem: number): Uint8Array {
  return join(utf8('KEM'), bigEndian(kem, 2))
}

/** LabeledExtract (RFC 9180 Section 4). */
function extract(suite: Uint8Array, salt: Uint8Array, label: string, ikm: Uint8Array): Uint8Array {
  return hmac('sha256', salt, join(utf8('HPKE-v1'), suite, utf8(label), ikm))
}

/** LabeledExpand (RFC 9180 Section 4). */
function expand(
  suite: Uint8Array,
  prk: Uint8Array,
  label: string,
  info: Uint8Array,
  lengthBytes: number,
): Uint8Array {
  const labeled = join(bigEndian(lengthBytes, 2), utf8('HPKE-v1'), suite, utf8(label), info)
  return hkdfExpand(prk, labeled, lengthBytes)
}
