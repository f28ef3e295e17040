// SPDX-License-Identifier: Apache-2.0
/**
 * Ed25519 by libsodium, whose verification is the project's rule (cofactorless, comparing the bytes
 * of R) once the keys are known to be of the prime-order subgroup.
 *
 * @module
 */

import sodium from 'sodium-native'
import { checkSeed } from './argument-checks.js'
import { checkPublicKeyBytes, isWellFormedSignature, keyInvalid } from './ed25519-rule.js'
import type { Ed25519SigningKey, Ed25519VerifyingKey } from './provider.js'

/** @see CryptoProvider.ed25519SigningKey */
export function sodiumSigningKey(seed: Uint8Array): Ed25519SigningKey {
  checkSeed(seed)
  const publicKey = new Uint8Array(32)
  const secretKey = new Uint8Array(64)
  sodium.crypto_sign_seed_keypair(publicKey, secretKey, seed)
  return {
    publicKey,
    sign(message) {
      const signature = new Uint8Array(64)
      sodium.crypto_sign_detached(signature, message, secretKey)
      return signature
    },
  }
}

/** @see CryptoProvider.ed25519VerifyingKey */
export function sodiumVerifyingKey(publicKey: Uint8Array): Ed25519VerifyingKey {
  checkPublicKeyBytes(publicKey)
  const key = new Uint8Array(publicKey)
  if (!sodium.crypto_core_ed25519_is_valid_point(key)) throw keyInvalid('prime order')
  return {
    publicKey: new Uint8Array(key), // whoever changes this copy does not change what verifies
    verify: (message, signature) =>
      isWellFormedSignature(signature) &&
      sodium.crypto_sign_verify_detached(signature, message, key),
  }
}
