// SPDX-License-Identifier: Apache-2.0
/**
 * The curve check on Ed25519 public keys, for the providers whose library has none. About 2 ms a
 * key: callers keep the imported key, and import each once.
 *
 * @module
 */

import { ed25519 } from '@noble/curves/ed25519.js'
import { checkPublicKeyBytes, keyInvalid } from './ed25519-rule.js'

/** A point of edwards25519. */
export type EdwardsPoint = InstanceType<typeof ed25519.Point>

/**
 * Decodes a public key and checks it by the whole rule of {@link checkPublicKeyBytes}.
 *
 * @throws {WaxwingError} `ERR_KEY_INVALID` unless it is a point of the prime-order subgroup, in its
 *   one encoding, and not the identity.
 */
export function decodePublicKey(publicKey: Uint8Array): EdwardsPoint {
  checkPublicKeyBytes(publicKey)
  const point = decodePoint(publicKey)
  if (point === undefined) throw keyInvalid('point of the curve')
  if (!point.isTorsionFree()) throw keyInvalid('prime order')
  return point
}

function decodePoint(bytes: Uint8Array): EdwardsPoint | undefined {
  try {
    return ed25519.Point.fromBytes(bytes)
  } catch {
    return undefined
  }
}
