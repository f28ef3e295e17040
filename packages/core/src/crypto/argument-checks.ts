// SPDX-License-Identifier: Apache-2.0
/**
 * The checks on lengths that all crypto providers share, so that they refuse the same calls with
 * the same words. What is refused here is the caller's bug, never bad data from outside.
 *
 * @module
 */

import { WaxwingError } from '../errors.js'
import { AEAD_PARAMETERS, type AeadAlgorithm, type AeadParameters } from './provider.js'

/** Longest output of HKDF-Expand with SHA-256: 255 blocks (RFC 5869 Section 2.3). */
const HKDF_SHA256_MAX_BYTES = 255 * 32
const SHA256_BYTES = 32

/** What `node:crypto` gives at most in one call. */
const RANDOM_MAX_BYTES = 2 ** 31 - 1

/**
 * Looks up the lengths of an algorithm and checks the key against them.
 *
 * @throws {WaxwingError} `ERR_UNSUPPORTED` if `offered` has not the algorithm.
 * @throws {RangeError} If the key has the wrong length.
 */
export function checkKey(
  offered: ReadonlySet<AeadAlgorithm>,
  alg: AeadAlgorithm,
  key: Uint8Array,
): AeadParameters {
  if (!offered.has(alg)) {
    throw new WaxwingError('ERR_UNSUPPORTED', `this crypto provider has no algorithm ${alg}`, {
      field: 'alg',
    })
  }
  const parameters = AEAD_PARAMETERS[alg]
  if (key.length !== parameters.keyBytes) {
    throw new RangeError(`key must be ${parameters.keyBytes} bytes, got ${key.length}`)
  }
  return parameters
}

/**
 * Checks the nonce, and that `out` has just the room for what will be written.
 *
 * @throws {RangeError} If either has the wrong length.
 */
export function checkNonceAndOut(
  nonceBytes: number,
  nonce: Uint8Array,
  outBytes: number,
  out: Uint8Array,
): void {
  checkNonce(nonceBytes, nonce)
  if (out.length !== outBytes) {
    throw new RangeError(`out must be ${outBytes} bytes, got ${out.length}`)
  }
}

/** Checks a nonce. @throws {RangeError} If it has the wrong length. */
export function checkNonce(nonceBytes: number, nonce: Uint8Array): void {
  if (nonce.length !== nonceBytes) {
    throw new RangeError(`nonce must be ${nonceBytes} bytes, got ${nonce.length}`)
  }
}

/** Checks the arguments of HKDF-Expand. @throws {RangeError} If one is out of range. */
export function checkHkdfExpand(prk: Uint8Array, lengthBytes: number): void {
  if (prk.length < SHA256_BYTES) {
    throw new RangeError(`prk must be at least ${SHA256_BYTES} bytes, got ${prk.length}`)
  }
  checkLength(lengthBytes, HKDF_SHA256_MAX_BYTES)
}

/** Checks how many random bytes are wanted. @throws {RangeError} Unless in [0, 2^31 - 1]. */
export function checkRandomLength(lengthBytes: number): void {
  checkLength(lengthBytes, RANDOM_MAX_BYTES)
}

function checkLength(lengthBytes: number, max: number): void {
  if (!Number.isInteger(lengthBytes) || lengthBytes < 0 || lengthBytes > max) {
    throw new RangeError(`lengthBytes must be an integer from 0 to ${max}, got ${lengthBytes}`)
  }
}

/** Checks an Ed25519 seed. @throws {RangeError} If it is not 32 bytes. */
export function checkSeed(seed: Uint8Array): void {
  if (seed.length !== 32) throw new RangeError(`seed must be 32 bytes, got ${seed.length}`)
}
