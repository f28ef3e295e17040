// SPDX-License-Identifier: Apache-2.0
/**
 * What every provider checks of P-256 before its library sees it (`docs/spec/02-algorithms.md`
 * Section 2.9): lengths, forms of points, and ranges.
 * Libraries differ in which of these they leave out: OpenSSL takes hybrid points and short secret
 * keys, for one.
 *
 * Left to the library is what needs the curve: that a point lies on it, and the equation itself.
 *
 * Nothing is constant-time. Of a secret key it shows whether its first four bytes are all ones.
 *
 * @module
 */

import { fromHex } from '../bytes.js'
import { WaxwingError } from '../errors.js'

const SCALAR_BYTES = 32
const SIGNATURE_BYTES = 64
const COMPRESSED_BYTES = 33
const UNCOMPRESSED_BYTES = 65

/** n, the order of the group: 32 bytes, big-endian. */
const ORDER = fromHex('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551')

/** Checks a secret key. @throws {RangeError} Unless it is 32 bytes, from 1 to n − 1. */
export function checkP256SecretKey(secretKey: Uint8Array): void {
  if (secretKey.length !== SCALAR_BYTES) {
    throw new RangeError(`secretKey must be ${SCALAR_BYTES} bytes, got ${secretKey.length}`)
  }
  if (!isScalar(secretKey, 0)) throw new RangeError('secretKey must be from 1 to n - 1')
}

/** Draws a secret key: 32 bytes at a time, until they are one. */
export function randomP256SecretKey(randomBytes: (lengthBytes: number) => Uint8Array): Uint8Array {
  for (;;) {
    const secretKey = randomBytes(SCALAR_BYTES)
    if (isScalar(secretKey, 0)) return secretKey // all but one in 2^32
  }
}

/**
 * Checks the form of a public key: 33 bytes that begin with 2 or 3, or 65 bytes that begin with 4.
 *
 * @throws {WaxwingError} `ERR_KEY_INVALID` for any other.
 */
export function checkPointForm(publicKey: Uint8Array): void {
  const head = publicKey[0]
  const isCompressed = publicKey.length === COMPRESSED_BYTES && (head === 2 || head === 3)
  const isUncompressed = publicKey.length === UNCOMPRESSED_BYTES && head === 4
  if (!isCompressed && !isUncompressed) throw p256KeyInvalid('form')
}

/**
 * Makes a compressed point of an x-coordinate. Which of the two, if there are any, does not matter
 * for Diffie-Hellman.
 *
 * @returns 33 new bytes.
 * @throws {WaxwingError} `ERR_KEY_INVALID` if the coordinate is not 32 bytes long.
 */
export function pointWithX(x: Uint8Array): Uint8Array {
  if (x.length !== SCALAR_BYTES) throw p256KeyInvalid('length')
  const point = new Uint8Array(COMPRESSED_BYTES)
  point[0] = 2
  point.set(x, 1)
  return point
}

/** The x-coordinate of an uncompressed point: 32 new bytes. */
export function xOf(point: Uint8Array): Uint8Array {
  return new Uint8Array(point.subarray(1, COMPRESSED_BYTES))
}

/** Tells whether a signature may be given to the library: 64 bytes, r and s both from 1 to n − 1. */
export function isWellFormedEs256Signature(signature: Uint8Array): boolean {
  return (
    signature.length === SIGNATURE_BYTES &&
    isScalar(signature, 0) &&
    isScalar(signature, SCALAR_BYTES)
  )
}

/** The refusal of a public key; `rule` names what it breaks. */
export function p256KeyInvalid(rule: string): WaxwingError {
  return new WaxwingError('ERR_KEY_INVALID', `bad P-256 public key: ${rule}`, { rule })
}

/** Tells whether 32 big-endian bytes are a number from 1 to n − 1. */
function isScalar(bytes: Uint8Array, offset: number): boolean {
  let seen = 0
  for (let i = 0; i < SCALAR_BYTES; i++) seen |= bytes[offset + i]!
  return seen !== 0 && isBelowOrder(bytes, offset)
}

function isBelowOrder(bytes: Uint8Array, offset: number): boolean {
  for (let i = 0; i < SCALAR_BYTES; i++) {
    const difference = bytes[offset + i]! - ORDER[i]!
    if (difference !== 0) return difference < 0
  }
  return false
}
