// SPDX-License-Identifier: Apache-2.0
/**
 * ML-KEM-768 by `@noble/post-quantum`, which looks for coefficients that are not reduced when it
 * encapsulates (versions before 0.6 did not find them).
 *
 * @module
 */

import { ml_kem768 } from '@noble/post-quantum/ml-kem.js'
import {
  checkMlKemLength,
  ML_KEM_768_PUBLIC_KEY_BYTES,
  ML_KEM_768_SEED_BYTES,
  type MlKem768,
  type MlKemPublicKey,
} from './ml-kem.js'

/** ML-KEM-768 in plain JavaScript. */
export const pureMlKem768: MlKem768 = {
  importSeed(seed) {
    checkMlKemLength('seed', seed, ML_KEM_768_SEED_BYTES)
    const { publicKey, secretKey } = ml_kem768.keygen(seed)
    return {
      publicKey: wrapPublicKey(publicKey),
      decapsulate: (ciphertext) => ml_kem768.decapsulate(ciphertext, secretKey),
    }
  },
  importPublicKey(bytes) {
    checkMlKemLength('public key', bytes, ML_KEM_768_PUBLIC_KEY_BYTES)
    return wrapPublicKey(new Uint8Array(bytes))
  },
}

function wrapPublicKey(bytes: Uint8Array): MlKemPublicKey {
  return {
    bytes,
    encapsulate() {
      const { sharedSecret, cipherText } = ml_kem768.encapsulate(bytes)
      return { sharedKey: sharedSecret, ciphertext: cipherText }
    },
  }
}
