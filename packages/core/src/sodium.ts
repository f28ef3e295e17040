// SPDX-License-Identifier: Apache-2.0
/**
 * The crypto provider over libsodium (`sodium-native`): the fastest on small messages. Node only;
 * `sodium-native` is an optional dependency, so importing this fails where it is not installed.
 *
 * Of AEADs it offers ChaCha20/Poly1305 alone: libsodium has no portable AES. P-256, which it has not
 * either, comes from `node:crypto`.
 *
 * @module
 */

import { checkKey } from './crypto/argument-checks.js'
import { hkdfExpand } from './crypto/hkdf-expand.js'
import { nodeEs256SigningKey, nodeEs256VerifyingKey, nodeP256 } from './crypto/node-p256.js'
import {
  type AeadAlgorithm,
  ALG_CHACHA20_POLY1305,
  type CryptoProvider,
} from './crypto/provider.js'
import { SodiumAead } from './crypto/sodium-aead.js'
import { sodiumSigningKey, sodiumVerifyingKey } from './crypto/sodium-ed25519.js'
import { sodiumHmacSha256, sodiumHmacSha512, sodiumSha256 } from './crypto/sodium-hash.js'
import { sodiumHpke } from './crypto/sodium-hpke.js'
import { sodiumRandomBytes } from './crypto/sodium-random.js'
import { sodiumX25519 } from './crypto/sodium-x25519.js'
import { x25519Ecdh } from './crypto/x25519-ecdh.js'

const AEADS: ReadonlySet<AeadAlgorithm> = new Set<AeadAlgorithm>([ALG_CHACHA20_POLY1305])

/** Cryptography by libsodium. */
export const sodiumProvider: CryptoProvider = {
  name: 'sodium',
  aeads: AEADS,
  aead(alg, key) {
    checkKey(AEADS, alg, key)
    return new SodiumAead(key)
  },
  sha256: sodiumSha256,
  hmacSha512: sodiumHmacSha512,
  hkdfExtractSha256: sodiumHmacSha256,
  hkdfExpandSha256: (prk, info, lengthBytes) =>
    hkdfExpand(sodiumHmacSha256, prk, info, lengthBytes),
  ed25519SigningKey: sodiumSigningKey,
  ed25519VerifyingKey: sodiumVerifyingKey,
  es256SigningKey: nodeEs256SigningKey,
  es256VerifyingKey: nodeEs256VerifyingKey,
  ecdh: { x25519: x25519Ecdh(sodiumX25519, sodiumRandomBytes), p256: nodeP256 },
  randomBytes: sodiumRandomBytes,
  hpke: sodiumHpke,
}
