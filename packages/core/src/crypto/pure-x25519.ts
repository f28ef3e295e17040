// SPDX-License-Identifier: Apache-2.0
/**
 * X25519 by `@noble/curves`, which refuses an all-zero shared secret.
 *
 * @module
 */

import { x25519 } from '@noble/curves/ed25519.js'
import type { X25519Secret } from './x25519.js'

/** @see X25519 */
export function pureX25519(secretKey: Uint8Array): X25519Secret {
  const secret = new Uint8Array(secretKey)
  return {
    publicKey: x25519.getPublicKey(secret),
    agree: (publicKey) => x25519.getSharedSecret(secret, publicKey),
  }
}
