// SPDX-License-Identifier: Apache-2.0
/**
 * Authentication keys (RFC 9528 Section 3.5.1).
 *
 * A key of EDHOC is a key of its own. It is never the signing key of objects, and a key that signs is
 * never one that agrees: each has its own type here, and neither is taken where the other belongs.
 *
 * @module
 */

import { equalBytes, WaxwingError } from '@waxwing/core'
import type { Authentication, CipherSuite, EdhocCrypto } from './cipher-suites.js'

/** What a key is for; `es256` signs and `p256` agrees, both on P-256. */
export type EdhocKeyKind = 'ed25519' | 'es256' | 'x25519' | 'p256'

/** A public key as credentials hold it. */
export interface EdhocPublicKey {
  readonly curve: 'ed25519' | 'x25519' | 'p256'
  /** 32 bytes. */
  readonly x: Uint8Array
  /**
   * Of a point on P-256: 32 bytes, or whether it is odd. To agree, `x` is enough; to verify signatures
   * it is not.
   */
  readonly y?: Uint8Array | boolean | undefined
}

const CURVE_OF = { ed25519: 'ed25519', es256: 'p256', x25519: 'x25519', p256: 'p256' } as const

/** The kind of key that authenticates so in this suite (RFC 9528 Section 3.5.1). */
export function keyKindFor(authentication: Authentication, suite: CipherSuite): EdhocKeyKind {
  return authentication === 'signature' ? suite.signature : suite.ecdh
}

/** The curve that a peer's key has to be on. */
export function curveOf(kind: EdhocKeyKind): EdhocPublicKey['curve'] {
  return CURVE_OF[kind]
}

/**
 * The private authentication key of this endpoint, for EDHOC and for nothing else.
 *
 * Do not make it from the seed of a principal's signing key: a signature or a shared secret of one
 * protocol must mean nothing in another.
 */
export class EdhocKey {
  readonly kind: EdhocKeyKind
  readonly publicKey: EdhocPublicKey
  readonly #use: (input: Uint8Array) => Uint8Array

  /**
   * @param secretKey - 32 bytes, which are copied: the seed of Ed25519 (RFC 8032), the scalar of the
   *   others.
   * @throws {RangeError} If it is not 32 bytes, or no scalar of the curve.
   */
  constructor(crypto: EdhocCrypto, kind: EdhocKeyKind, secretKey: Uint8Array) {
    if (secretKey.length !== 32) {
      throw new RangeError(`secretKey must be 32 bytes, got ${secretKey.length}`)
    }
    this.kind = kind
    const imported = importKey(crypto, kind, secretKey)
    this.publicKey = imported.publicKey
    this.#use = imported.use
  }

  /** Signs: 64 new bytes. @throws {TypeError} If the key is not one that signs. */
  sign(message: Uint8Array): Uint8Array {
    if (this.kind !== 'ed25519' && this.kind !== 'es256') throw new TypeError('key does not sign')
    return this.#use(message)
  }

  /** Agrees on 32 new bytes. @throws {TypeError} If the key is not one that agrees. */
  agree(publicKey: Uint8Array): Uint8Array {
    if (this.kind !== 'x25519' && this.kind !== 'p256') throw new TypeError('key does not agree')
    return this.#use(publicKey)
  }
}

/**
 * Verifies a peer's signature.
 *
 * @throws {WaxwingError} `ERR_KEY_INVALID` if the key is not acceptable.
 */
export function verifySignature(
  crypto: EdhocCrypto,
  key: EdhocPublicKey,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  return key.curve === 'ed25519'
    ? crypto.ed25519VerifyingKey(key.x).verify(message, signature)
    : crypto.es256VerifyingKey(toPoint(key)).verify(message, signature)
}

/** Whether both are one key, whatever is known of `y`. */
export function sameKey(a: EdhocPublicKey, b: EdhocPublicKey): boolean {
  return a.curve === b.curve && equalBytes(a.x, b.x)
}

interface ImportedKey {
  readonly publicKey: EdhocPublicKey
  readonly use: (input: Uint8Array) => Uint8Array
}

function importKey(crypto: EdhocCrypto, kind: EdhocKeyKind, secretKey: Uint8Array): ImportedKey {
  switch (kind) {
    case 'ed25519': {
      const key = crypto.ed25519SigningKey(secretKey)
      const publicKey = { curve: kind, x: key.publicKey } as const
      return { publicKey, use: (message) => key.sign(message) }
    }
    case 'es256': {
      const key = crypto.es256SigningKey(secretKey)
      return { publicKey: fromPoint(key.publicKey), use: (message) => key.sign(message) }
    }
    case 'x25519': {
      const key = crypto.ecdh.x25519.importSecretKey(secretKey)
      const publicKey = { curve: kind, x: key.publicKey } as const
      return { publicKey, use: (peer) => key.agree(peer) }
    }
    case 'p256': {
      const key = crypto.ecdh.p256.importSecretKey(secretKey)
      return { publicKey: fromPoint(key.point), use: (peer) => key.agree(peer) }
    }
  }
}

/** Of an uncompressed point: 4, then x, then y (SEC 1 Section 2.3.3). */
function fromPoint(point: Uint8Array): EdhocPublicKey {
  return { curve: 'p256', x: point.slice(1, 33), y: point.slice(33) }
}

function toPoint({ x, y }: EdhocPublicKey): Uint8Array {
  if (y === undefined) throw new WaxwingError('ERR_KEY_INVALID', 'a key that verifies needs its y')
  return typeof y === 'boolean' ? Uint8Array.of(y ? 3 : 2, ...x) : Uint8Array.of(4, ...x, ...y)
}
