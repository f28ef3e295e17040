// SPDX-License-Identifier: Apache-2.0
/**
 * HKDF-Expand with SHA-256 (RFC 5869 Section 2.3) over a provider's HMAC, for libraries that only
 * offer Extract and Expand in one.
 *
 * @module
 */

import { checkHkdfExpand } from './argument-checks.js'

const HASH_BYTES = 32

export type HmacSha256 = (key: Uint8Array, data: Uint8Array) => Uint8Array

/**
 * Expands `prk` to `lengthBytes` new bytes.
 *
 * @throws {RangeError} If `prk` is shorter than 32 bytes, or `lengthBytes` is not in [0, 8160].
 */
export function hkdfExpand(
  hmac: HmacSha256,
  prk: Uint8Array,
  info: Uint8Array,
  lengthBytes: number,
): Uint8Array {
  checkHkdfExpand(prk, lengthBytes)
  const okm = new Uint8Array(lengthBytes)
  const input = new Uint8Array(HASH_BYTES + info.length + 1) // T(n - 1) || info || n
  input.set(info, HASH_BYTES)
  for (let offset = 0, n = 1; offset < lengthBytes; offset += HASH_BYTES, n++) {
    input[input.length - 1] = n
    const block = hmac(prk, n === 1 ? input.subarray(HASH_BYTES) : input) // T(0) is empty
    okm.set(block.subarray(0, Math.min(HASH_BYTES, lengthBytes - offset)), offset)
    input.set(block)
  }
  return okm
}
