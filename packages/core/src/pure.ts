// SPDX-License-Identifier: Apache-2.0
/**
 * The crypto provider in plain JavaScript (`@noble/*`): for browsers and every other runtime. It
 * imports nothing of Node and takes only `crypto.getRandomValues` from its surroundings.
 *
 * Offers no AES-CCM.
 *
 * @module
 */

import { hmac } from '@noble/hashes/hmac.js'
import { expand } from '@noble/hashes/hkdf.js'
import { sha256, sha512 } from '@noble/hashes/sha2.js'
import {
  AEAD_ChaCha20Poly1305,
  KDF_HKDF_SHA256,
  KEM_DHKEM_X25519_HKDF_SHA256,
  KEM_MLKEM768_X25519,
} from '@panva/hpke-noble'
import { checkHkdfExpand, checkKey, checkLength } from './crypto/argument-checks.js'
import {
  type AeadAlgorithm,
  ALG_A128GCM,
  ALG_A256GCM,
  ALG_CHACHA20_POLY1305,
  type CryptoProvider,
} from './crypto/provider.js'
import { PureAead } from './crypto/pure-aead.js'
import { pureSigningKey, pureVerifyingKey } from './crypto/pure-ed25519.js'

const AEADS: ReadonlySet<AeadAlgorithm> = new Set<AeadAlgorithm>([
  ALG_CHACHA20_POLY1305,
  ALG_A256GCM,
  ALG_A128GCM,
])
const MAX_RANDOM_BYTES = 2 ** 31 - 1

/** `getRandomValues` refuses to fill more at once (Web Cryptography Section 10.1.1). */
const RANDOM_PIECE_BYTES = 65_536

/** Cryptography in plain JavaScript. */
export const pureProvider: CryptoProvider = {
  name: 'pure',
  aeads: AEADS,
  aead(alg, key) {
    checkKey(AEADS, alg, key)
    return new PureAead(alg, key)
  },
  sha256: (data) => sha256(data),
  hmacSha512: (key, data) => hmac(sha512, key, data),
  hkdfExpandSha256(prk, info, lengthBytes) {
    checkHkdfExpand(prk, lengthBytes)
    return expand(sha256, prk, info, lengthBytes)
  },
  ed25519SigningKey: pureSigningKey,
  ed25519VerifyingKey: pureVerifyingKey,
  randomBytes(lengthBytes) {
    checkLength('lengthBytes', lengthBytes, MAX_RANDOM_BYTES)
    const bytes = new Uint8Array(lengthBytes)
    for (let start = 0; start < lengthBytes; start += RANDOM_PIECE_BYTES) {
      globalThis.crypto.getRandomValues(bytes.subarray(start, start + RANDOM_PIECE_BYTES))
    }
    return bytes
  },
  hpke: {
    x25519: KEM_DHKEM_X25519_HKDF_SHA256,
    xWing: KEM_MLKEM768_X25519,
    hkdfSha256: KDF_HKDF_SHA256,
    chacha20Poly1305: AEAD_ChaCha20Poly1305,
  },
}
