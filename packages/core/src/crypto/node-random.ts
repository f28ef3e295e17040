// SPDX-License-Identifier: Apache-2.0
/**
 * Randomness by `node:crypto`.
 *
 * @module
 */

import { randomBytes } from 'node:crypto'
import { checkRandomLength } from './argument-checks.js'

/** @see CryptoProvider.randomBytes */
export function nodeRandomBytes(lengthBytes: number): Uint8Array {
  checkRandomLength(lengthBytes)
  return new Uint8Array(randomBytes(lengthBytes))
}
