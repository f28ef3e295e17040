// SPDX-License-Identifier: Apache-2.0
/**
 * ML-KEM-768 by `node:crypto`: without the ExperimentalWarnings of WebCrypto's. OpenSSL looks for
 * coefficients that are not reduced when it imports a public key.
 *
 * @module
 */

import {
  createPrivateKey,
  createPublicKey,
  decapsulate,
  encapsulate,
  type KeyObject,
} from 'node:crypto'
import { concatBytes, fromHex } from '../bytes.js'
import {
  checkMlKemLength,
  ML_KEM_768_PUBLIC_KEY_BYTES,
  ML_KEM_768_SEED_BYTES,
  type MlKem768,
  type MlKemPublicKey,
} from './ml-kem.js'

/** What stands before a key in its DER forms (RFC 9935); the private one is the seed. */
const SPKI_PREFIX = fromHex('308204b2300b0609608648016503040402038204a100')
const PKCS8_PREFIX = fromHex('3054020100300b060960864801650304040204428040')

/** ML-KEM-768 by OpenSSL. */
export const nodeMlKem768: MlKem768 = {
  importSeed(seed) {
    checkMlKemLength('seed', seed, ML_KEM_768_SEED_BYTES) // DER would ignore what follows
    const key = Buffer.from(concatBytes(PKCS8_PREFIX, seed))
    const secretKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' })
    return {
      publicKey: derivedPublicKey(secretKey),
      decapsulate: (ciphertext) => new Uint8Array(decapsulate(secretKey, ciphertext)),
    }
  },
  importPublicKey(bytes) {
    checkMlKemLength('public key', bytes, ML_KEM_768_PUBLIC_KEY_BYTES)
    const key = Buffer.from(concatBytes(SPKI_PREFIX, bytes))
    const publicKey = createPublicKey({ key, format: 'der', type: 'spki' })
    return { bytes: new Uint8Array(bytes), encapsulate: () => encapsulate(publicKey) }
  },
}

function derivedPublicKey(secretKey: KeyObject): MlKemPublicKey {
  const key = createPublicKey(secretKey)
  const spki = key.export({ format: 'der', type: 'spki' })
  return {
    bytes: new Uint8Array(spki.subarray(SPKI_PREFIX.length)),
    encapsulate: () => encapsulate(key),
  }
}
