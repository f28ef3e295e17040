// SPDX-License-Identifier: Apache-2.0
/**
 * ChaCha20-Poly1305 (RFC 8439) by libsodium: algorithm 24, the only one that it offers here.
 *
 * This is the hot path of sealing and opening: no allocation per call.
 *
 * @module
 */

import sodium from 'sodium-native'
import { checkNonceAndOut } from './argument-checks.js'
import type { Aead } from './provider.js'

const NONCE_BYTES = 12
const TAG_BYTES = 16

const encrypt = sodium.crypto_aead_chacha20poly1305_ietf_encrypt
const decrypt = sodium.crypto_aead_chacha20poly1305_ietf_decrypt

/** One ChaCha20-Poly1305 key. Keeps a copy of the 32 bytes that it is given. */
export class SodiumAead implements Aead {
  readonly #key: Uint8Array

  constructor(key: Uint8Array) {
    this.#key = new Uint8Array(key)
  }

  seal(nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array, out: Uint8Array): void {
    checkNonceAndOut(NONCE_BYTES, nonce, plaintext.length + TAG_BYTES, out)
    encrypt(out, plaintext, aad, null, nonce, this.#key)
  }

  open(nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array, out: Uint8Array): boolean {
    if (ciphertext.length < TAG_BYTES) return false
    checkNonceAndOut(NONCE_BYTES, nonce, ciphertext.length - TAG_BYTES, out)
    try {
      decrypt(out, null, ciphertext, aad, nonce, this.#key)
    } catch {
      return false // all lengths were checked: only the tag can be wrong
    }
    return true
  }
}
