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
import { checkHkdfExpand, checkKey } from './crypto/argument-checks.js'
import {
  type AeadAlgorithm,
  ALG_A128GCM,
  ALG_A256GCM,
  ALG_CHACHA20_POLY1305,
  type CryptoProvider,
} from './crypto/provider.js'
import { PureAead } from './crypto/pure-aead.js'
import { pureSigningKey, pureVerifyingKey } from './crypto/pure-ed25519.js'
import { pureHpke } from './crypto/pure-hpke.js'
import { pureEs256SigningKey, pureEs256VerifyingKey, pureP256 } from './crypto/pure-p256.js'
import { pureRandomBytes } from './crypto/pure-random.js'
import { pureX25519 } from './crypto/pure-x25519.js'
import { x25519Ecdh } from './crypto/x25519-ecdh.js'

const AEADS: ReadonlySet<AeadAlgorithm> = new Set<AeadAlgorithm>([
  ALG_CHACHA20_POLY1305,
  ALG_A256GCM,
  ALG_A128GCM,
])

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
  hkdfExtractSha256: (salt, ikm) => hmac(sha256, salt, ikm),
  hkdfExpandSha256(prk, info, lengthBytes) {
    checkHkdfExpand(prk, lengthBytes)
    return expand(sha256, prk, info, lengthBytes)
  },
  ed25519SigningKey: pureSigningKey,
  ed25519VerifyingKey: pureVerifyingKey,
  es256SigningKey: pureEs256SigningKey,
  es256VerifyingKey: pureEs256VerifyingKey,
  ecdh: { x25519: x25519Ecdh(pureX25519, pureRandomBytes), p256: pureP256 },
  randomBytes: pureRandomBytes,
  hpke: pureHpke,
}
