// SPDX-License-Identifier: Apache-2.0
/**
 * The keys of EDHOC's vectors, over `node:crypto`. Signatures on P-256 are made by hand, for they have
 * to be the same each time: `node:crypto` draws their nonce.
 *
 * @module
 */

import { createECDH } from 'node:crypto'
import { join } from '../frozen/cbor.ts'
import { dh, ed25519, fromHex, hex, hmac, sha256, x25519 } from '../frozen/primitives.ts'

export type Kind = 'ed25519' | 'es256' | 'x25519' | 'p256'

export interface KeyPair {
  readonly kind: Kind
  readonly curve: 'ed25519' | 'x25519' | 'p256'
  readonly secretKey: Uint8Array
  readonly x: Uint8Array
  readonly y?: Uint8Array
}

/** Order of P-256. */
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

export function keyPair(kind: Kind, secretKey: Uint8Array): KeyPair {
  if (kind === 'ed25519') {
    return { kind, curve: kind, secretKey, x: ed25519(secretKey).publicKey }
  }
  if (kind === 'x25519') return { kind, curve: kind, secretKey, x: x25519(secretKey) }
  const point = pointOf(secretKey)
  return { kind, curve: 'p256', secretKey, x: point.slice(1, 33), y: point.slice(33) }
}

/** ECDH with the x-coordinate or the u-coordinate of the other end. */
export function agree({ curve, secretKey }: KeyPair, x: Uint8Array): Uint8Array {
  if (curve === 'x25519') return dh(secretKey, x)
  const ecdh = createECDH('prime256v1')
  ecdh.setPrivateKey(secretKey)
  return Uint8Array.from(ecdh.computeSecret(join(Uint8Array.of(2), x)))
}

export function sign({ kind, secretKey }: KeyPair, message: Uint8Array): Uint8Array {
  return kind === 'ed25519' ? ed25519(secretKey).sign(message) : ecdsa(secretKey, message)
}

/** ECDSA with SHA-256 (FIPS 186-5 Section 6.4.1), with a nonce that follows from key and message. */
function ecdsa(secretKey: Uint8Array, message: Uint8Array): Uint8Array {
  const nonce = hmac('sha256', secretKey, message)
  const r = number(pointOf(nonce).slice(1, 33)) % N
  const sum = number(sha256(message)) + r * number(secretKey)
  return join(bytes(r), bytes((inverse(number(nonce)) * sum) % N))
}

function pointOf(secretKey: Uint8Array): Uint8Array {
  const ecdh = createECDH('prime256v1')
  ecdh.setPrivateKey(secretKey)
  return Uint8Array.from(ecdh.getPublicKey())
}

function number(big: Uint8Array): bigint {
  return BigInt(`0x${hex(big)}`)
}

function bytes(big: bigint): Uint8Array {
  return fromHex(big.toString(16).padStart(64, '0'))
}

/** By Fermat: a to the power of N - 2. */
function inverse(a: bigint): bigint {
  let result = 1n
  for (let base = a % N, exponent = N - 2n; exponent > 0n; exponent >>= 1n) {
    if (exponent % 2n === 1n) result = (result * base) % N
    base = (base * base) % N
  }
  return result
}
