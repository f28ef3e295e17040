// SPDX-License-Identifier: Apache-2.0
/**
 * X25519 by libsodium, which refuses public keys of small order.
 *
 * @module
 */

import sodium from 'sodium-native'
import type { X25519Secret } from './x25519.js'

/** @see X25519 */
export function sodiumX25519(secretKey: Uint8Array): X25519Secret {
  const secret = new Uint8Array(secretKey)
  const own = new Uint8Array(32)
  sodium.crypto_scalarmult_base(own, secret)
  return {
    publicKey: own,
    agree(publicKey) {
      const shared = new Uint8Array(32)
      sodium.crypto_scalarmult(shared, secret, publicKey)
      return shared
    },
  }
}
