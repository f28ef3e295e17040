// SPDX-License-Identifier: Apache-2.0
/**
 * P-256 by `node:crypto`: Diffie-Hellman on x-coordinates, and ECDSA with SHA-256. OpenSSL draws the
 * nonce of each signature anew.
 *
 * @module
 */

import { createECDH, createPrivateKey, createPublicKey, ECDH, sign, verify } from 'node:crypto'
import { fromHex } from '../bytes.js'
import { nodeRandomBytes } from './node-random.js'
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

const CURVE = 'prime256v1'

/** What stands before an uncompressed point in a SubjectPublicKeyInfo (RFC 5480 Section 2). */
const SPKI_PREFIX = fromHex('3059301306072a8648ce3d020106082a8648ce3d030107034200')

/** What stands before and after the secret in an ECPrivateKey without public key (RFC 5915). */
const SEC1_PREFIX = fromHex('30310201010420')
const SEC1_SUFFIX = fromHex('a00a06082a8648ce3d030107')

/** @see EcdhCurves.p256 */
export const nodeP256: Ecdh<P256Secret> = {
  randomSecretKey: () => randomP256SecretKey(nodeRandomBytes),
  importSecretKey(secretKey) {
    const ecdh = importSecret(secretKey)
    const point = new Uint8Array(ecdh.getPublicKey())
    return { publicKey: xOf(point), point, agree: (publicKey) => agree(ecdh, publicKey) }
  },
}

/** @see CryptoProvider.es256SigningKey */
export function nodeEs256SigningKey(secretKey: Uint8Array): Es256SigningKey {
  const publicKey = new Uint8Array(importSecret(secretKey).getPublicKey())
  const der = Buffer.concat([SEC1_PREFIX, secretKey, SEC1_SUFFIX])
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'sec1' })
  der.fill(0)
  const key = { key: privateKey, dsaEncoding: 'ieee-p1363' } as const
  return { publicKey, sign: (message) => new Uint8Array(sign('sha256', message, key)) }
}

/** @see CryptoProvider.es256VerifyingKey */
export function nodeEs256VerifyingKey(publicKey: Uint8Array): Es256VerifyingKey {
  const point = uncompressed(publicKey)
  const der = Buffer.concat([SPKI_PREFIX, point])
  const imported = createPublicKey({ key: der, format: 'der', type: 'spki' })
  const key = { key: imported, dsaEncoding: 'ieee-p1363' } as const
  return {
    publicKey: point,
    verify: (message, signature) =>
      isWellFormedEs256Signature(signature) && verify('sha256', message, key, signature),
  }
}

function importSecret(secretKey: Uint8Array): ECDH {
  checkP256SecretKey(secretKey)
  const ecdh = createECDH(CURVE)
  ecdh.setPrivateKey(secretKey)
  return ecdh
}

function agree(ecdh: ECDH, publicKey: Uint8Array): Uint8Array {
  const point = pointWithX(publicKey)
  try {
    return new Uint8Array(ecdh.computeSecret(point))
  } catch {
    throw p256KeyInvalid('point of the curve')
  }
}

/** Decodes a point, which OpenSSL then knows to be on the curve: 65 new bytes. */
function uncompressed(publicKey: Uint8Array): Uint8Array {
  checkPointForm(publicKey)
  try {
    const point = ECDH.convertKey(publicKey, CURVE, undefined, undefined, 'uncompressed')
    return new Uint8Array(point as Buffer)
  } catch {
    throw p256KeyInvalid('point of the curve')
  }
}
