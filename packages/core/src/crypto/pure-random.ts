// SPDX-License-Identifier: Apache-2.0
/**
 * Randomness by Web Cryptography, the one thing that the pure provider takes from the runtime.
 *
 * @module
 */

import { checkRandomLength } from './argument-checks.js'

/** `getRandomValues` refuses to fill more at once (Web Cryptography Section 10.1.1). */
const PIECE_BYTES = 65_536

/** @see CryptoProvider.randomBytes */
export function pureRandomBytes(lengthBytes: number): Uint8Array {
  checkRandomLength(lengthBytes)
  const bytes = new Uint8Array(lengthBytes)
  for (let start = 0; start < lengthBytes; start += PIECE_BYTES) {
    globalThis.crypto.getRandomValues(bytes.subarray(start, start + PIECE_BYTES))
  }
  return bytes
}
