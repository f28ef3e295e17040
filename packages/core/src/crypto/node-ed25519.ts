// SPDX-License-Identifier: Apache-2.0
/**
 * Ed25519 by `node:crypto`. OpenSSL verifies without cofactor and compares the bytes of R, as the
 * project's rule wants; it has no subgroup check, so that one comes from `@noble/curves`.
 *
 * @module
 */

import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { concatBytes, fromHex } from '../bytes.js'
import { checkSeed } from './argument-checks.js'
import { isWellFormedSignature } from './ed25519-rule.js'
import { decodePublicKey } from './noble-ed25519-point.js'
import type { Ed25519SigningKey, Ed25519VerifyingKey } from './provider.js'

/** What stands before the 32 bytes of a key in its DER forms (RFC 8410 Sections 4 and 7). */
const SPKI_PREFIX = fromHex('302a300506032b6570032100')
const PKCS8_PREFIX = fromHex('302e020100300506032b657004220420')

/** @see CryptoProvider.ed25519SigningKey */
export function nodeSigningKey(seed: Uint8Array): Ed25519SigningKey {
  checkSeed(seed)
  const key = createPrivateKey({ key: der(PKCS8_PREFIX, seed), format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
  return {
    publicKey: new Uint8Array(spki.subarray(SPKI_PREFIX.length)),
    sign: (message) => new Uint8Array(sign(null, message, key)),
  }
}

/** @see CryptoProvider.ed25519VerifyingKey */
export function nodeVerifyingKey(publicKey: Uint8Array): Ed25519VerifyingKey {
  decodePublicKey(publicKey)
  const key = createPublicKey({ key: der(SPKI_PREFIX, publicKey), format: 'der', type: 'spki' })
  return {
    publicKey: new Uint8Array(publicKey),
    verify: (message, signature) =>
      isWellFormedSignature(signature) && verify(null, message, key, signature),
  }
}

function der(prefix: Uint8Array, key: Uint8Array): Buffer {
  return Buffer.from(concatBytes(prefix, key))
}
