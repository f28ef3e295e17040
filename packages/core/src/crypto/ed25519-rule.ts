// SPDX-License-Identifier: Apache-2.0
/**
 * The one verification rule for Ed25519, as far as it can be checked on bytes alone
 * (`docs/spec/02-algorithms.md` Section 2.3; RFC 8032 Section 5.1.7, made strict).
 *
 * Libraries disagree on signatures that no honest signer makes: with cofactor or without, small
 * orders or not, encodings that are not reduced. Every provider runs these checks first and leaves
 * to its library only what needs the curve: that A lies in the prime-order subgroup, at import, and
 * that the bytes of [S]B − [k]A equal R, at verification. So they agree on every input.
 *
 * Everything here is public; nothing is constant-time.
 *
 * @module
 */

import { fromHex } from '../bytes.js'
import { WaxwingError } from '../errors.js'

const POINT_BYTES = 32
const SIGNATURE_BYTES = 64

/** L = 2^252 + 27742317777372353535851937790883648493, the order of the subgroup. */
const ORDER = fromHex('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010')

/** p = 2^255 − 19, the prime of the field. */
const PRIME = fromHex('edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f')

/** The y coordinates of all eight points of small order; x and −x share one. */
const SMALL_ORDER_YS = [
  '0100000000000000000000000000000000000000000000000000000000000000', // order 1
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f', // order 2
  '0000000000000000000000000000000000000000000000000000000000000000', // order 4, two points
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', // order 8, two points
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a', // order 8, two points
].map(fromHex)

/**
 * Checks the bytes of a public key: 32, y reduced, not of small order. What is left to the provider
 * is that it is a point of the curve, and of the prime-order subgroup.
 *
 * @throws {WaxwingError} `ERR_KEY_INVALID` if one does not hold.
 */
export function checkPublicKeyBytes(publicKey: Uint8Array): void {
  if (publicKey.length !== POINT_BYTES) throw keyInvalid('length')
  if (!isReducedY(publicKey, 0)) throw keyInvalid('canonical encoding')
  if (hasSmallOrderY(publicKey, 0)) throw keyInvalid('prime order')
}

/** The refusal of a public key; `rule` names what it breaks. */
export function keyInvalid(rule: string): WaxwingError {
  return new WaxwingError('ERR_KEY_INVALID', `bad Ed25519 public key: ${rule}`, { rule })
}

/**
 * Tells whether a signature may be given to the library at all: 64 bytes, S < L, R reduced and not
 * of small order. (x = 0 with the sign set, the other way to be non-canonical, has small order.)
 */
export function isWellFormedSignature(signature: Uint8Array): boolean {
  return (
    signature.length === SIGNATURE_BYTES &&
    isBelow(signature, POINT_BYTES, signature[63]!, ORDER) &&
    isReducedY(signature, 0) &&
    !hasSmallOrderY(signature, 0)
  )
}

function isReducedY(bytes: Uint8Array, offset: number): boolean {
  return isBelow(bytes, offset, bytes[offset + 31]! & 0x7f, PRIME)
}

/** Compares 32 little-endian bytes, the topmost given apart, with a limit. */
function isBelow(bytes: Uint8Array, offset: number, top: number, limit: Uint8Array): boolean {
  if (top !== limit[31]!) return top < limit[31]!
  for (let i = 30; i >= 0; i--) {
    const difference = bytes[offset + i]! - limit[i]!
    if (difference !== 0) return difference < 0
  }
  return false
}

function hasSmallOrderY(bytes: Uint8Array, offset: number): boolean {
  for (const y of SMALL_ORDER_YS) if (hasY(bytes, offset, y)) return true
  return false
}

/** Compares the point at `offset` with a y, whatever the sign of x. */
function hasY(bytes: Uint8Array, offset: number, y: Uint8Array): boolean {
  if ((bytes[offset + 31]! & 0x7f) !== y[31]!) return false
  for (let i = 0; i < 31; i++) if (bytes[offset + i]! !== y[i]!) return false
  return true
}
