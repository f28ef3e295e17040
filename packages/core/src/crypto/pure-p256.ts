// SPDX-License-Identifier: Apache-2.0
/**
 * P-256 by `@noble/curves`: Diffie-Hellman on x-coordinates, and ECDSA with SHA-256, whose nonces
 * are derived from key and message (RFC 6979). Its time can tell of the key to another program on the
 * same machine.
 *
 * @module
 */

import { p256 } from '@noble/curves/nist.js'
import {
  checkP256SecretKey,
  checkPointForm,
  isWellFormedEs256Signature,
  p256KeyInvalid,
  pointWithX,
  randomP256SecretKey,
  xOf,
} from './p256-rule.js'
import type { Ecdh, Es256SigningKey, Es256VerifyingKey, P256Secret } from './provider.js'
import { pureRandomBytes } from './pure-random.js'

type Point = InstanceType<typeof p256.Point>

/** ECDSA as RFC 9053 Section 2.1 has it: of the SHA-256 of the message, with any s. */
const ES256 = { prehash: true, lowS: false, format: 'compact' } as const

/** @see EcdhCurves.p256 */
export const pureP256: Ecdh<P256Secret> = {
  randomSecretKey: () => randomP256SecretKey(pureRandomBytes),
  importSecretKey(secretKey) {
    checkP256SecretKey(secretKey)
    const secret = new Uint8Array(secretKey)
    const point = p256.getPublicKey(secret, false)
    return { publicKey: xOf(point), point, agree: (publicKey) => agree(secret, publicKey) }
  },
}

/** @see CryptoProvider.es256SigningKey */
export function pureEs256SigningKey(secretKey: Uint8Array): Es256SigningKey {
  checkP256SecretKey(secretKey)
  const secret = new Uint8Array(secretKey)
  return {
    publicKey: p256.getPublicKey(secret, false),
    sign: (message) => p256.sign(message, secret, ES256),
  }
}

/** @see CryptoProvider.es256VerifyingKey */
export function pureEs256VerifyingKey(publicKey: Uint8Array): Es256VerifyingKey {
  checkPointForm(publicKey)
  const point = decodePoint(publicKey).toBytes(false)
  return {
    publicKey: new Uint8Array(point), // whoever changes this copy does not change what verifies
    verify: (message, signature) =>
      isWellFormedEs256Signature(signature) && p256.verify(signature, message, point, ES256),
  }
}

function agree(secret: Uint8Array, publicKey: Uint8Array): Uint8Array {
  const point = decodePoint(pointWithX(publicKey)).toBytes(true)
  return xOf(p256.getSharedSecret(secret, point))
}

function decodePoint(bytes: Uint8Array): Point {
  try {
    return p256.Point.fromBytes(bytes)
  } catch {
    throw p256KeyInvalid('point of the curve')
  }
}
