// SPDX-License-Identifier: Apache-2.0
/**
 * Ed25519 by `@noble/curves`. Its own `verify` multiplies by the cofactor, even in its strict mode;
 * the project's rule does not, so the verification is built here from points: it computes
 * [S]B − [k]A and compares its bytes with R (RFC 8032 Section 5.1.7, without the factor 8).
 *
 * @module
 */

import { ed25519 } from '@noble/curves/ed25519.js'
import { sha512 } from '@noble/hashes/sha2.js'
import { concatBytes, equalBytes } from '../bytes.js'
import { checkSeed } from './argument-checks.js'
import { isWellFormedSignature } from './ed25519-rule.js'
import { decodePublicKey, type EdwardsPoint } from './noble-ed25519-point.js'
import type { Ed25519SigningKey, Ed25519VerifyingKey } from './provider.js'

const { BASE, Fn } = ed25519.Point

/** @see CryptoProvider.ed25519SigningKey */
export function pureSigningKey(seed: Uint8Array): Ed25519SigningKey {
  checkSeed(seed)
  const secretKey = new Uint8Array(seed)
  return {
    publicKey: ed25519.getPublicKey(secretKey),
    sign: (message) => ed25519.sign(message, secretKey),
  }
}

/** @see CryptoProvider.ed25519VerifyingKey */
export function pureVerifyingKey(publicKey: Uint8Array): Ed25519VerifyingKey {
  const point = decodePublicKey(publicKey)
  const bytes = new Uint8Array(publicKey)
  return {
    publicKey: new Uint8Array(bytes),
    verify: (message, signature) =>
      isWellFormedSignature(signature) &&
      equalBytes(commitment(point, bytes, message, signature), signature.subarray(0, 32)),
  }
}

/** [S]B − [k]A, encoded, where k is the hash of R, A and the message. All public. */
function commitment(
  point: EdwardsPoint,
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): Uint8Array {
  const digest = sha512(concatBytes(signature.subarray(0, 32), publicKey, message))
  const k = Fn.create(littleEndian(digest))
  const s = littleEndian(signature.subarray(32))
  return BASE.multiplyUnsafe(s).subtract(point.multiplyUnsafe(k)).toBytes()
}

function littleEndian(bytes: Uint8Array): bigint {
  let hex = ''
  for (const byte of bytes) hex = byte.toString(16).padStart(2, '0') + hex
  return BigInt(`0x${hex}`)
}
