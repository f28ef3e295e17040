// SPDX-License-Identifier: Apache-2.0
/** Signatures of the algorithms that the core does not offer, verified by `node:crypto`. */

import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { fromHex, LABEL_ALG, type Sign1, sigStructure } from '@waxwing/core'

/** The hash of ES256, ES384, ES512, and none for EdDSA. */
const HASHES = new Map<unknown, string | null>([
  [-7, 'sha256'],
  [-35, 'sha384'],
  [-36, 'sha512'],
  [-8, null],
])

/** Verifies a message over the core's own Sig_structure; `false` for an unknown algorithm too. */
export function verifyByPeer(
  message: Sign1,
  key: Readonly<Record<string, string>>,
  aad: Uint8Array,
): boolean {
  const { protectedHeader, unprotectedHeader, protectedBytes, payload, signature } = message
  const alg = protectedHeader.get(LABEL_ALG) ?? unprotectedHeader.get(LABEL_ALG)
  const hash = HASHES.get(alg)
  if (hash === undefined) return false
  const toBeSigned = sigStructure(protectedBytes, aad, payload)
  return verify(hash, toBeSigned, { key: publicKeyOf(key), dsaEncoding: 'ieee-p1363' }, signature)
}

function publicKeyOf(key: Readonly<Record<string, string>>): KeyObject {
  const coordinate = (name: string): object => {
    const hex = key[`${name}_hex`]
    const text = hex === undefined ? key[name] : Buffer.from(fromHex(hex)).toString('base64url')
    return text === undefined ? {} : { [name]: text }
  }
  const jwk = { kty: key['kty'], crv: key['crv'], ...coordinate('x'), ...coordinate('y') }
  return createPublicKey({ format: 'jwk', key: jwk as JsonWebKey })
}
