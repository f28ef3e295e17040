// SPDX-License-Identifier: Apache-2.0
/**
 * Ed25519 signatures in parts, so that odd ones can be put together: points of small and of mixed
 * order, encodings that are not canonical, and what lenient verifiers say of them.
 *
 * @module
 */

import { ed25519 } from '@noble/curves/ed25519.js'
import { sha512 } from '@noble/hashes/sha2.js'

export const { Point } = ed25519
type EdwardsPoint = InstanceType<typeof Point>

export const ORDER = Point.Fn.ORDER
export const PRIME = Point.Fp.ORDER
const TOP_BIT = 1n << 255n

/** A signature in parts, with the encodings that go over the wire. */
export interface Parts {
  readonly publicKey: Uint8Array
  readonly message: Uint8Array
  readonly r: Uint8Array
  readonly s: bigint
}

// Bytes and numbers, little-endian.

/** Encodes a number in 32 bytes. */
export function toBytes(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 255n))
}

function toNumber(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n)
}

export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
export const fromHex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))
export const text = (words: string): Uint8Array => new TextEncoder().encode(words)
export const join = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))

// The curve.

/** A point of order 8; its multiples are the eight points of small order. */
export const TORSION = Point.fromHex(
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
)
const SMALL = Array.from({ length: 8 }, (_, i) => multiple(TORSION, BigInt(i)))

/** The encodings of points of small order with y not reduced, or with x = 0 and the sign set. */
const SMALL_NON_CANONICAL = [1n + TOP_BIT, PRIME - 1n + TOP_BIT, PRIME, PRIME + TOP_BIT]
  .concat([PRIME + 1n, PRIME + 1n + TOP_BIT])
  .map(toBytes)

/** [factor]P, for 0 as well. */
export function multiple(point: EdwardsPoint, factor: bigint): EdwardsPoint {
  return factor === 0n ? Point.ZERO : point.multiplyUnsafe(factor)
}

/** A scalar that anyone can compute again. */
export function scalarOf(words: string): bigint {
  return Point.Fn.create(toNumber(sha512(text(words))))
}

/** The hash k of R, A and the message, reduced (RFC 8032 Section 5.1.7, step 2). */
export function challenge({ r, publicKey, message }: Omit<Parts, 's'>): bigint {
  return Point.Fn.create(toNumber(sha512(join(r, publicKey, message))))
}

/** [S]B − [k]A. */
function commitment(parts: Parts): EdwardsPoint {
  const a = Point.fromBytes(parts.publicKey, true)
  const k = challenge(parts)
  return multiple(Point.BASE, Point.Fn.create(parts.s)).subtract(multiple(a, k))
}

/** What a verifier with cofactor and without further checks says (RFC 8032 Section 5.1.7). */
export function validWithCofactor(parts: Parts): boolean {
  const difference = commitment(parts).subtract(Point.fromBytes(parts.r, true))
  return difference.clearCofactor().is0()
}

/** What a verifier that compares the bytes of R and checks nothing else says. */
export function validByBytes(parts: Parts): boolean {
  return toHex(commitment(parts).toBytes()) === toHex(parts.r)
}

/** Signs with secret scalar `secret` for the key and nonce point that are given as encoded. */
export function signAs(
  publicKey: Uint8Array,
  secret: bigint,
  r: Uint8Array,
  nonce: bigint,
  message: Uint8Array,
): Parts {
  const k = challenge({ publicKey, r, message })
  return { publicKey, message, r, s: Point.Fn.create(nonce + k * secret) }
}

/** The same y with the other sign of x. */
export function turned(encoding: Uint8Array): Uint8Array {
  const copy = new Uint8Array(encoding)
  copy[31]! ^= 0x80
  return copy
}

/** Names the order of a point of small order. */
export function describeSmall(point: EdwardsPoint): string {
  const order = [1, 2, 4, 8].find((n) => multiple(point, BigInt(n)).is0())
  return `of order ${order}`
}

/** Every encoding of every point of small order, with what it is. */
export function smallEncodings(): readonly (readonly [Uint8Array, string])[] {
  return [
    ...SMALL.map((point) => [point.toBytes(), describeSmall(point)] as const),
    ...SMALL_NON_CANONICAL.map((bytes) => {
      const point = Point.fromBytes(nearest(bytes), true)
      return [bytes, `${describeSmall(point)}, not canonical`] as const
    }),
  ]
}

/** The library decodes y that is not reduced, but no x = 0 with the sign set: takes that away. */
export function nearest(bytes: Uint8Array): Uint8Array {
  const y = (toNumber(bytes) & (TOP_BIT - 1n)) % PRIME
  const hasNoX = y === 1n || y === PRIME - 1n
  return hasNoX ? toBytes(y) : bytes
}

/** Whether y, reduced, belongs to a point. */
export function isOnCurve(y: bigint): boolean {
  try {
    Point.fromBytes(toBytes(y))
    return true
  } catch {
    return false
  }
}
