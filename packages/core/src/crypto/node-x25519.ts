// SPDX-License-Identifier: Apache-2.0
/**
 * X25519 by `node:crypto`. OpenSSL refuses to derive an all-zero secret.
 *
 * @module
 */

import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from 'node:crypto'
import { fromHex } from '../bytes.js'
import type { X25519Secret } from './x25519.js'

/** What stands before the 32 bytes of a key in its DER forms (RFC 8410 Sections 4 and 7). */
const SPKI_PREFIX = fromHex('302a300506032b656e032100')
const PKCS8_PREFIX = fromHex('302e020100300506032b656e04220420')

/** @see X25519 */
export function nodeX25519(secretKey: Uint8Array): X25519Secret {
  const key = Buffer.concat([PKCS8_PREFIX, secretKey])
  const privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' })
  key.fill(0)
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  return {
    publicKey: new Uint8Array(spki.subarray(SPKI_PREFIX.length)),
    agree: (publicKey) =>
      new Uint8Array(diffieHellman({ privateKey, publicKey: importPublicKey(publicKey) })),
  }
}

function importPublicKey(publicKey: Uint8Array): KeyObject {
  const key = Buffer.concat([SPKI_PREFIX, publicKey])
  return createPublicKey({ key, format: 'der', type: 'spki' })
}
