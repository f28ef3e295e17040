// SPDX-License-Identifier: Apache-2.0
/**
 * Randomness by libsodium, which asks the operating system each time.
 *
 * @module
 */

import sodium from 'sodium-native'
import { checkRandomLength } from './argument-checks.js'

/** @see CryptoProvider.randomBytes */
export function sodiumRandomBytes(lengthBytes: number): Uint8Array {
  checkRandomLength(lengthBytes)
  const bytes = new Uint8Array(lengthBytes)
  sodium.randombytes_buf(bytes)
  return bytes
}
