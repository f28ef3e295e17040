// SPDX-License-Identifier: Apache-2.0
/**
 * Hashes and HMAC by `node:crypto`. Keys go in as `KeyObject`s: raw keys are eight times slower on
 * some releases of Node 24. Results are copied out of Node's `Buffer`s, which some encoders take
 * for maps.
 *
 * @module
 */

import { createHash, createHmac, createSecretKey, hash } from 'node:crypto'

/** SHA-256: 32 new bytes. */
export function nodeSha256(data: Uint8Array): Uint8Array {
  return new Uint8Array(hash('sha256', data, 'buffer'))
}

/** SHA3-256: 32 new bytes. */
export function nodeSha3(data: Uint8Array): Uint8Array {
  return new Uint8Array(hash('sha3-256', data, 'buffer'))
}

/** SHAKE256: as many new bytes as asked. */
export function nodeShake256(data: Uint8Array, outputLength: number): Uint8Array {
  return new Uint8Array(createHash('shake256', { outputLength }).update(data).digest())
}

/** HMAC-SHA-256: 32 new bytes. */
export function nodeHmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array {
  return hmac('sha256', key, data)
}

/** HMAC-SHA-512: 64 new bytes. */
export function nodeHmacSha512(key: Uint8Array, data: Uint8Array): Uint8Array {
  return hmac('sha512', key, data)
}

function hmac(algorithm: string, key: Uint8Array, data: Uint8Array): Uint8Array {
  return new Uint8Array(createHmac(algorithm, createSecretKey(key)).update(data).digest())
}
